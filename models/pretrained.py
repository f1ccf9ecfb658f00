"""Initial weights of trunks: files that the user names, and what is left out of them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field
from torch import Tensor

from models import weights_file
from models.config import Frozen
from models.errors import WeightsError


class WeightsFile(Frozen):
    """A file of weights, known by its content: a state dict of torch.save, or safetensors.

    Fields:
        path: where it lies, on all machines that train.
        sha256: of its content. It decides the result; the path does not.
    """

    path: str = Field(min_length=1, max_length=4096, json_schema_extra={"neutral": True})
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @classmethod
    def of(cls, path: Path) -> "WeightsFile":
        """The file at `path` as it is now.

        Raises:
            WeightsError: it can't be read.
        """
        return cls(path=str(path.expanduser().absolute()), sha256=_sha256(path))

    def read(self) -> dict[str, Tensor]:
        """Its tensors by name.

        Raises:
            WeightsError: the file is missing, has changed, or holds no state dict.
        """
        path = Path(self.path)
        if _sha256(path) != self.sha256:
            raise WeightsError(
                f"{path} has changed since the experiment was made, whose weights have the SHA-256 "
                f"{self.sha256}. Put that file there, or name this one with --weights, for a new experiment",
                "other-weights-file",
            )
        return _safetensors(path) if path.suffix == ".safetensors" else weights_file.read(path).state


def fitted(
    found: Mapping[str, Tensor], own: Mapping[str, Tensor], origin: str, extra: str
) -> dict[str, Tensor]:
    """The tensors of `found` that `own` has by name.

    Args:
        found: tensors of a file.
        own: those of the net that they are for.
        origin: where they are from, to be named.
        extra: how the names of tensors begin that the net needs not, its classifier's, with the last dot.

    Raises:
        WeightsError: a tensor is missing, is left over or has another shape; the message names it.
    """
    for name, tensor in own.items():
        if name.endswith("num_batches_tracked") and name not in found:
            continue
        if name not in found:
            raise _does_not_fit(origin, f"it has no {name}")
        if found[name].shape != tensor.shape:
            sizes = f"{tuple(found[name].shape)} in place of {tuple(tensor.shape)}"
            raise _does_not_fit(origin, f"its {name} is {sizes}")
    if left := [name for name in found if name not in own and not name.startswith(extra)]:
        raise _does_not_fit(origin, f"its {left[0]} belongs to no part of this trunk")
    return {name: found.get(name, tensor) for name, tensor in own.items()}


def _does_not_fit(origin: str, why: str) -> WeightsError:
    return WeightsError(f"{origin}: weights of another architecture: {why}", "other-architecture")


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: can't be read as safetensors ({error})", "unreadable-weights") from error


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"{path}: can't be read ({error})", "unreadable-weights") from error
