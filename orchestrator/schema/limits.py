"""Limits that the command line names in its help: this module imports nothing."""

MAX_SEEDS = 20
"""Seeds of a row at most, unless something else is agreed on before the first look."""
