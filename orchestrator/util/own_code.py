"""Classes defined outside the project: the source files behind them, their digest, and how they travel.

A trial elsewhere gets the very text of these files with its task, writes it to a folder of its own and
imports it there, so that no node needs them and no other version of them can run. Nothing else that is read,
a checkpoint or a record, is ever imported.
"""

import ast
import atexit
import hashlib
import importlib
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from models.kinds import PACKAGES, is_own
from orchestrator.util.errors import SweepError


@dataclass(frozen=True)
class OwnCode:
    """A module and all that it imports of its own folder.

    Args:
        module: its name there.
        files: the text of each file by its name in that folder.
    """

    module: str
    files: Mapping[str, str]

    @property
    def digest(self) -> str:
        """12 hex digits of names and texts."""
        found = hashlib.sha256()
        for name, text in sorted(self.files.items()):
            found.update(f"{name}\0{len(text)}\0{text}".encode())
        return found.hexdigest()[:12]

    def load(self) -> None:
        """Import the module from a folder of this process, unless it is there already.

        Raises:
            SweepError: another module of that name is there.
        """
        if self.module not in sys.modules:
            folder = Path(tempfile.mkdtemp(prefix="rle-lab-code-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            for name, text in self.files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text, "utf-8")
            sys.path.insert(0, str(folder))
            importlib.invalidate_caches()
            importlib.import_module(self.module)
        if code_of_module(self.module).digest != self.digest:
            raise SweepError(
                f"another module is called {self.module!r}: rename the file of your own", code="module-name"
            )


def own_codes(*values: object) -> tuple[OwnCode, ...]:
    """The code behind all classes of one's own in configurations, once for each module."""
    modules = dict.fromkeys(one.__module__ for value in values for one in _own_classes(value))
    return tuple(code_of_module(module) for module in modules)


def digest_of(config: type[BaseModel]) -> str:
    """Of the code of a class of one's own; empty for one of the project's."""
    return code_of_module(config.__module__).digest if is_own(config) else ""


@cache
def code_of_module(name: str) -> OwnCode:
    """The code of a module that was imported, or of the file that Python was called with (`__main__`).

    It is read once by a process, so that all of its jobs have the same.

    Raises:
        SweepError: it was not read from a file.
    """
    module = sys.modules[name]
    file = getattr(module, "__file__", None)
    if file is None or not Path(file).is_file():
        raise SweepError(
            f"classes of your own must be in a file, which trials import; {name} is none", code="no-file"
        )
    path = Path(file).resolve()
    spec = getattr(module, "__spec__", None)
    dotted = path.stem if name == "__main__" and spec is None else (spec.name if spec else name)
    depth = dotted.count(".") + (path.name == "__init__.py")
    root = path.parents[depth]
    return OwnCode(dotted, _closure(root, path))


def _closure(root: Path, first: Path) -> dict[str, str]:
    """The text of a file and of all in the folder `root` that it imports, and that these import."""
    found: dict[str, str] = {}
    waiting = [first]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(root).as_posix()
        if name not in found:
            found[name] = path.read_text("utf-8")
            waiting += _files(root, _imported(found[name], name))
    return found


def _imported(text: str, file: str) -> Iterator[str]:
    """Dotted names that a file imports, relative ones in full."""
    package = file.removesuffix(".py").removesuffix("/__init__").split("/")
    package = package if file.endswith("__init__.py") else package[:-1]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            stem = [*package[: len(package) + 1 - node.level]] if node.level else []
            base = ".".join([*stem, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _files(root: Path, names: Iterable[str]) -> Iterator[Path]:
    """Those in the folder, with the packages on the way; without the project's, which every node has."""
    for name in names:
        parts = name.split(".")
        if parts[0] in PACKAGES:
            continue
        for end in range(1, len(parts) + 1):
            stem = root.joinpath(*parts[:end])
            yield from (file for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.is_file())


def _own_classes(value: object) -> Iterator[type]:
    if isinstance(value, BaseModel):
        if is_own(type(value)):
            yield type(value)
        for name in type(value).model_fields:
            yield from _own_classes(getattr(value, name))
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _own_classes(inner)
