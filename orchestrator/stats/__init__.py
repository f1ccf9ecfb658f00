"""Means, spreads and tests over seeds. May import schema only."""
