"""How MLflow's list of runs opens: which columns it shows, and which charts.

MLflow keeps what its button "Share" shares as a tag of the experiment, whose name ends with a key that the
page's address has. A tag of ours therefore makes a view that needs no setting.
"""

import json
from collections.abc import Sequence

KEY = "rle-lab"
"""In the address: `?viewStateShareKey=rle-lab`."""
TAG = f"mlflow.sharedViewState.{KEY}"
COLUMNS = ("row", "flow", "seed")
"""The parameters shown, which MLflow sorts; more would not fit beside them."""
SECTION = "rle-lab-charts"


def view(metrics: Sequence[str]) -> str:
    """The value of the tag.

    Args:
        metrics: as MLflow names them, the first the one that charts show; none for measurements.
    """
    columns = [f"params.`{name}`" for name in COLUMNS] + [f"metrics.`{name}`" for name in metrics]
    state: dict[str, object] = {"selectedColumns": columns, "runsHiddenMode": "SHOW_ALL"}
    if metrics:
        state |= {
            "compareRunCharts": _charts(metrics[0]),
            "compareRunSections": [
                {"uuid": SECTION, "name": metrics[0], "display": True, "isReordered": False}
            ],
        }
    return json.dumps(state)


def address(experiment: str, *, shared: bool = True) -> str:
    """The page of an experiment's runs, after the server's own address.

    Without `workflowType` MLflow takes experiments for those of language models and shows an empty page.

    Args:
        shared: whether the experiment has the tag; those of older stores do not.
    """
    key = f"&viewStateShareKey={KEY}" if shared else ""
    return f"/#/experiments/{experiment}/runs?workflowType=machine_learning{key}"


def _charts(metric: str) -> list[dict[str, object]]:
    """The size of the flow against the metric; the metric of each run; the metric by epoch."""
    shared = {"metricSectionId": SECTION, "deleted": False, "isGenerated": False, "runsCountToCompare": 100}
    return [
        {
            **shared,
            "uuid": "rle-lab-by-flow",
            "type": "PARALLEL",
            "selectedParams": ["flow"],
            "selectedMetrics": [metric],
            "showAllRuns": True,
        },
        {**shared, "uuid": "rle-lab-by-run", "type": "BAR", "metricKey": metric},
        {
            **shared,
            "uuid": "rle-lab-by-epoch",
            "type": "LINE",
            "metricKey": metric,
            "selectedMetricKeys": [metric],
            "scaleType": "linear",
            "xAxisKey": "step",
        },
    ]
