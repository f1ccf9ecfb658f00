"""Run sweeps: plan, prepare the data, run what is missing, track it, report."""

import time
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from datasets.base.data_set import Contents
from models.errors import WeightsError
from models.pretrained import WeightsFile
from orchestrator.config.initial_weights import begun_with, check_weights
from orchestrator.config.length import check_chosen_once, lengthened
from orchestrator.data.binding import Binding
from orchestrator.data.picture_checks import checker
from orchestrator.jobs.execute import Task
from orchestrator.jobs.job import Job
from orchestrator.run import dry_run, reporting
from orchestrator.run.ledger import Ledger, group, labels_of, table_tags
from orchestrator.run.looks import check_max_seeds, remembered, schedule, undecided_rows
from orchestrator.run.open_precision import OpenPrecision
from orchestrator.run.progress import Display, JobProgress, live_view
from orchestrator.run.settings import RunSettings
from orchestrator.schedule.address import check_address
from orchestrator.schema.record import Record
from orchestrator.sweep.plan import Planned, PlanSettings, plan_tables
from orchestrator.sweep.sweep import Sweep, Table
from orchestrator.sweep.variations import vary_tables
from orchestrator.tracking.tracker import Tracker
from orchestrator.util import provenance
from orchestrator.util.durations import duration
from orchestrator.util.errors import SweepError
from orchestrator.util.machine_readable import print_json
from orchestrator.util.terminal import bar


def run_sweeps(sweeps: Sequence[Sweep], settings: RunSettings, command: str, console: Console) -> int:
    """Run the sweeps' missing jobs and write the report of everything known at this scale on this data.

    Returns:
        the exit code: 0, or 1 where a trial failed.

    Raises:
        SweepError, DataError, TrackingError, ClusterError: what was asked for can't be done.
        KeyboardInterrupt: stopped; what had finished is kept.
    """
    if not settings.dry_run:
        check_address()
    check_chosen_once(settings.vary, settings.epochs, settings.batch)
    binding = _binding(settings, console)
    declared = [table for sweep in sweeps for table in sweep.tables]
    tables, only = vary_tables(declared, settings.vary, settings.only, settings.scale)
    plan = _plan_settings(replace(settings, only=only), command, binding, OpenPrecision(settings, console))
    with _tracker(settings, console) as tracker:
        reporting.say_older(tracker, console)
        if settings.dry_run:
            return _dry(tables, plan, tracker, settings, console)
        _check_data_named(settings)
        tracker.end_abandoned()
        session = _Session(tables, settings, tracker, binding.contents, console)
        planned = _until_decided(session, plan) if settings.until_decided else _round(session, plan)
        written = reporting.write_report(tracker, settings.report, settings.results)
        reporting.show(written.report, {p.declaration.table for p in planned}, console, as_json=settings.json)
    records = [written.records[fp] for fp in _wanted(planned) if fp in written.records]
    return reporting.print_failures(records, written.remarks, console)


def _dry(
    tables: Sequence[Table], plan: PlanSettings, tracker: Tracker, settings: RunSettings, console: Console
) -> int:
    planned = plan_tables(tables, plan)
    known = tracker.records(_wanted(planned), history=())
    if settings.json:
        print_json(dry_run.plain(planned, known))
        return 0
    dry_run.show(planned, known, console)
    if settings.until_decided:
        most = replace(plan, seeds=tuple(range(plan.max_seeds)))
        dry_run.show_most(plan_tables(tables, most), console)
    return 0


@dataclass(frozen=True)
class _Session:
    """What all rounds of a run share."""

    tables: Sequence[Table]
    settings: RunSettings
    tracker: Tracker
    contents: Contents
    console: Console
    ran: set[str] = field(default_factory=set)  # fingerprints, so that --fresh runs each job once


def _round(session: _Session, plan: PlanSettings) -> list[Planned]:
    """Plan the tables, declare them, and run what is missing of them."""
    tracker, settings, console = session.tracker, session.settings, session.console
    before = {declaration.table: declaration for declaration in tracker.declarations(settings.report)}
    planned = [
        replace(p, declaration=remembered(before.get(p.declaration.table), p.declaration))
        for p in plan_tables(session.tables, plan)
    ]
    if settings.until_decided:
        check_max_seeds([p.declaration for p in planned], plan.max_seeds)
    jobs = _wanted(planned)
    fresh = jobs.keys() - session.ran if settings.fresh else set()
    known = tracker.records(jobs, history=())
    missing = _missing(jobs, known, fresh)
    session.ran.update(missing)
    _declare(planned, jobs.keys() - missing.keys(), tracker)
    console.print(f"{len(jobs)} jobs, {len(jobs) - len(missing)} of them already done")
    if missing:
        tracker.reserve(group(settings, job) for job in missing.values())
        _prepare(missing, settings, session.contents, console)
        again = {fp: known[fp].run_id for fp in missing.keys() & fresh & known.keys()}
        _run(missing, planned, settings, tracker, console, again)
    return planned


def _until_decided(session: _Session, plan: PlanSettings) -> list[Planned]:
    """Rounds of more and more seeds, for the rows of claims that the seeds so far leave undecided."""
    started = time.monotonic()
    counts: dict[tuple[str, str], int] = {}
    planned: list[Planned] = []
    for look in schedule(plan.max_seeds):
        planned = _round(session, replace(plan, seeds=tuple(range(look)), counts=counts))
        undecided = _undecided_rows(planned, session.tracker)
        rows = {(p.declaration.table, row.key) for p in planned for row in p.declaration.rows}
        counts |= {row: look for row in rows - undecided if row not in counts}
        session.console.print(f"after {look} seeds: {len(undecided)} of {len(rows)} rows in undecided claims")
        if not undecided:
            break
    trainings = {fp for p in planned for fp in p.rows}
    trained = len(trainings & session.ran)
    took = duration(time.monotonic() - started)
    session.console.print(f"{len(trainings)} trainings, {trained} of them in this run, which took {took}")
    return planned


def _undecided_rows(planned: Sequence[Planned], tracker: Tracker) -> set[tuple[str, str]]:
    declarations = [p.declaration for p in planned]
    wanted = {fp for d in declarations for fp in (*d.fingerprints, *d.prerequisites)}
    records = tracker.records(wanted, history=())
    return {(d.table, row) for d in declarations for row in undecided_rows(d, records)}


def _wanted(planned: Sequence[Planned]) -> dict[str, Job]:
    return {fp: job for p in planned for fp, job in p.jobs.items() if fp in p.wanted}


def _binding(settings: RunSettings, console: Console) -> Binding:
    check = checker(settings.cache, console)
    s = settings
    return Binding(s.data_root, s.detections, s.sigmas, s.skip_broken, check, s.exif, s.allow_outside)


def _plan_settings(
    settings: RunSettings, command: str, binding: Binding, precision: OpenPrecision
) -> PlanSettings:
    weights = _weights(settings.weights)
    return PlanSettings(
        scale=settings.scale,
        report=settings.report,
        seeds=tuple(range(schedule(settings.max_seeds)[0])) if settings.until_decided else settings.seeds,
        max_seeds=settings.max_seeds,
        data=binding.words,
        command=command,
        only=settings.only,
        bind=lambda experiment: precision.settled(
            begun_with(lengthened(binding.bound(experiment), settings.epochs, settings.batch), weights)
        ),
    )


def _weights(path: Path | None) -> WeightsFile | None:
    try:
        return None if path is None else WeightsFile.of(path)
    except WeightsError as error:
        raise SweepError(f"--weights {error}", code=error.code) from error


def _tracker(settings: RunSettings, console: Console) -> Tracker:
    prefix = settings.experiment_prefix
    return Tracker.open(
        settings.tracking_uri,
        _artifacts(settings),
        prefix=prefix,
        say=lambda sentence: console.print(sentence, style="yellow", soft_wrap=True),
    )


def _artifacts(settings: RunSettings) -> Path | None:
    return None if "://" in settings.storage else Path(settings.storage) / "artifacts"


def _check_data_named(settings: RunSettings) -> None:
    if settings.scale == "paper" and settings.data_root is None:
        raise SweepError(
            "--scale paper runs on the real data set: name its folder with --data-root DIR",
            code="no-data-root",
        )
    for option, value in (("--detections", settings.detections), ("--sigmas", settings.sigmas)):
        if value is not None and settings.data_root is None:
            raise SweepError(f"{option} belongs to the pictures of --data-root DIR", code="no-data-root")


def _missing(jobs: Mapping[str, Job], known: Mapping[str, Record], fresh: Set[str]) -> dict[str, Job]:
    """The jobs to run: those without a result, or that are to have a fresh one.

    Not those that need a training which diverged before and is not run again.
    """
    missing = {fp: job for fp, job in jobs.items() if fp in fresh or fp not in known or not known[fp].done}

    def can_run(job: Job) -> bool:
        needs = [experiment.fingerprint() for experiment in job.needs]
        return all(fp in missing or fp not in known or known[fp].status != "diverged" for fp in needs)

    return {fp: job for fp, job in missing.items() if can_run(job)}


def _declare(planned: Sequence[Planned], done: set[str], tracker: Tracker) -> None:
    for p in planned:
        tracker.declare(p.declaration)
    tags = table_tags(planned)
    for fingerprint in done & tags.keys():
        tracker.tag(fingerprint, tags[fingerprint])


def _prepare(jobs: Mapping[str, Job], settings: RunSettings, contents: Contents, console: Console) -> None:
    trainings = [job.trained for job in jobs.values() if job.trained is not None]
    check_weights(trainings)
    summaries = []
    # Not by fingerprint, which is the source's alone: another augmentation may need another pack of it.
    for data in dict.fromkeys(experiment.data for experiment in trainings):
        with bar(console, f"preparing {data.name}") as advance:
            counts = data.prepare(settings.paths, advance, contents)
        summaries.append(f"{data.name}: {counts.sentence()}")
    for summary in dict.fromkeys(summaries):
        console.print(summary)


def _run(
    jobs: Mapping[str, Job],
    planned: Sequence[Planned],
    settings: RunSettings,
    tracker: Tracker,
    console: Console,
    again: Mapping[str, str],
) -> None:
    """Run jobs. `again` has the runs of those that have finished before, and are to have fresh ones."""
    from orchestrator.schedule import cluster
    from orchestrator.schedule.connection import connect
    from orchestrator.schedule.tune_trials import run_trials

    with console.status("starting Ray"):
        connect()
        plan = cluster.plan(settings.resources)
    if plan.waits:
        console.print(cluster.waiting(plan), soft_wrap=True)
    labels = labels_of(planned)
    display = Display(
        {
            fp: JobProgress(labels.names[fp], job.epochs, job.data.headline if job.data else "")
            for fp, job in jobs.items()
        },
        settings.scale,
    )
    ledger = Ledger(tracker, display, jobs, labels, settings, plan.workers or 1, console, again)
    tracker.shared.announce(planned[0].declaration.command, {fp: labels.names[fp] for fp in jobs})
    with live_view(display, console):
        run_trials(
            _tasks(jobs.values(), settings),
            plan,
            settings.cache.parent / "ray",
            ledger.record,
            ledger.give_up,
            ledger.claim,
            ledger.say_held,
        )


def _tasks(jobs: Iterable[Job], settings: RunSettings) -> list[Task]:
    sources, loads = provenance.imported_sources(), settings.system_metrics
    return [Task(job, settings.paths, settings.storage, sources, system_metrics=loads) for job in jobs]
