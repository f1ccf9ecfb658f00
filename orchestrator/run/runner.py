"""Carry sweeps through: plan, prepare the data, run what is missing, remember it, report."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID

from datasets.base.data_set import Contents
from datasets.contract import DataPaths
from orchestrator.config.experiment import Experiment, StepTiming
from orchestrator.data.binding import Binding
from orchestrator.data.picture_checks import checker
from orchestrator.jobs.describe import describe
from orchestrator.jobs.execute import Task
from orchestrator.jobs.union import Job, needed
from orchestrator.report import terminal, writer
from orchestrator.run import dry_run
from orchestrator.run.ledger import Ledger
from orchestrator.run.progress import Display, Line, shown
from orchestrator.run.settings import RunSettings, home
from orchestrator.schedule.tune_trials import run_trials
from orchestrator.schema.plots import Curves
from orchestrator.schema.record import Record
from orchestrator.sweep.plan import Planned, PlanSettings, plan_table
from orchestrator.sweep.sweep import Sweep
from orchestrator.tracking.tracker import Tracker
from orchestrator.util.errors import SweepError

DONE = ("finished", "diverged")
"""A diverged trial is a finding; only failed and unfinished ones are run again."""


def run_sweeps(sweeps: Sequence[Sweep], options: RunSettings, command: str, console: Console) -> int:
    """Run the sweeps' missing jobs and write the report of everything known at this scale on this data.

    Returns:
        the exit code: 0, or 1 where a trial failed.

    Raises:
        SweepError, DataError, TrackingError, ClusterError: what was asked for can't be done.
        KeyboardInterrupt: stopped; what had finished is kept.
    """
    binding = _binding(options, console)
    setting = _setting(options, command, binding)
    planned = [plan_table(table, setting) for sweep in sweeps for table in sweep.tables]
    artifacts = None if "://" in options.storage else Path(options.storage) / "artifacts"
    with Tracker.open(options.tracking_uri, artifacts) as tracker:
        jobs = _wanted(planned)
        known = tracker.records(jobs, history=())
        if options.dry_run:
            dry_run.show(planned, known, console)
            return 0
        _check_data_named(options)
        todo = {fp: job for fp, job in jobs.items() if options.fresh or not _is_done(known.get(fp))}
        todo = {fp: job for fp, job in todo.items() if not _is_lost(job, known, todo)}
        tracker.reap()
        _declare(planned, set(jobs) - set(todo), tracker)
        console.print(f"{len(jobs)} jobs, {len(jobs) - len(todo)} of them already done")
        if todo:
            _prepare(todo, options, binding.contents, console)
            _run(todo, planned, options, tracker, console)
        records = tracker.records(jobs, history=())
        written = report_from(tracker, options.report, options.results)
        terminal.render(console, written, {p.declaration.table for p in planned})
    failed = [records[fp] for fp in jobs if fp in records and records[fp].status == "failed"]
    for record in failed:
        console.print(f"[red]{record.name} failed:[/] {record.note}", highlight=False)
    return 1 if failed else 0


def rebuild(uri: str, name: str | None, results: Path | None) -> writer.Report:
    """Build a report again from the store alone.

    Args:
        uri: of the store.
        name: of the report, such as `demo`; the newest if None.
        results: where to write; a folder of the report's name under the default results if None.

    Raises:
        SweepError: the store holds no such report.
    """
    with Tracker.open(uri, None) as tracker:
        known = list(dict.fromkeys(d.report for d in tracker.declarations()))
        if not known or (name is not None and name not in known):
            raise SweepError(f"the store has no report {name or ''}; it has {', '.join(known) or 'none'}")
        name = name or known[-1]
        return report_from(tracker, name, results or home() / name)


def report_from(tracker: Tracker, name: str, results: Path) -> writer.Report:
    """Write a report of every table that belongs to it, and log the tables to the store."""
    tracker.flush()
    declarations = tuple(d for d in tracker.declarations() if d.report == name)
    drawn = {plot.key for d in declarations for plot in d.plots if isinstance(plot, Curves)}
    records = tracker.records({fp for d in declarations for fp in (*d.fingerprints, *d.prerequisites)}, drawn)
    details = tracker.details(fp for d in declarations for fp in d.plotted_probes)
    written = writer.write(declarations, records, results, details)
    writer.log(tracker, written)
    return written


def _binding(options: RunSettings, console: Console) -> Binding:
    check = checker(options.cache, console)
    return Binding(options.data_root, options.detections, options.skip_broken, check)


def _setting(options: RunSettings, command: str, binding: Binding) -> PlanSettings:
    return PlanSettings(
        scale=options.scale,
        report=options.report,
        seeds=options.seeds,
        data=binding.words,
        command=command,
        only=options.only,
        bind=binding.bound,
    )


def _check_data_named(options: RunSettings) -> None:
    if options.scale == "paper" and options.data_root is None:
        raise SweepError("--scale paper runs on the real data set: name its folder with --data-root DIR")
    if options.detections is not None and options.data_root is None:
        raise SweepError("--detections belongs to the pictures of --data-root DIR")


def _is_done(record: Record | None) -> bool:
    return record is not None and record.status in DONE


def _is_lost(job: Job, known: Mapping[str, Record], todo: Mapping[str, Job]) -> bool:
    """Whether a training that the job needs has come to nothing, and is not to be tried again."""
    before = [experiment.fingerprint() for experiment in needed(job)]
    return any(fp in known and known[fp].status == "diverged" and fp not in todo for fp in before)


def _wanted(planned: Sequence[Planned]) -> dict[str, Job]:
    return {fp: job for p in planned for fp, job in p.jobs.items() if fp in p.wanted}


def _declare(planned: Sequence[Planned], done: set[str], tracker: Tracker) -> None:
    for p in planned:
        tracker.declare(p.declaration)
    tags = _table_tags(planned)
    for fingerprint in done & tags.keys():
        tracker.tag(fingerprint, tags[fingerprint])


def _table_tags(planned: Sequence[Planned]) -> dict[str, dict[str, str]]:
    """For each training, the tables that it serves and its row in each, as `table.1=3x64`."""
    tags: dict[str, dict[str, str]] = {}
    for p in planned:
        for fingerprint, row in p.rows.items():
            tags.setdefault(fingerprint, {})[f"table.{p.declaration.table}"] = row
    return tags


def _prepare(jobs: Mapping[str, Job], options: RunSettings, contents: Contents, console: Console) -> None:
    place = DataPaths(options.cache, options.data_root, options.pack)
    # Not by fingerprint, which is the source's alone: another augmentation may want another pack of it.
    trained = [_trained(job) for job in jobs.values()]
    sentences = []
    for data in dict.fromkeys(experiment.data for experiment in trained if experiment is not None):
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
            advance = _advance(bars, bars.add_task(f"preparing {data.name}", total=None))
            found = data.prepare(place, advance, contents)
        sentences.append(f"{data.name}: {found.sentence()}")
    for sentence in dict.fromkeys(sentences):
        console.print(sentence)


def _trained(job: Job) -> Experiment | None:
    """The training that a job is or looks at."""
    if isinstance(job, Experiment):
        return job
    return None if isinstance(job, StepTiming) else job.of


def _advance(bars: Progress, task: TaskID) -> Callable[[int, int], None]:
    return lambda done, total: bars.update(task, completed=done, total=total)


def _run(
    jobs: Mapping[str, Job],
    planned: Sequence[Planned],
    options: RunSettings,
    tracker: Tracker,
    console: Console,
) -> None:
    from orchestrator.schedule import cluster

    with console.status("starting Ray"):
        cluster.connect()
        plan = cluster.plan(
            cluster.ResourceRequest(options.workers, options.gpus_per_worker, options.concurrent)
        )
    place = DataPaths(options.cache, options.data_root, options.pack)
    tasks = [Task(job, place, options.storage) for job in jobs.values()]
    if options.fresh:
        _forget(jobs, options.storage)
    display = Display({fp: Line(describe(job), _epochs(job)) for fp, job in jobs.items()})
    ledger = Ledger(tracker, display, jobs, _table_tags(planned), options, plan.workers or 1, console)
    folder = options.cache.parent / "ray"
    with shown(display, console):
        run_trials(tasks, plan, folder, ledger.hear)


def _forget(jobs: Mapping[str, Job], storage: str) -> None:
    from orchestrator.training.checkpoint import Checkpoints

    for fingerprint in jobs:
        Checkpoints(storage).delete(fingerprint)


def _epochs(job: Job) -> int:
    return job.schedule.epochs if isinstance(job, Experiment) else 0
