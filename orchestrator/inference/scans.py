"""Boundaries in B-scans of the retina: predicted in every column, written as rows of the scan, drawn.

Shapes: H W pixels of a scan, R rows of its crop, K = 8 boundaries, P points, D coordinates of a point.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from datasets.io.errors import DataError
from datasets.retina.config import RetinaBoundaries
from datasets.retina.dataset import as_rows
from datasets.retina.flatten import flatten
from datasets.retina.scan_files import BOUNDARIES
from orchestrator.inference.boxes import PictureBoxes
from orchestrator.inference.drawing import Colour, Picture
from orchestrator.inference.found import Found, Line, Result, Units, rounded
from orchestrator.inference.model_store import Trained
from orchestrator.training.evaluation import predict
from orchestrator.training.runtime import SingleProcess

Floats = NDArray[np.float64]

INKS: tuple[Colour, Colour] = ((86, 180, 233), (230, 159, 0))
"""Of Okabe and Ito, alternating, so that neighbours differ."""

VEIL = 0.35
"""How opaque the intervals of likely errors are."""

_BITS = 4  # OpenCV draws at 1 / 16 pixel


@dataclass(frozen=True, eq=False)
class Boundaries:
    """Predicted for one scan, in its own rows."""

    rows: Floats  # (K, W)
    sigma: Floats | None  # (K, W) the predicted scale
    spread: Floats | None  # (K, W) half the interval of likely errors


@dataclass(frozen=True, eq=False)
class BoundaryFinder:
    """A model of boundaries, asked scan by scan. Make it with `of`."""

    net: nn.Module
    data: RetinaBoundaries
    units: Units
    device: torch.device
    file = "boundaries.json"
    noun = "scans"

    @classmethod
    def of(cls, trained: Trained, runtime: SingleProcess) -> Self | None:
        """Move a model of boundaries to a device; None for another model."""
        data = trained.experiment.data
        if not isinstance(data, RetinaBoundaries):
            return None
        units = Units.of(trained.spread, trained.objective, data.dim)
        return cls(runtime.prepare(trained.net), data, units, runtime.device)

    @property
    def promise(self) -> str:
        """What `spread` in the results is worth."""
        return self.units.promise

    def find(self, one: PictureBoxes, name: str) -> Found:
        """The boundaries of a scan, which results call `name`.

        `rows` are those of the picture, counted from 0, column by column, one list for each of `boundaries`;
        `sigma` and `spread` are in rows too.

        Raises:
            DataError: the picture is missing, broken, no scan of the model's width, or can't be flattened.
        """
        pixels = one.pixels()
        if pixels.shape[1] != self.data.size[1]:
            raise DataError(
                one.picture,
                f"is {pixels.shape[1]} columns wide, the model's scans are {self.data.size[1]}",
                remedy="Give whole B-scans of the device that the model was trained on",
                code="other-scan-size",
            )
        found = self.boundaries(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
        columns = {"rows": found.rows, "sigma": found.sigma, "spread": found.spread}
        known = {field: rounded(values) for field, values in columns.items() if values is not None}
        who = {"image_id": one.image_id, "file_name": name, "boundaries": list(BOUNDARIES)}
        return Found([who | known], lambda: draw(pixels, found))

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of the same as CSV."""
        return "file_name", "boundary", "column", "row", "sigma", "spread"

    def lines(self, results: Sequence[Result]) -> Iterator[Line]:
        """Results as lines of the CSV file, a column of a boundary each."""
        for one in results:
            for place, name in enumerate(one["boundaries"]):
                fields = [
                    one[field][place] if field in one else None for field in ("rows", "sigma", "spread")
                ]
                for column in range(len(one["rows"][place])):
                    values = ("" if field is None else field[column] for field in fields)
                    yield (one["file_name"], name, column, *values)

    def boundaries(self, scan: NDArray[np.uint8]) -> Boundaries:
        """Of a scan (H, W), flattened and cropped as those of training are.

        Raises:
            DataError: Bruch's membrane is not found.
        """
        height, width = self.data.size
        crop, way = flatten(scan, height, self.data.source.row_um)
        image = torch.from_numpy(np.repeat(crop[None, ..., None], 3, axis=-1)).to(self.device)
        output = predict(self.net, image, None)
        rows = as_rows(output.mu.float().cpu().numpy(), height, width)[0].astype(np.float64)
        if output.sigma is None:
            return Boundaries(way.to_scan(rows), None, None)
        sigma = output.sigma.double().cpu().numpy()[0] * height
        widths = self.units.widths
        spread = None if widths is None else _columns(sigma * widths, width)
        return Boundaries(way.to_scan(rows), _columns(sigma, width), spread)


def draw(scan: Picture, found: Boundaries) -> Picture:
    """A copy of a scan (H, W, 3) with its boundaries as lines, and their likely errors as bands."""
    veil = scan.copy()
    across = np.arange(scan.shape[1])
    if found.spread is not None:
        for place, (row, half) in enumerate(zip(found.rows, found.spread, strict=True)):
            there = np.stack([across, row - half], 1)
            back = np.stack([across, row + half], 1)[::-1]
            cv2.fillPoly(veil, [_fixed(np.concatenate([there, back]))], INKS[place % 2], cv2.LINE_AA, _BITS)
    drawn: Picture = cv2.addWeighted(veil, VEIL, scan, 1 - VEIL, 0)
    for place, row in enumerate(found.rows):
        line = [_fixed(np.stack([across, row], 1))]
        cv2.polylines(drawn, line, isClosed=False, color=INKS[place % 2], lineType=cv2.LINE_AA, shift=_BITS)
    return drawn


def _columns(values: Floats, width: int) -> Floats:
    """(K, W) from points (P, D), column by column."""
    return np.ascontiguousarray(values.reshape(width, len(BOUNDARIES)).T)


def _fixed(points: Floats) -> NDArray[np.int32]:
    fixed: NDArray[np.int32] = np.round(points.clip(-(2**17), 2**17) * 2**_BITS).astype(np.int32)
    return fixed
