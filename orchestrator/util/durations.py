"""Seconds, to be read."""


def duration(seconds: float) -> str:
    """In the largest unit that leaves two digits: `90 s`, `35 min`, `2.5 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
