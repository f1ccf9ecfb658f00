"""What a user can mend: errors that the command line prints as a sentence, with exit code 2."""

from datasets.io.errors import UserError

__all__ = ["SweepError", "UserError"]


class SweepError(UserError):
    """A sweep can't be run as asked; the message names the option and what it may be."""
