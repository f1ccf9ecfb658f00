"""A set is found below the folder that is named, read once, and described by what is in it."""

import json
from pathlib import Path
from typing import Any

import pytest

from datasets.base.folder import DataRoot
from datasets.coco import folder
from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.contract import DataPaths
from datasets.human36m.folder import Human36MFolder
from datasets.io.problems import Problem
from datasets.io.survey import MOST_BROKEN
from datasets.mpii.folder import MpiiFolder
from datasets.union import DATA_SETS, benchmarks, sets_in
from tests.support.errors import refused


def test_a_folder_of_the_sets_name_is_preferred_and_the_root_itself_will_do(tmp_path: Path) -> None:
    assert Human36MFolder.locate(tmp_path) == tmp_path
    (tmp_path / "Human36M").mkdir()
    assert Human36MFolder.locate(tmp_path) == tmp_path / "Human36M"
    (tmp_path / "h36m").mkdir()
    assert Human36MFolder.locate(tmp_path) == tmp_path / "h36m"


@pytest.mark.parametrize("kind", [data.folder for data in DATA_SETS])
def test_a_root_that_is_no_folder_is_refused(kind: Any, tmp_path: Path) -> None:
    with refused("not-a-folder"):
        kind.is_in(tmp_path / "nowhere")
    with refused("not-a-folder"):
        kind.bind(tmp_path / "nowhere")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Which folders were parsed."""
    seen: list[Path] = []
    parse = folder.parse_set

    def noted(root: Path, *rest: Any) -> Any:
        seen.append(root)
        return parse(root, *rest)

    monkeypatch.setattr(folder, "parse_set", noted)
    return seen


@pytest.mark.parametrize("skip", [False, True])
def test_annotations_are_parsed_once_by_a_command(
    tree: Any, tmp_path: Path, reads: list[Path], skip: bool
) -> None:
    root = DataRoot(tree.root, skip_broken=skip)
    root.survey(CocoFolder)
    sizes = ((48, 36), (64, 48))
    for data in (CocoKeypoints(source=root.bind(CocoFolder), size=size) for size in sizes):
        data.prepare(DataPaths(tmp_path / "cache", tree.root), contents=root.contents)
    assert reads == [tree.root]
    assert root.bind(CocoFolder) == CocoFolder.bind(tree.root)


def test_annotations_are_parsed_again_only_where_pictures_are_broken(tree: Any, reads: list[Path]) -> None:
    (tree.root / "train" / "0002.png").write_bytes(b"no picture")
    root = DataRoot(tree.root, skip_broken=True)
    assert root.bind(CocoFolder).broken_pictures == ("train/0002.png",)
    assert root.contents[root.bind(CocoFolder)].train.left_out == {"in broken pictures": 2}
    assert len(reads) == 2


def test_whoever_has_not_read_the_files_compares_them_with_the_digest(
    tree: Any, tmp_path: Path, reads: list[Path]
) -> None:
    data = CocoKeypoints(source=CocoFolder.bind(tree.root), size=(48, 36))
    for _ in range(2):
        data.prepare(DataPaths(tmp_path / "cache", tree.root))
    assert len(reads) == 3


def test_too_many_broken_files_are_refused(tree: Any) -> None:
    broken = [Problem(f"{n}.png", "", "missing", "") for n in range(MOST_BROKEN + 1)]
    with refused("too-many-broken"):
        DataRoot(tree.root, skip_broken=True, check=lambda survey: broken).bind(CocoFolder)


def test_the_sets_of_a_folder_are_found(tree: Any) -> None:
    assert [data.name for data in sets_in(tree.root)] == ["coco"]
    (tree.root / "dme").mkdir()
    (tree.root / "dme" / "Subject_01.mat").touch()
    (tree.root / "h36m" / "annotations").mkdir(parents=True)
    (tree.root / "h36m" / "annotations" / "Human36M_subject1_data.json").touch()
    assert [data.name for data in sets_in(tree.root)] == ["coco", "human36m", "retina"]


def test_annotations_of_another_set_are_not_taken_for_cocos(tree: Any) -> None:
    for name in ("Human36M_subject1_data.json", "mpii_train.json", "mpii_val.json"):
        (tree.root / "annotations" / name).write_text(json.dumps({}))
    assert [data.name for data in sets_in(tree.root)] == ["human36m"]


@pytest.mark.parametrize("folder", ["annot", "annotations"])
def test_mpiis_lists_are_known_without_their_ground_truth_which_is_then_asked_for(
    tmp_path: Path, folder: str
) -> None:
    (tmp_path / folder).mkdir()
    for name in ("train.json", "valid.json"):
        (tmp_path / folder / name).write_text(json.dumps([]))
    assert [data.name for data in sets_in(tmp_path)] == ["mpii"]
    with refused("missing-file") as caught:
        MpiiFolder.bind(tmp_path)
    assert "gt_valid.mat" in caught.value.problem


def test_a_folder_without_any_set_says_what_is_missing(tmp_path: Path) -> None:
    with refused("no-annotations"):
        sets_in(tmp_path)


def test_every_set_says_what_it_is() -> None:
    for data in benchmarks():
        assert data.measured_on == data.benchmark
        assert not data.caveat
        assert data.name == data.kind
        assert (data.skeleton is None) == (data.name == "retina")
    assert len({data.headline for data in benchmarks()}) == len(DATA_SETS)
    assert MpiiFolder().fingerprint() != Human36MFolder().fingerprint()
