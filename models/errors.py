"""Errors of this package. Programs and tests hold on to the class and the code; the text may change."""


class ModelError(Exception):
    """Base of the errors below. `code` is a few words joined by hyphens, such as `one-coordinate`."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message, code)  # both, so that the error can be pickled
        self.code = code

    def __str__(self) -> str:
        return str(self.args[0])


class ConfigError(ModelError, ValueError):
    """Parts that do not fit each other, such as a crop and a stride, or an objective and a model."""


class InputError(ModelError, ValueError):
    """A tensor that is missing or has the wrong shape, or an argument that this loss needs."""


class WeightsError(ModelError):
    """Pretrained weights that cannot be had or do not fit; the message says what to do about it."""
