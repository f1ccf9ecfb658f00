"""What a machine is busy with, in the units that its names say."""

import psutil

from orchestrator.util import system_metrics


def test_shares_are_percentages_and_sizes_megabytes_under_the_names_of_mlflows_page() -> None:
    system_metrics.begin()
    found = system_metrics.system_metrics()
    assert all(name.startswith("system/") for name in found)
    shares = {name: value for name, value in found.items() if name.endswith("percentage")}
    assert all(0 <= value <= 100 for value in shares.values())
    sizes = found.keys() - shares.keys()
    assert sizes == {"system/system_memory_usage_megabytes", "system/disk_usage_megabytes"}
    whole = psutil.virtual_memory().total / 1e6
    share = found["system/system_memory_usage_megabytes"] / whole
    assert abs(100 * share - found["system/system_memory_usage_percentage"]) < 1e-6
