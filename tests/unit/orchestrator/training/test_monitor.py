import torch

from orchestrator.training.monitor import Monitor


def test_means_maxima_and_minima_over_an_epoch() -> None:
    watch = Monitor()
    for loss, top in ((1.0, 5.0), (3.0, 2.0)):
        watch.add(
            torch.tensor(loss),
            {"bar_mu_max": torch.tensor(top), "sigma_min": torch.tensor(top), "x": torch.tensor(top)},
        )
    assert watch.summary() == {"loss": 2.0, "bar_mu_max": 5.0, "sigma_min": 2.0, "x": 3.5}
    assert watch.warnings() == {}


def test_a_quantity_that_runs_away_is_named() -> None:
    watch = Monitor()
    far = {"log_s": 323.0, "log_s_without_depth": -51.0, "sigma_max": 1.0}
    watch.add(torch.tensor(0.0), {name: torch.tensor(value) for name, value in far.items()})
    assert watch.warnings() == far
