"""One MLflow client and what both kinds of runs, of trials and of tables, need of it."""

import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Any

PROJECT = "rle-lab"
"""The tag `project` of the experiments that belong to it, on a server that others use too."""

TAG_LIMIT, PARAM_LIMIT = 8000, 6000  # characters, MLflow's own
METRICS, LABELS = 800, 100  # metrics, and params or tags, a call; MLflow takes 1,000 of all together


class Store:
    """A client with its entities.

    Args:
        client: MLflow's.
        entities: the module `mlflow.entities`, handed in so that only one file imports MLflow.
        artifacts: the folder under which experiments keep artifacts; None where a server decides.
    """

    def __init__(self, client: Any, entities: Any, artifacts: Path | None) -> None:
        self.client, self._entities, self._artifacts = client, entities, artifacts
        self._experiments: dict[str, str] = {}

    def experiment(self, name: str, about: str) -> str:
        """The id of an experiment, which is created, or restored if it was deleted, where necessary."""
        if name not in self._experiments:
            found = self.client.get_experiment_by_name(name)
            if found is None:
                identity = str(self.client.create_experiment(name, artifact_location=self._location(name)))
            else:
                identity = str(found.experiment_id)
                if found.lifecycle_stage == "deleted":
                    self.client.restore_experiment(identity)
            for key, text in {"project": PROJECT, "mlflow.note.content": about}.items():
                self.client.set_experiment_tag(identity, key, text)
            self._experiments[name] = identity
        return self._experiments[name]

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

    def _location(self, name: str) -> str | None:
        return None if self._artifacts is None else (self._artifacts / name).as_uri()


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
