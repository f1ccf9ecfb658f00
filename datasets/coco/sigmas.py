"""A file of OKS constants: an object of numbers by the names of keypoints, as `{"tail_base": 0.05}`."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from datasets.io import json_file
from datasets.io.json_file import Positive

_a_mapping = TypeAdapter(dict[str, Positive]).validate_python


def read_sigmas(path: Path) -> Mapping[str, float]:
    """The constants, positive.

    Raises:
        DataError: the file is missing or something else.
    """
    return json_file.load(path).as_object().parse(_a_mapping)
