"""Files of weights that other code saved: the state dict in them and the size of crops, and no code.

mmpose saves its settings and its logs beside the weights: arrays of numpy and objects of its own, which
`torch.load` with `weights_only` refuses. Here a stand-in is made in place of each, which does nothing.
"""

import pickletools
import re
import zipfile
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Self

import torch
from torch import Tensor

from models.errors import WeightsError

State = Mapping[str, Tensor]

CODE = re.compile(
    r"(builtins\.(eval|exec|compile|open|input|__import__)|_?io\.open"
    r"|(os|posix|nt|sys|subprocess|runpy|importlib|shutil|socket|ctypes|pickle|torch\.hub)\..*)"
)
"""Names that no settings need. Nothing would be run; but whoever put them there meant to."""

_WRAPPERS = re.compile(r"(module\.|_orig_mod\.)")
"""What data parallelism and compilation put before all names."""

_OWN_WORDS = re.compile(r"WeightsUnpickler error: ((?:[^.\n]|\.(?=\w))+)")
"""What is wrong with the file, in a text that goes on to advise."""
_SIZE = re.compile(
    r"\b(?:input_size|image_size)['\"]?\s*[=:]\s*(?:(?:np\.)?array\()?[\[(]\s*(\d+)\s*,\s*(\d+)"
)
"""Width and height of crops, as the settings of mmpose 1 and of older versions have them."""

_PICKLES = 5
"""Of a file of the format before torch 1.6: magic number, version, system, content, keys of storages."""


@dataclass(frozen=True)
class SavedWeights:
    """What a file holds of use."""

    state: dict[str, Tensor]
    sizes: tuple[tuple[int, int], ...]  # (H, W) of crops, all that the settings of its training name


def read(path: Path) -> SavedWeights:
    """The state dict in a file of torch.save, alone or, as mmpose has it, under "state_dict".

    Raises:
        WeightsError: the file is missing, was not written by torch.save, or has code in it or no state dict.
    """
    try:
        names = _globals(path)
        if code := sorted(name for name in names if CODE.fullmatch(name)):
            raise WeightsError(
                f"{path}: read by plain torch it would run {code[0]}, so it was not read. If you trust its "
                "author, save its state dict by itself with torch.save",
                "unsafe-weights",
            )
        with torch.serialization.safe_globals([(_Ignored, name) for name in names]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except OSError as error:
        raise WeightsError(f"{path}: can't be read ({error})", "unreadable-weights") from error
    except Exception as error:  # torch raises many kinds for a file that it did not write
        raise WeightsError(
            f"{path}: can't be read as weights without running code in it ({reason(error)}). If you "
            "trust its author, save its state dict by itself with torch.save",
            "unsafe-weights",
        ) from error
    state = content.get("state_dict", content) if isinstance(content, dict) else content
    if not _is_state(state):
        raise WeightsError(f"{path}: expected a state dict, or a dict with a 'state_dict'", "no-state-dict")
    if hollow := [name for name, tensor in state.items() if not _holds_its_values(tensor)]:
        raise WeightsError(f"{path}: {hollow[0]} has a shape without its values", "hollow-tensor")
    return SavedWeights(_without_wrappers(state), _sizes(content.get("meta")))


class _Ignored(list[Any]):
    """In place of whatever is no tensor: it takes what it is given and keeps nothing."""

    def __new__(cls, *_: Any, **__: Any) -> Self:
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def __setstate__(self, _: Any) -> None:
        """Keeps nothing."""

    def append(self, _: Any) -> None:
        """Keeps nothing."""

    def extend(self, _: Iterable[Any]) -> None:
        """Keeps nothing."""


def _globals(path: Path) -> set[str]:
    """The names that the file's pickles refer to, as Python 3 calls them. Nothing is run."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            return {name for _ in range(_PICKLES) for name in _names(file)}
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if entry.filename.endswith("data.pkl")]
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ValueError("parts of it are compressed")
        return {name for entry in entries for name in _names(BytesIO(archive.read(entry)))}


def _names(file: BinaryIO) -> Iterator[str]:
    for operation, argument, _ in pickletools.genops(file):
        if operation.name == "GLOBAL":
            module, name = str(argument).split(" ", 1)
            module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
            yield f"{module}.{name}"


def _is_state(state: Any) -> bool:
    return isinstance(state, dict) and all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in state.items()
    )


def _holds_its_values(tensor: Tensor) -> bool:
    """Crafted strides make petabytes of a few bytes."""
    if tensor.layout != torch.strided or tensor.is_quantized:
        return False
    return tensor.untyped_storage().nbytes() >= tensor.numel() * tensor.element_size()


def _without_wrappers(state: State) -> dict[str, Tensor]:
    while state and all(_WRAPPERS.match(name) for name in state):
        state = {_WRAPPERS.sub("", name, count=1): tensor for name, tensor in state.items()}
    return dict(state)


def _sizes(meta: Any) -> tuple[tuple[int, int], ...]:
    """(H, W) as the settings say, which are text."""
    fields = meta if isinstance(meta, dict) else {}
    settings = [text for name in ("cfg", "config") if isinstance(text := fields.get(name), str)]
    found = [(int(height), int(width)) for text in settings for width, height in _SIZE.findall(text)]
    return tuple(dict.fromkeys(found))


def reason(error: Exception) -> str:
    """Why torch could not load a file, in a line, without its advice to load it so that code may run."""
    text = str(error).strip()
    if "weights_only" not in text:
        return text.splitlines()[0] if text else type(error).__name__
    own = _OWN_WORDS.search(text)
    return own[1] if own else "it holds more than tensors and plain values"
