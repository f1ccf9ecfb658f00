"""What a user can mend: errors that the command line prints as a sentence."""


class SweepError(Exception):
    """A sweep can't be run as asked; the message names the option and what it may be."""
