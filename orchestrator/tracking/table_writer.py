"""The runs of tables: one a declaration, with the filled table, its figures and verdicts.

Every operation may be repeated after it failed half-way.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from orchestrator.schema.declaration import Declaration
from orchestrator.tracking import reader, table_reader
from orchestrator.tracking.client import TAG_LIMIT, Store, clip, clipped, digest, now

if TYPE_CHECKING:
    import pandas as pd

ABOUT = (
    "The paper's tables as sweeps declared and filled them. A run whose tag `superseded` is `true` has been "
    "replaced by a newer one."
)


class TableWriter:
    """Writes the runs of tables, one operation at a time."""

    def __init__(self, store: Store) -> None:
        self._store, self._client = store, store.client

    def declare(self, declaration: Declaration) -> str:
        """Make a run for a declaration, unless the current one is equal; the id of that run."""
        current = self._current(declaration)
        if current is None:
            return self._make(declaration)
        run_id = str(current.info.run_id)
        self._store.log(run_id, tags={"declared": self._next()})
        return run_id

    def log_table(
        self, declaration: Declaration, frame: "pd.DataFrame", files: Mapping[str, Path], verdicts_json: str
    ) -> None:
        """Add the filled table to its declaration's run, or to a new one if that has another table."""
        current = self._current(declaration)
        run_id = current.info.run_id if current else self._make(declaration)
        content = digest(frame.to_json() + verdicts_json)
        if current is None or current.data.tags.get("content") != content:
            # MLflow adds rows to a table that is there, so that another table needs another run.
            if any(artifact.path == "table.json" for artifact in self._client.list_artifacts(run_id)):
                run_id = self._make(declaration)
            self._client.log_table(run_id, frame, "table.json")
        self._client.log_text(run_id, verdicts_json, "verdicts.json")
        self._log_files(run_id, files)
        self._store.log(
            run_id, tags={"content": content, "mlflow.note.content": _description(declaration, files, run_id)}
        )

    def _log_files(self, run_id: str, files: Mapping[str, Path]) -> None:
        with TemporaryDirectory() as folder:
            for name, path in files.items():
                target = Path(folder) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
            if files:
                self._client.log_artifacts(run_id, folder)

    def _current(self, declaration: Declaration) -> Any | None:
        """The run that counts for this table, if it holds this very declaration."""
        newest = next(iter(self._counting(declaration)), None)
        same = digest(declaration.model_dump_json())
        return newest if newest is not None and newest.data.tags.get("digest") == same else None

    def _counting(self, declaration: Declaration) -> list[Any]:
        key = table_reader.table_key(_table_tags(declaration))
        return [
            run
            for run in table_reader.table_runs(self._client)
            if table_reader.table_key(run.data.tags) == key
        ]

    def _next(self) -> str:
        """A place behind all declarations: the time, unless a clock was ahead of it before."""
        return str(
            max([now(), *(table_reader.declared(run) + 1 for run in table_reader.table_runs(self._client))])
        )

    def _make(self, declaration: Declaration) -> str:
        """A run with the declaration, which counts from when it is whole; the older ones no longer do."""
        tags, older = _table_tags(declaration), self._counting(declaration)
        name = f"{declaration.heading}, {declaration.report or declaration.scale}"
        experiment = self._store.experiment(reader.TABLES, ABOUT, reader.TABLES)
        made = self._client.create_run(experiment, tags=clipped(tags), run_name=name)
        run_id = str(made.info.run_id)
        self._client.log_text(run_id, declaration.model_dump_json(indent=1), "declaration.json")
        description = {"mlflow.note.content": _description(declaration, {}, run_id)}
        self._store.log(run_id, tags={**description, "superseded": "false", "declared": self._next()})
        self._client.set_terminated(run_id)
        for run in older:
            self._store.log(run.info.run_id, tags={"superseded": "true"})
        return run_id


def _table_tags(declaration: Declaration) -> dict[str, str]:
    return {
        "table": declaration.table,
        "scale": declaration.scale,
        "report": declaration.report,
        "data": ",".join(declaration.data_fingerprints),
        "digest": digest(declaration.model_dump_json()),
        "superseded": "unfinished",
    }


def _description(declaration: Declaration, files: Mapping[str, Path], run_id: str) -> str:
    """The run's text in MLflow's interface: what the table is, and the table itself and its figures, which
    lie among the run's artifacts, once it is filled."""
    seeds = ", ".join(map(str, declaration.seeds))
    tables = [path.read_text(encoding="utf-8") for name, path in files.items() if name.endswith(".md")]
    figures = [
        f"![{Path(name).stem}](get-artifact?{urlencode({'path': name, 'run_uuid': run_id})})"
        for name in sorted(files)
        if name.endswith(".svg")  # in its own size; MLflow lets none be set
    ]
    parts = [
        *(tables or [f"**{declaration.heading}. {declaration.title}**"]),
        declaration.description,
        f"Scale {declaration.scale}; data: {declaration.data}; seeds {seeds}.",
        f"`{declaration.command}`" if declaration.command else "",
        *figures,
    ]
    return clip("\n\n".join(part.strip() for part in parts if part.strip()), TAG_LIMIT)
