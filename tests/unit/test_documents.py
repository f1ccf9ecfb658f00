"""README.md and docs/ name commands, options, files and numbers that there are."""

import argparse
import ast
import doctest
import importlib
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from orchestrator.bench import gpu_hours
from orchestrator.cli.main import parser
from orchestrator.cli.options import add_options
from orchestrator.cli.run import EXPERIMENT_FILES
from orchestrator.config.experiment import Experiment
from sweeps import all_sweeps, listed
from sweeps.__main__ import demo
from tests.support.paths import ROOT

DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PROGRAM = re.compile(r"(?:python |(?<=\s))?(?:\S*/)?sweeps/(\w+)\.py$")


def code_lines(text: str) -> Iterator[str]:
    """Lines of fenced and of indented blocks, those that a backslash breaks in one."""
    fenced = "\n".join(FENCE.findall(text))
    indented = "\n".join(line[4:] for line in FENCE.sub("", text).splitlines() if line.startswith("    "))
    yield from re.sub(r"\\\n\s*", " ", f"{fenced}\n{indented}").splitlines()


def commands(path: Path) -> Iterator[tuple[str, ...]]:
    """What a document tells to type of this project: `rle-lab ...`, or a sweep's file, also as a job."""
    for line in code_lines(path.read_text()):
        if not re.match(r"(rle-lab|python sweeps/|ray job submit)\b", line):
            continue
        words = shlex.split(line.partition(" > ")[0], comments=True)
        if words[:3] == ["ray", "job", "submit"]:
            words = words[words.index("--") + 1 :] if "--" in words else words[-1:]
        yield tuple(words[1:] if words[0] == "python" else words)


COMMANDS = [pytest.param(c, id=f"{p.stem}: {shlex.join(c)}") for p in DOCUMENTS for c in commands(p)]


def parsed(command: tuple[str, ...], folder: Path, file: Path) -> argparse.Namespace:
    """The command by its own parser. Data that must exist become `folder` and `file`."""
    program, *arguments = command
    there = {"--data-root": str(folder), "--detections": str(file), "--code": str(file)}
    arguments = [there.get(before, word) for before, word in zip(["", *arguments], arguments, strict=False)]
    if program == "rle-lab":
        return parser(listed, all_sweeps, demo).parse_args(arguments)
    found = argparse.ArgumentParser()
    add_options(found)
    return found.parse_args(arguments)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_in_the_documents_names_a_command_or_sweep_and_options_that_there_are(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "boxes.json"
    file.touch()
    try:
        named = getattr(parsed(command, tmp_path, file), "sweep", None) or []
    except SystemExit as end:
        if end.code:
            pytest.fail(capsys.readouterr().err)
        return
    if found := PROGRAM.match(command[0]):
        assert (ROOT / "sweeps" / f"{found[1]}.py").is_file()
        named = [found[1]]
    named = [name for name in named if not name.endswith((*EXPERIMENT_FILES, ".py"))]
    assert set(named) <= {sweep.name for sweep in all_sweeps()}


def test_commands_are_found_and_a_wrong_option_would_be_noticed(tmp_path: Path) -> None:
    assert len(COMMANDS) > 25
    assert any(param.values[0][0] == "sweeps/flow_size.py" for param in COMMANDS)  # type: ignore[index]
    for wrong in (
        ("rle-lab", "run", "--scael", "demo"),
        ("sweeps/flow_size.py", "--data-rot", "X"),
        ("rle-lab", "rn"),
    ):
        with pytest.raises(SystemExit):
            parsed(wrong, tmp_path, tmp_path)


def slugs(path: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


LINKS = [
    pytest.param(path, link, id=f"{path.stem}: {link}")
    for path in DOCUMENTS
    for link in LINK.findall(FENCE.sub("", path.read_text()))
    if "://" not in link
]


@pytest.mark.parametrize(("path", "link"), LINKS)
def test_local_links_lead_to_files_and_headings_that_there_are(path: Path, link: str) -> None:
    file, _, heading = link.partition("#")
    target = path.parent / file if file else path
    assert target.exists()
    assert not heading or heading in slugs(target)


@pytest.mark.parametrize("path", [p for p in DOCUMENTS if ">>>" in p.read_text()], ids=lambda p: p.stem)
def test_examples_in_the_documents_run(path: Path) -> None:
    failed, tried = doctest.testfile(str(path), module_relative=False)
    assert tried
    assert not failed


EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in ("models", "datasets", "orchestrator", "sweeps")
    for path in sorted((ROOT / package).rglob("*.py"))
    if ">>> " in path.read_text()
]


@pytest.mark.parametrize("module", EXAMPLES)
def test_examples_in_docstrings_run(module: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert tried
    assert not failed


PLACES = re.findall(r"`([\w/]+\.py):([\w.]+)`", "\n".join(path.read_text() for path in DOCUMENTS))


PATHS = re.findall(
    r"`((?:models|datasets|orchestrator|sweeps|tests|docs)/[\w/.-]*)",
    "\n".join(p.read_text() for p in DOCUMENTS),
)


@pytest.mark.parametrize("path", sorted(set(PATHS)))
def test_a_path_that_the_documents_name_exists(path: str) -> None:
    assert (ROOT / path).exists()


def definitions(node: ast.AST, within: str = "") -> Iterator[str]:
    """Functions and classes, those inside a class as `Class.method`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield within + child.name
            yield from definitions(child, f"{within}{child.name}.")


@pytest.mark.parametrize(("file", "name"), sorted(set(PLACES)))
def test_a_function_that_the_documents_name_is_defined_in_that_file(file: str, name: str) -> None:
    assert name in definitions(ast.parse((ROOT / file).read_text()))


def journeys() -> dict[str, list[str]]:
    """The hops of each journey in docs/architecture.md, by its first word in bold."""
    text = (
        (ROOT / "docs" / "architecture.md").read_text().partition("## Five journeys")[2].partition("\n## ")[0]
    )
    parts = re.split(r"^\*\*(.+?)\*\*", text, flags=re.MULTILINE)[1:]
    return {
        title: re.findall(r"^\d+\. .*", steps, re.MULTILINE)
        for title, steps in zip(parts[::2], parts[1::2], strict=True)
    }


def test_five_journeys_take_at_most_ten_hops_each_with_a_function() -> None:
    assert list(journeys()) == ["An option", "An annotation", "Sigma", "A metric", "A fingerprint"]
    for hops in journeys().values():
        assert 3 <= len(hops) <= 10
        assert all(re.search(r"`[\w/]+\.py:[\w.]+`", hop) for hop in hops)


@cache
def planned() -> gpu_hours.Jobs:
    """What each sweep runs at paper scale with one seed, by name and fingerprint."""
    return gpu_hours.planned(all_sweeps())


STEPS: dict[str, float] = {}


def assumed_step(experiment: Experiment) -> float:
    """Of each kind once: counting operations takes a second."""
    kind = gpu_hours.step_kind(experiment)
    if kind not in STEPS:
        STEPS[kind] = gpu_hours.assumed_step(experiment)
    return STEPS[kind]


def test_running_md_has_the_jobs_and_gpu_hours_of_each_sweep() -> None:
    text = (ROOT / "docs" / "running.md").read_text()
    *sweeps, everything = gpu_hours.sweep_hours(planned(), assumed_step).rows
    written = re.findall(r"^\| `(\w+)` \| (\d+) \| (\d+) \| ([\d.]+) \|$", text, re.MULTILINE)
    assert sorted(written) == sorted(sweeps)
    assert "| all together, shared trainings counted once | {} | {} | {} |".format(*everything[1:]) in text


def test_running_md_has_samples_epochs_flops_and_gpu_hours_of_the_recipes() -> None:
    text = (ROOT / "docs" / "running.md").read_text()
    for experiment in {gpu_hours.step_kind(e): e for e in gpu_hours.trainings(planned()).values()}.values():
        if experiment.data.name == "retina":
            continue  # minutes
        samples, epochs = gpu_hours.SAMPLES[experiment.data.name], experiment.epochs
        flops = assumed_step(experiment) * gpu_hours.ASSUMED_RATE / (3 * experiment.schedule.batch) / 1e9
        hours = gpu_hours.hours(experiment, assumed_step)
        row = rf"{samples:,} × (\d+ / )?{epochs}\b.*\| {flops:.2f} \|.*\b{hours:.1f}\b"
        assert re.search(row, text), (experiment.describe(), row)
