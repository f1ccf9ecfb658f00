"""How MLflow's list of runs opens."""

import json

from orchestrator.tracking.shared_view import KEY, address, view


def test_the_view_shows_row_flow_seed_and_the_metric_and_a_chart_of_it() -> None:
    state = json.loads(view(["AP"]))
    assert state["selectedColumns"] == ["params.`row`", "params.`flow`", "params.`seed`", "metrics.`AP`"]
    chart = state["compareRunCharts"][0]
    assert (chart["selectedParams"], chart["selectedMetrics"]) == (["flow"], ["AP"])


def test_a_view_of_measurements_has_no_chart() -> None:
    assert "compareRunCharts" not in json.loads(view([]))


def test_an_address_names_the_kind_of_page_and_the_view() -> None:
    assert address("3") == f"/#/experiments/3/runs?workflowType=machine_learning&viewStateShareKey={KEY}"
