"""One MLflow client and what both kinds of runs, of trials and of tables, need of it."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from orchestrator.tracking.patience import is_away
from orchestrator.tracking.shared_view import TAG
from orchestrator.tracking.uri import StoreUri, TrackingError

PROJECT = "rle-lab"
"""The tag `project` of the experiments that belong to it, on a server that others use too.

They have it since they were made; an experiment or run without it is never written to."""

Holds = Literal["trials", "tables", "sweeps"]
"""What an experiment holds, its tag `holds`."""

TAG_LIMIT, PARAM_LIMIT = 8000, 6000  # characters, MLflow's own
ATTEMPTS = 4  # attempts at what another process may do at the same moment
METRICS, LABELS = 800, 100  # metrics, and params or tags, a call; MLflow takes 1,000 of all together


class DataInput(NamedTuple):
    """A split of a data set, as MLflow's page shows it: `profile` is JSON, and so is `source`."""

    name: str
    digest: str
    context: str
    source_type: str
    source: str
    profile: str


class Store:
    """A client with its entities.

    Args:
        client: MLflow's.
        entities: the module `mlflow.entities`, handed in so that only one file imports MLflow.
        uri: of the store.
        prefix: before the name of each experiment that is made.
    """

    def __init__(self, client: Any, entities: Any, uri: StoreUri, prefix: str = "") -> None:
        self.client, self._entities, self._uri, self._prefix = client, entities, uri, prefix
        self._experiments: dict[str, str] = {}
        self._views: set[str] = set()  # ids of the experiments that have one

    def experiment(self, name: str, about: str, holds: Holds) -> str:
        """The id of an experiment, which is made, or restored if it was deleted, where necessary.

        Raises:
            TrackingError: the name is taken by an experiment of others, or its files are not where it was.
        """
        name = self._prefix + name
        if name not in self._experiments:
            found = self.client.get_experiment_by_name(name) or self._made(name, about, holds)
            if found.tags.get("project") != PROJECT:
                raise TrackingError(
                    f"{self._uri.shown}: the experiment {name!r} belongs to somebody else. Give those of "
                    "this project names of their own with --experiment-prefix PREFIX",
                    code="name-taken",
                )
            self._check_files(found)
            identity = str(found.experiment_id)
            if found.lifecycle_stage == "deleted":
                self.client.restore_experiment(identity)
            self._experiments[name] = identity
        return self._experiments[name]

    def show(self, experiment: str, view: str) -> None:
        """Let an experiment's list of runs open in a view of `shared_view.view`; the first one stays."""
        if experiment in self._views:
            return
        self._views.add(experiment)
        # MLflow fails where two processes set a tag at once; no run is to be lost for how a list opens.
        with suppress(Exception):
            if TAG not in self.client.get_experiment(experiment).tags:
                self.client.set_experiment_tag(experiment, TAG, view)

    def _made(self, name: str, about: str, holds: Holds) -> Any:
        tags = {"project": PROJECT, "holds": holds, "mlflow.note.content": about}
        try:
            self.client.create_experiment(name, artifact_location=self._location(name), tags=tags)
        except Exception as error:
            # Another process may have made one since.
            if getattr(error, "error_code", "") != "RESOURCE_ALREADY_EXISTS":
                raise
        return self.client.get_experiment_by_name(name)

    def _check_files(self, found: Any) -> None:
        """Refuse to make the folder again in which files were before the store was moved."""
        if self._uri.file is None or not found.artifact_location.startswith("file:"):
            return
        folder = Path(unquote(urlsplit(found.artifact_location).path))
        if folder.as_uri() != self._location(found.name) and not folder.parent.is_dir():
            raise TrackingError(
                f"{self._uri.shown}: the files of its experiment {found.name!r} were in {folder}, which is "
                f"not there any more. Move them to {self._uri.artifacts}, or back",
                code="moved",
            )

    def log(
        self,
        run_id: str,
        metrics: Mapping[str, float] | None = None,
        *,
        step: int = 0,
        when: int = 0,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log all of it in as few calls as MLflow allows. `when` is in milliseconds."""
        points = [self._entities.Metric(name, value, when, step) for name, value in (metrics or {}).items()]
        labels = [self._entities.RunTag(name, text) for name, text in clipped(tags or {}).items()]
        fields = [
            self._entities.Param(name, clip(text, PARAM_LIMIT)) for name, text in (params or {}).items()
        ]
        calls = zip_longest(
            _parts(points, METRICS), _parts(fields, LABELS), _parts(labels, LABELS), fillvalue=()
        )
        for some_points, some_fields, some_labels in calls:
            self.client.log_batch(run_id, some_points, some_fields, some_labels)

    def log_data(self, run_id: str, inputs: Sequence[DataInput]) -> None:
        """The data that a run sees; logged again, they are there once."""
        sets = [
            self._entities.DatasetInput(
                self._entities.Dataset(one.name, one.digest, one.source_type, one.source, None, one.profile),
                [self._entities.InputTag("mlflow.data.context", one.context)],
            )
            for one in inputs
        ]
        attempts = ATTEMPTS
        while sets and attempts:
            attempts -= 1
            try:
                self.client.log_inputs(run_id, sets)
                break
            except Exception as error:
                # Of two processes that are the first to name a data set MLflow refuses one.
                if is_away(error) or not attempts:
                    raise

    def _location(self, name: str) -> str | None:
        return None if self._uri.artifacts is None else (self._uri.artifacts / name).as_uri()


def now() -> int:
    """Milliseconds, as MLflow counts time."""
    return time.time_ns() // 1_000_000


def digest(text: str) -> str:
    """16 hex digits that differ for different texts."""
    return sha256(text.encode()).hexdigest()[:16]


def clipped(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags with values as long as MLflow takes them."""
    return {name: clip(text, TAG_LIMIT) for name, text in tags.items()}


def clip(text: str, limit: int) -> str:
    """`text`, cut with an ellipsis at `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _parts(entities: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [entities[start : start + size] for start in range(0, len(entities), size)]
