"""The live view of a run: which jobs are done, running, waiting; epoch, metric, time left."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from orchestrator.jobs.execute import JobResult
from orchestrator.stats.collapse import UNJUDGED_SCALE, collapse

MEASUREMENT = 0.3
"""A measurement takes about as long as so many epochs at demo scale."""
RECENT = 12
"""How many of the jobs that ended last stay in the live view."""


@dataclass
class JobProgress:
    """One job in the live view."""

    name: str
    epochs: int  # 0 for a measurement
    headline: str = ""  # the metric by which its data set is known
    began: float | None = None
    epoch: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    result: JobResult | None = None
    at_first: int = 0  # the epoch from which it was resumed here
    collapse: str = ""  # why it collapsed, if it did

    @property
    def state(self) -> str:
        if self.result is not None:
            return "collapsed" if self.collapse else self.result.status
        return "waiting" if self.began is None else "running"

    @property
    def measured(self) -> str:
        """The number by which the benchmark is known, such as `AP 46.7`; empty before it was measured."""
        return f"{self.headline} {self.metrics[self.headline]:.1f}" if self.headline in self.metrics else ""

    @property
    def done(self) -> float:
        """Epochs done here."""
        return (self.epoch - self.at_first) if self.epochs else MEASUREMENT * (self.result is not None)

    @property
    def to_do(self) -> float:
        """Epochs that it still takes."""
        if self.result is not None:
            return 0
        return self.epochs - self.epoch if self.epochs else MEASUREMENT

    def left(self, now: float) -> float | None:
        """Seconds left, once an epoch shows the speed."""
        done = self.epoch - self.at_first
        if self.began is None or self.result is not None or done < 1:
            return None
        return (now - self.began) / done * (self.epochs - self.epoch)


@dataclass
class Display:
    """The state behind the live view, changed by events and drawn a few times a second."""

    jobs: dict[str, JobProgress]
    scale: str = ""
    began: float = field(default_factory=time.monotonic)

    def start(self, fingerprint: str) -> None:
        """A job runs, perhaps again after a crash."""
        job = self.jobs[fingerprint]
        job.began, job.at_first = time.monotonic(), job.epoch

    def epoch(self, fingerprint: str, epoch: int, metrics: Mapping[str, float]) -> None:
        """A job has done an epoch."""
        job = self.jobs[fingerprint]
        if job.epoch == 0 and epoch > 1:  # it went on from a checkpoint
            job.at_first, job.began = epoch, time.monotonic()
        job.epoch, job.metrics = epoch, {**job.metrics, **metrics}

    def end(self, fingerprint: str, result: JobResult) -> None:
        """A job has ended."""
        job = self.jobs[fingerprint]
        job.result, job.metrics = result, result.metrics
        if job.epochs and result.status == "finished" and self.scale != UNJUDGED_SCALE:
            job.collapse = collapse(result.metrics, result.warnings)

    def left(self, now: float) -> float | None:
        """Seconds until the last job ends, from the epochs done so far, here."""
        done = sum(job.done for job in self.jobs.values())
        to_do = sum(job.to_do for job in self.jobs.values())
        return (now - self.began) / done * to_do if done else None

    def log_line(self, fingerprint: str, unwritten: str = "") -> str:
        """For logs, when a job has ended: one line, and below it what went wrong.

        Args:
            fingerprint: of the job.
            unwritten: why the store has not taken its result yet; empty where it can.
        """
        job = self.jobs[fingerprint]
        assert job.result is not None
        done = sum(other.result is not None for other in self.jobs.values())
        duration = f"{job.result.duration:.0f} s" if job.result.duration else ""
        state = f"collapsed ({job.collapse})" if job.collapse else job.state
        written = f"not in the store yet ({unwritten})" if unwritten else ""
        details = ", ".join(part for part in (state, job.measured, duration, written) if part)
        left = _clock(self.left(time.monotonic()))
        line = f"[{done}/{len(self.jobs)}] {job.name}: {details}; about {left} left"
        return f"{line}\n{job.result.note}" if job.state == "failed" else line

    def __rich__(self) -> RenderableType:
        now = time.monotonic()
        done = sum(job.result is not None for job in self.jobs.values())
        bar = Progress(
            TextColumn("jobs", style="bold", markup=False), BarColumn(), MofNCompleteColumn(),
            TimeElapsedColumn(), TextColumn(f"about {_clock(self.left(now))} left", markup=False),
        )  # fmt: skip
        task = bar.add_task("jobs", total=len(self.jobs), completed=done)
        bar.tasks[task].start_time = bar.get_time() - (now - self.began)
        return Group(self._table(now), bar)

    def _table(self, now: float) -> Table:
        table = Table(box=None, pad_edge=False)
        for title in ("", "job", "epoch", "measured", "loss", "left"):
            table.add_column(title, justify="left" if title in ("", "job") else "right")
        running = [job for job in self.jobs.values() if job.state == "running"]
        waiting = [job for job in self.jobs.values() if job.state == "waiting"]
        ended = [job for job in self.jobs.values() if job.result is not None]
        for job in [*ended[-RECENT:], *running]:
            table.add_row(*_cells(job, now))
        if waiting:
            table.add_row(Text("…", "dim"), Text(f"{len(waiting)} waiting", "dim"), "", "", "", "")
        return table


MARKS = {
    "finished": Text("✓", "green"),
    "diverged": Text("diverged", "yellow"),
    "collapsed": Text("collapsed", "yellow"),
    "failed": Text("failed", "red"),
    "running": Text("▶", "cyan"),
    "stopped": Text("▪", "cyan"),
}


def _cells(job: JobProgress, now: float) -> tuple[Text | str, ...]:
    epoch = f"{job.epoch}/{job.epochs}" if job.epochs else ""
    left = _clock(job.left(now)) if job.state == "running" else ""
    loss = f"{job.metrics['loss']:.1f}" if "loss" in job.metrics else ""
    return MARKS[job.state], job.name, epoch, job.measured, loss, left


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextmanager
def live_view(display: Display, console: Console) -> Iterator[None]:
    """Draw the display until the end; without a terminal nothing is drawn, and log lines say what happens."""
    if not console.is_terminal:
        yield
        return
    with Live(display, console=console, refresh_per_second=2):
        yield
