"""Run sweeps: plan, prepare the data, run what is missing, track it, report."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from models.errors import WeightsError
from models.pretrained import WeightsFile
from orchestrator.config.initial_weights import begun_with
from orchestrator.config.length import check_chosen_once, lengthened
from orchestrator.data.binding import Binding
from orchestrator.data.picture_checks import checker
from orchestrator.jobs.job import Job
from orchestrator.run import dry_run, reporting
from orchestrator.run.ledger import table_tags
from orchestrator.run.looks import check_max_seeds, remembered, schedule, undecided_rows
from orchestrator.run.open_precision import OpenPrecision
from orchestrator.run.searching import Ask, Course, check_options, outlooks, run_search
from orchestrator.run.session import Session, missing_jobs, run_jobs
from orchestrator.run.settings import RunSettings
from orchestrator.schedule.address import check_address
from orchestrator.schema.record import Record
from orchestrator.search.halving import Decisions
from orchestrator.sweep.plan import Planned, PlanSettings, plan_tables
from orchestrator.sweep.sweep import Search, Sweep, Table
from orchestrator.sweep.variations import vary_tables
from orchestrator.tracking.tracker import Tracker
from orchestrator.tracking.uri import parse
from orchestrator.util.durations import duration
from orchestrator.util.errors import SweepError
from orchestrator.util.machine_readable import print_json


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
    searches = [search for sweep in sweeps for search in sweep.searches]
    check_options(searches, settings)
    binding = _binding(settings, console)
    declared = [table for sweep in sweeps for table in sweep.tables]
    tables, only = vary_tables(declared, settings.vary, settings.only, settings.scale)
    plan = _plan_settings(replace(settings, only=only), command, binding, OpenPrecision(settings, console))
    if settings.dry_run and _is_absent(settings):
        return _dry(tables, searches, plan, _nothing, settings, console)
    with _tracker(settings, console) as tracker:
        reporting.say_older(tracker, console)
        if settings.dry_run:
            return _dry(tables, searches, plan, tracker.records, settings, console)
        _check_data_named(settings)
        tracker.end_abandoned()
        session = Session(tables, settings, tracker, binding.contents, console)
        planned = _rounds(session, plan) if tables else []
        for search in searches:
            planned += _searched(session, search, plan)
        written = reporting.write_report(tracker, settings.report, settings.results)
        reporting.show(written.report, {p.declaration.table for p in planned}, console, as_json=settings.json)
    records = [written.records[fp] for fp in _wanted(planned) if fp in written.records]
    return reporting.print_failures(records, written.remarks, console)


def decisions(searches: Sequence[Search], settings: RunSettings, console: Console) -> list[Decisions]:
    """How each search went, or goes on, by what the store has.

    Raises:
        SweepError, DataError, TrackingError: it can't be told.
    """
    plan = _plan_settings(settings, "", _binding(settings, console), OpenPrecision(settings, console))
    with _tracker(settings, console) as tracker:
        return [Course(search, plan, tracker.records).decided() for search in searches]


def _dry(
    tables: Sequence[Table],
    searches: Sequence[Search],
    plan: PlanSettings,
    ask: Ask,
    settings: RunSettings,
    console: Console,
) -> int:
    planned = plan_tables(tables, plan)
    known = ask(_wanted(planned), ())
    ahead = outlooks(searches, plan, ask)
    if settings.json:
        more = {"searches": [outlook.plain() for outlook in ahead]} if ahead else {}
        print_json(dry_run.plain(planned, known) | more)
        return 0
    if tables:
        dry_run.show(planned, known, console)
    for outlook in ahead:
        console.print(outlook.sentence, soft_wrap=True)
    if settings.until_decided:
        most = replace(plan, seeds=tuple(range(plan.max_seeds)))
        dry_run.show_most(plan_tables(tables, most), console)
    return 0


def _rounds(session: Session, plan: PlanSettings) -> list[Planned]:
    return _until_decided(session, plan) if session.settings.until_decided else _round(session, plan)


def _searched(session: Session, search: Search, plan: PlanSettings) -> list[Planned]:
    """Search, then run the further seeds of the best."""
    table, counts = run_search(
        search,
        plan,
        session.tracker.records,
        lambda planned, until: _train(session, planned, until),
        session.console,
    )
    if not list(table.rows(plan.scale)):
        session.console.print(
            f"{search.id}: no trial was trained to its end with a result: there is no table"
        )
        return []
    return _round(replace(session, tables=[table]), replace(plan, counts=counts))


def _train(session: Session, planned: Planned, until: Mapping[str, int]) -> None:
    """Run trials until these epochs, after what they need."""
    missing = missing_jobs(planned.jobs, session.tracker.records(planned.jobs, history=()), set())
    if missing:
        run_jobs(missing, [planned], session, until=until)
    session.tracker.flush()


def _round(session: Session, plan: PlanSettings) -> list[Planned]:
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
    missing = missing_jobs(jobs, known, fresh)
    session.ran.update(missing)
    _declare(planned, jobs.keys() - missing.keys(), tracker)
    console.print(f"{len(jobs)} jobs, {len(jobs) - len(missing)} of them already done")
    if missing:
        again = {fp: known[fp].run_id for fp in missing.keys() & fresh & known.keys()}
        run_jobs(missing, planned, session, again=again)
    return planned


def _until_decided(session: Session, plan: PlanSettings) -> list[Planned]:
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


def _is_absent(settings: RunSettings) -> bool:
    """Whether the store is a file that has not been made; a dry run needs no MLflow to know that."""
    file = parse(settings.tracking_uri, _artifacts(settings)).file
    return file is not None and not file.exists()


def _nothing(fingerprints: Iterable[str], history: Collection[str]) -> Mapping[str, Record]:
    """What such a store knows."""
    return {}


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


def _declare(planned: Sequence[Planned], done: set[str], tracker: Tracker) -> None:
    for p in planned:
        tracker.declare(p.declaration)
    tags = table_tags(planned)
    for fingerprint in done & tags.keys():
        tracker.tag(fingerprint, tags[fingerprint])
