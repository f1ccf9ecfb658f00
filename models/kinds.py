"""Unions of configurations that classes of one's own join, told apart by their `kind`.

Reading imports nothing: a kind is looked for among the classes that Python knows, those whose files were run.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

PACKAGES = ("datasets", "models", "orchestrator", "sweeps")
"""Those of this project; all other classes are somebody's own."""

UNKNOWN = {("union_tag_invalid", ()), ("extra_forbidden", ("kind",))}
"""What pydantic says of a kind that none of the project's classes has: in a union, or where there is one."""

Config = TypeVar("Config", bound=BaseModel)


def is_own(kind: type) -> bool:
    """Whether a class is defined outside this project."""
    return kind.__module__.partition(".")[0] not in PACKAGES


@dataclass(frozen=True)
class OpenTo:
    """Annotates a union discriminated by `kind`: it takes classes of one's own too that derive from `base`.

    A class of one's own has a field such as `kind: Literal["huber"] = "huber"`, of a kind that no other has.

        Trunk = Annotated[ResNet | SmallTrunk, Discriminator("kind"), OpenTo(TrunkConfig)]

    Args:
        base: what all of them derive from.
        built_in: the annotated type itself where that is no union. Then this project's other classes that
            derive from `base` and have a kind are taken as those of one's own are.
    """

    base: type[BaseModel]
    built_in: type[BaseModel] | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """pydantic's hook. Values are written with all fields of their own class."""
        inner = handler(source) if self.built_in is None else handler.generate_schema(self.built_in)
        return core_schema.no_info_wrap_validator_function(
            self._validate, inner, serialization=core_schema.simple_ser_schema("any")
        )

    def _validate(self, value: Any, built_in: core_schema.ValidatorFunctionWrapHandler) -> Any:
        if isinstance(value, self.base) and self._joins(type(value)):
            self._check(type(value))
            return value
        kind = value.get("kind") if isinstance(value, Mapping) else None
        found = [one for one in subclasses(self.base) if kind is not None and kind_of(one) == kind]
        if found and all(self._joins(one) for one in found):
            # A file that is run and imported too defines its classes twice: the newest is as good.
            self._check(found[-1])
            return found[-1].model_validate(value)
        try:
            return built_in(value)
        except ValidationError as error:
            known = bool(found) or not isinstance(value, Mapping)  # of this project, and not for this place
            if known or not any((one["type"], one["loc"]) in UNKNOWN for one in error.errors()):
                raise
            text = "there is no {base} of the kind {kind}; name the file that defines it with --code FILE"
            values = {"base": self.base.__name__, "kind": repr(kind)}
            raise PydanticCustomError("unknown-kind", text, values) from error

    def _joins(self, kind: type[BaseModel]) -> bool:
        """Whether a class is not among those that the annotated type has anyway."""
        return is_own(kind) or (self.built_in is not None and kind is not self.built_in)

    def _check(self, own: type[BaseModel]) -> None:
        """Refuse a class that could not be read back, or would be read back as another."""
        kind, name = kind_of(own), own.__qualname__
        if not kind.isidentifier():
            text = 'a {base} of your own needs a field such as kind: Literal["{kind}"] = "{kind}"'
            raise PydanticCustomError("no-kind", text, {"base": self.base.__name__, "kind": name.lower()})
        if any(kind_of(one) == kind and _origin(one) != _origin(own) for one in subclasses(self.base)):
            text = "the kind {kind} of {name} is that of another class too: choose another"
            raise PydanticCustomError("taken-kind", text, {"kind": repr(kind), "name": name})


def kind_of(config: type[BaseModel]) -> str:
    """The kind that a class declares; empty for none."""
    field = config.model_fields.get("kind")
    return field.default if field is not None and isinstance(field.default, str) else ""


def _origin(config: type) -> tuple[str, str]:
    """The file that defines a class, whatever name it was imported by, and its name in it."""
    module = config.__module__
    return str(getattr(sys.modules.get(module), "__file__", None) or module), config.__qualname__


def subclasses(base: type[Config]) -> Iterator[type[Config]]:
    """All that derive from a class, the oldest first; not itself."""
    for one in base.__subclasses__():
        yield one
        yield from subclasses(one)
