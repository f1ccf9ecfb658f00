"""The kind of thing whose keypoints a COCO file annotates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter
from pydantic.types import Strict

from datasets.io import json_file
from datasets.io.assumptions import Assumed, sentences
from datasets.io.errors import DataError
from datasets.io.json_file import Positive, Record, Whole, a_list
from datasets.io.problems import raise_if_any
from datasets.keypoints import KEYPOINTS, SKELETON

Limbs = tuple[tuple[int, int], ...]

_a_sigma = TypeAdapter(Positive).validate_python


@dataclass(frozen=True)
class Category:
    """The kind of thing whose keypoints are annotated: one category, or several with the same keypoints."""

    ids: frozenset[int]
    keypoints: tuple[str, ...]
    skeleton: Limbs = ()  # pairs of keypoints, counted from 1
    sigmas: Mapping[str, float] = field(default_factory=dict)  # constants of OKS, where the file has some
    assumed: Assumed = field(default_factory=dict)


class _Listed(BaseModel):
    id: Whole
    keypoints: tuple[Annotated[str, Strict()], ...]


def of_file(top: Record, twin: Path | None) -> tuple[Category, set[Any]]:
    """What a file annotates, and the ids of all categories that it lists.

    Args:
        top: the whole file; twin: that of the other split.

    Raises:
        DataError: as `choose`.
    """
    records = _listed(top)
    named = any(record.value.get("keypoints") for record in records)
    twins = [] if named or twin is None else _listed(json_file.load(twin).as_object())
    category = choose(top.path, records, twins)
    unnamed = {
        one.value.get("id"): one.value.get("name") for one in records if not one.value.get("keypoints")
    }
    like = _annotated_alike(top, category, unnamed) - category.ids
    said = {f"category {unnamed[one]} names no keypoints: those of its twin stand in": 1 for one in like}
    joined = replace(category, ids=category.ids | like, assumed={**category.assumed, **said})
    return joined, {record.value.get("id") for record in records}


def _listed(top: Record) -> list[Record]:
    values = top.parse(a_list, "categories")
    records, broken = json_file.parse_objects(top.path, values, "categories", lambda record: record)
    raise_if_any(broken, skippable=False)
    return records


def _annotated_alike(top: Record, category: Category, unnamed: Mapping[Any, Any]) -> set[int]:
    """Categories without names whose annotations have as many keypoints, some of them labelled."""
    found: set[int] = set()
    values = top.parse(a_list, "annotations") if unnamed else []
    for one in values:
        ident = one.get("category_id") if isinstance(one, dict) else None
        if type(ident) is int and ident in unnamed and ident not in found:
            points = one.get("keypoints")
            if isinstance(points, list) and len(points) == 3 * len(category.keypoints) and any(points):
                found.add(ident)
    return found


def choose(path: Path, records: Sequence[Record], twins: Sequence[Record] = ()) -> Category:
    """All categories that have the same keypoints; of several kinds, the people.

    Args:
        twins: those of the other split's file, whose names are taken where this one has none.

    Raises:
        DataError: there are none or several kinds, or names are wrong.
    """
    named = [record for record in records if record.value.get("keypoints")]
    if not named and twins:
        return _of_twins(path, records, twins)
    kinds: dict[str, list[Record]] = {}
    for record in named:
        kinds.setdefault(str(record.value["keypoints"]), []).append(record)
    people = [kind for kind in kinds.values() if any(one.value.get("name") == "person" for one in kind)]
    chosen = list(kinds.values()) if len(kinds) == 1 else people
    if len(chosen) != 1:
        names = ", ".join(str(record.value.get("name")) for record in records) or "none"
        raise DataError(
            path,
            f"no single kind of category has keypoints (categories: {names})",
            remedy="Keep categories with one list of keypoints, or call one of them person",
            code="no-single-category",
        )
    return _joined(chosen[0])


def _of_twins(path: Path, records: Sequence[Record], twins: Sequence[Record]) -> Category:
    twin = choose(twins[0].path, twins)
    names = {one.value.get("name") for one in twins if one.value.get("id") in twin.ids}
    ids = {record.parse(_whole, "id") for record in records if record.value.get("name") in names}
    if not ids:
        return choose(path, records)
    said = f"{path.name} names no keypoints: those of {twins[0].path.name} stand in"
    return replace(twin, ids=frozenset(ids), assumed={said: 1})


def _joined(kind: Sequence[Record]) -> Category:
    first = kind[0]
    ids = [record.parse(_Listed.model_validate).id for record in kind]
    names, K = tuple(first.value["keypoints"]), len(first.value["keypoints"])
    if len(set(names)) != K:
        raise first.wrong("a keypoint's name occurs twice", code="repeated-name")
    limbs, assumed = _limbs(first.value.get("skeleton"), names)
    if len(kind) > 1:
        assumed = {**assumed, f"{len(kind)} categories have the same keypoints: they are taken for one": 1}
    sigmas = next((record for record in kind if record.value.get("sigmas")), None)
    return Category(frozenset(ids), names, limbs, {} if sigmas is None else _sigmas(sigmas, names), assumed)


def _sigmas(record: Record, names: Sequence[str]) -> dict[str, float]:
    """Of a list in the order of the keypoints, or of an object by their names."""
    given = record.value["sigmas"]
    values = [given.get(name) for name in names] if isinstance(given, dict) else given
    if not isinstance(values, list) or len(values) != len(names):
        raise record.wrong(f"sigmas are not {len(names)} numbers", code="wrong-length")
    checked = [Record(record.path, f"{record.name}.sigmas", value).parse(_a_sigma) for value in values]
    return dict(zip(names, checked, strict=True))


def _limbs(given: Any, names: Sequence[str]) -> tuple[Limbs, Assumed]:
    """The limbs that can be drawn. A skeleton matters to drawings alone, and never refuses a set."""
    listed = given if isinstance(given, list) else []
    if [tuple(one) for one in listed if isinstance(one, list)] == list(SKELETON) and tuple(
        names
    ) != KEYPOINTS:
        by_name = [[KEYPOINTS[a - 1], KEYPOINTS[b - 1]] for a, b in SKELETON]
        limbs = _known(by_name, names)
        return limbs, {"the skeleton is that of COCO's 17 keypoints: its limbs are drawn by their names": 1}
    ends = [end for one in listed if isinstance(one, list) for end in one if type(end) is int]
    from_0 = bool(ends) and min(ends) == 0 and max(ends) < len(names)
    limbs = _known(listed, names, first=0 if from_0 else 1)
    said = {
        "{n} {limb|limbs} of the skeleton {joins|join} no two keypoints: not drawn": len(listed) - len(limbs),
        "the skeleton counts keypoints from 0": int(from_0),
    }
    return limbs, dict.fromkeys(sentences(said), 1)  # of both splits one and the same


def _known(listed: Sequence[Any], names: Sequence[str], first: int = 1) -> Limbs:
    """Those between two keypoints that there are, by number or name, counted from 1."""
    where: dict[Any, int] = {name: place for place, name in enumerate(names, 1)}
    where |= {place + first: place + 1 for place in range(len(names))}
    pairs = [one for one in listed if isinstance(one, list) and len(one) == 2]
    plain = [one for one in pairs if all(type(end) in (int, str) for end in one)]
    return tuple((where[a], where[b]) for a, b in plain if a in where and b in where)


_whole = TypeAdapter(Whole).validate_python
