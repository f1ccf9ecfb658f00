"""What a person sees while trials run: which are done, running, waiting; epoch, metric, time left."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from datasets.union import DATA_SETS
from orchestrator.jobs.execute import JobResult

MEASUREMENT = 0.3
"""A measurement takes about as long as so many epochs at demo scale."""
HEADLINES = tuple(data.headline for data in DATA_SETS)
"""The number by which each benchmark is known."""
SHOWN = 12
"""Ended trials scroll by; this many of the latest stay in the live view."""


@dataclass
class Line:
    """One job on the display."""

    name: str
    epochs: int  # 0 for a measurement
    began: float | None = None
    epoch: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    finished: JobResult | None = None
    at_first: int = 0  # the epoch it had when it began here, for a trial that was resumed

    @property
    def state(self) -> str:
        if self.finished is not None:
            return self.finished.status
        return "waiting" if self.began is None else "running"

    @property
    def done(self) -> float:
        """Epochs done here."""
        return (self.epoch - self.at_first) if self.epochs else MEASUREMENT * (self.finished is not None)

    @property
    def to_do(self) -> float:
        """Epochs that it still takes."""
        if self.finished is not None:
            return 0
        return self.epochs - self.epoch if self.epochs else MEASUREMENT

    def left(self, now: float) -> float | None:
        """Seconds left, once an epoch tells the speed."""
        done = self.epoch - self.at_first
        if self.began is None or self.finished is not None or done < 1:
            return None
        return (now - self.began) / done * (self.epochs - self.epoch)


@dataclass
class Display:
    """The state behind the live view, changed by events and drawn a few times a second."""

    lines: dict[str, Line]
    began: float = field(default_factory=time.monotonic)

    def start(self, fingerprint: str) -> None:
        """A job runs, perhaps again after a crash."""
        line = self.lines[fingerprint]
        line.began, line.at_first = time.monotonic(), line.epoch

    def epoch(self, fingerprint: str, epoch: int, metrics: Mapping[str, float]) -> None:
        """A job has done an epoch."""
        line = self.lines[fingerprint]
        if line.epoch == 0 and epoch > 1:  # it went on from a checkpoint
            line.at_first, line.began = epoch, time.monotonic()
        line.epoch, line.metrics = epoch, {**line.metrics, **metrics}

    def end(self, fingerprint: str, finished: JobResult) -> None:
        """A job has ended."""
        line = self.lines[fingerprint]
        line.finished, line.metrics = finished, finished.metrics

    def left(self, now: float) -> float | None:
        """Seconds until the last job ends, from the epochs done so far, here."""
        done = sum(line.done for line in self.lines.values())
        to_do = sum(line.to_do for line in self.lines.values())
        return (now - self.began) / done * to_do if done else None

    def __rich__(self) -> RenderableType:
        now = time.monotonic()
        done = sum(line.finished is not None for line in self.lines.values())
        bar = Progress(
            TextColumn("[bold]jobs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn(f"about {_clock(self.left(now))} left"),
        )  # fmt: skip
        task = bar.add_task("jobs", total=len(self.lines), completed=done)
        bar.tasks[task].start_time = bar.get_time() - (now - self.began)
        return Group(self._table(now), bar)

    def _table(self, now: float) -> Table:
        table = Table(box=None, pad_edge=False)
        for title in ("", "job", "epoch", "measured", "loss", "left"):
            table.add_column(title, justify="left" if title in ("", "job") else "right")
        running = [line for line in self.lines.values() if line.state == "running"]
        waiting = [line for line in self.lines.values() if line.state == "waiting"]
        ended = [line for line in self.lines.values() if line.finished is not None]
        for line in [*ended[-SHOWN:], *running]:
            table.add_row(*_cells(line, now))
        if waiting:
            table.add_row("[dim]…", f"[dim]{len(waiting)} waiting", "", "", "", "")
        return table


MARKS = {
    "finished": "[green]✓",
    "diverged": "[yellow]diverged",
    "failed": "[red]failed",
    "running": "[cyan]▶",
}


def _cells(line: Line, now: float) -> tuple[str, ...]:
    epoch = f"{line.epoch}/{line.epochs}" if line.epochs else ""
    left = _clock(line.left(now)) if line.state == "running" else ""
    loss = f"{line.metrics['loss']:.1f}" if "loss" in line.metrics else ""
    return MARKS[line.state], line.name, epoch, headline(line.metrics), loss, left


def headline(metrics: Mapping[str, float]) -> str:
    """The number by which the benchmark is known, such as `AP 46.7`; empty before it was measured."""
    return next((f"{key} {metrics[key]:.1f}" for key in HEADLINES if key in metrics), "")


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextmanager
def shown(display: Display, console: Console) -> Iterator[None]:
    """Draw the display until the end; without a terminal, nothing moves and `ended` lines tell the story."""
    if not console.is_terminal:
        yield
        return
    with Live(display, console=console, refresh_per_second=2):
        yield


def ended(display: Display, fingerprint: str) -> str:
    """For logs, when a job has ended: one line, and below it what went wrong."""
    line = display.lines[fingerprint]
    assert line.finished is not None
    done = sum(other.finished is not None for other in display.lines.values())
    measured = headline(line.metrics)
    told = f", {measured}" if measured else ""
    took = f", {line.finished.duration:.0f} s" if line.finished.duration else ""
    left = _clock(display.left(time.monotonic()))
    story = f"[{done}/{len(display.lines)}] {line.name}: {line.state}{told}{took}; about {left} left"
    return f"{story}\n{line.finished.note}" if line.state == "failed" else story
