"""Classes of one's own in the unions of configurations: by their kind, which is theirs alone."""

from typing import Any, ClassVar, Literal

import torch
from pydantic import TypeAdapter
from torch import nn

from models.backbones import SmallTrunk, Trunk
from models.losses import ErrorLoss
from models.objectives import L1, Objective, WeightedSum
from models.terms import Term
from models.trunk import TrunkConfig
from tests.support.errors import invalid

OBJECTIVE: TypeAdapter[Any] = TypeAdapter(Objective)
TRUNK: TypeAdapter[Any] = TypeAdapter(Trunk)


class Cubic(Term):
    kind: Literal["cubic_of_test_kinds"] = "cubic_of_test_kinds"
    factor: float = 1.0

    @property
    def name(self) -> str:
        return "cubic"

    def build(self, dim: int) -> ErrorLoss:
        return ErrorLoss(lambda x: self.factor * x.abs() ** 3)


class Flat(TrunkConfig):
    kind: Literal["flat_of_test_kinds"] = "flat_of_test_kinds"
    stride: ClassVar[int] = 4  # type: ignore[misc]
    channels_out: ClassVar[int] = 3  # type: ignore[misc]

    def build(self, pretrained: bool = True) -> nn.Module:
        return nn.AvgPool2d(4)


class Taken(Cubic):
    kind: Literal["l1"] = "l1"  # type: ignore[assignment]


class Nameless(Term):
    name: ClassVar[str] = "nameless"  # type: ignore[misc]

    def build(self, dim: int) -> ErrorLoss:
        return ErrorLoss(torch.abs)


def test_a_value_of_ones_own_is_written_with_all_its_fields_and_read_back() -> None:
    for value in (Cubic(factor=2), WeightedSum(terms=((1, L1()), (0.5, Cubic(factor=3))))):
        assert OBJECTIVE.validate_json(OBJECTIVE.dump_json(value)) == value
    assert TRUNK.validate_json(TRUNK.dump_json(Flat())) == Flat()
    one = torch.ones(1, 1, 2)
    assert OBJECTIVE.validate_python(Cubic(factor=2)).build(2)(2 * one, None, one).loss == 4


def test_a_field_of_it_is_checked_as_any() -> None:
    with invalid("float_parsing"):
        OBJECTIVE.validate_json('{"kind": "cubic_of_test_kinds", "factor": "x"}')
    with invalid("extra_forbidden"):
        OBJECTIVE.validate_json('{"kind": "cubic_of_test_kinds", "fctor": 1}')


def test_a_kind_that_no_loaded_class_has_is_refused_and_imports_nothing() -> None:
    for kind in ("absent", "os:system", "tests.support.faults:Cluster"):
        with invalid("unknown-kind"):
            OBJECTIVE.validate_python({"kind": kind})
    with invalid("unknown-kind"):
        TRUNK.validate_python({"kind": "cubic_of_test_kinds"})  # of an objective
    with invalid("union_tag_not_found"):
        OBJECTIVE.validate_python({})


def test_a_class_that_would_be_read_back_as_another_is_refused() -> None:
    with invalid("taken-kind"):
        OBJECTIVE.validate_python(Taken())
    with invalid("no-kind"):
        OBJECTIVE.validate_python(Nameless())


def test_values_of_the_project_stay_what_they_are() -> None:
    assert OBJECTIVE.validate_json('{"kind": "l1"}') == L1()
    assert TRUNK.validate_python(SmallTrunk()) == SmallTrunk()
