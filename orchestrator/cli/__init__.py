"""The command line: argparse, and errors printed as sentences. May import everything below."""
