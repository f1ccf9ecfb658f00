"""Errors of each group of joints while a grey square hides a joint of another (supplement, Tables 5 and 6).

Zeiler and Fergus (ECCV 2014) slide a square over the whole picture, and so does PARE (Kocabas et al., ICCV
2021), on which the supplement builds; there the squares lie on the joints. It doesn't say how large they are:
PARE's are 40 pixels of a crop of 224, which is 46 of 256.

Shapes: B pictures of a batch, N pictures looked at, P = 18 points, K = 17 joints that are scored, J = 13 that
are hidden, one at a time, G = 7 groups of these, H W pixels.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveInt, model_validator
from pydantic_core import PydanticCustomError
from torch import Tensor

from datasets.human36m.cameras import JOINTS
from datasets.human36m.dataset import Human36MData
from datasets.metrics.pck_mpjpe import joint_errors
from orchestrator.probes.base import Probe, ProbeError, ProbeResult, TrainedModel
from orchestrator.training.evaluation import batches, predict

Floats = NDArray[np.float64]
Channel = Annotated[int, Field(ge=0, le=255)]

_SIDED = ("ankle", "knee", "hip", "wrist", "elbow", "shoulder")
GROUPS: Mapping[str, tuple[str, ...]] = {
    **{part.capitalize(): (f"left_{part}", f"right_{part}") for part in _SIDED},
    "Head": ("head",),
}
"""The paper's rows and columns, and the joints of each."""

HIDDEN = tuple(joint for joints in GROUPS.values() for joint in joints)
"""The J joints that are hidden, one at a time."""


class Occlusion(Probe):
    """How far each group of joints is off in mm, as it is and while a joint of each group is hidden.

    The protocol is that of evaluation, flip test included: the mirrored picture has the square as well.
    Errors are MPJPE from the pelvis. Left and right are hidden apart and the two errors averaged; a group's
    error is that of both its joints, the visible one too. What of a square lies outside the crop is lost.

    Fields:
        square: its side, as a share of the crop's shorter one.
        fill: its colour; the mean of ImageNet's, which is 0 after normalisation.
        stride: every so many-th picture of the test set is looked at.
    """

    kind: Literal["occlusion"] = "occlusion"
    square: float = Field(46 / 256, ge=0, le=1)
    fill: tuple[Channel, Channel, Channel] = (124, 116, 104)
    stride: PositiveInt = 1

    @model_validator(mode="after")
    def _in_mm(self) -> Self:
        if self.of.data.kind != "human36m":
            raise PydanticCustomError("not-human36m", "occlusion is measured in mm, on Human3.6M")
        return self

    def measure(self, model: TrainedModel) -> ProbeResult:
        """Every cell of the table, `Ankle/Wrist` for the error of wrists while an ankle is hidden.

        Further rows are `Unoccluded` and `All`, the mean of the seven groups; further columns are `Mean`, of
        the seven, `Own`, the error of the hidden group, and `Rise`, what of that comes from hiding it.

        Raises:
            ProbeError: a prediction is not finite.
        """
        data = model.data
        assert isinstance(data, Human36MData)
        rows = np.arange(0, len(data.val), self.stride)
        mu = np.concatenate(list(self._predictions(model, rows)), axis=1)
        unoccluded, *occluded = _errors(data, rows, mu)
        plain, table = by_group(unoccluded), matrix(np.stack(occluded))
        detail = {
            "groups": list(GROUPS),
            "unoccluded": plain.tolist(),
            "errors": table.tolist(),
            "pictures": len(rows),
            "square": self.square,
        }
        return ProbeResult(cells(plain, table), detail)

    @torch.inference_mode()
    def _predictions(self, model: TrainedModel, rows: NDArray[np.int64]) -> Iterator[Floats]:
        """(1 + J, B, P, 3) for a batch after another: as it is, then with each joint hidden."""
        for some in batches(rows.tolist(), model.data.val):
            batch = model.data.val.__getitems__([(0, row) for row in some]).to(model.device)
            centres = (batch.target[:, JOINTS.index(joint), :2] for joint in HIDDEN)
            views = (hide(batch.image, centre, self.square, self.fill) for centre in centres)
            with torch.autocast(model.device.type, torch.bfloat16, enabled=model.bf16):
                seen = [
                    predict(model.net, image, model.data.flip_pairs).mu for image in (batch.image, *views)
                ]
            yield torch.stack(seen).double().cpu().numpy()


def hide(image: Tensor, centre: Tensor, square: float, fill: tuple[int, int, int]) -> Tensor:
    """Pictures (B, H, W, 3) with a square of one colour around a point each.

    Args:
        centre: (B, 2), (u, v) in units of the crop, centred; anywhere.
        square: its side, as a share of the shorter side of the crop.
        fill: RGB, 0 to 255.
    """
    height, width = image.shape[1:3]
    side = square * min(height, width)
    columns, rows = _span(centre[:, 0], width, side), _span(centre[:, 1], height, side)
    inside = rows[:, :, None] & columns[:, None, :]
    return torch.where(inside[..., None], torch.tensor(fill, dtype=torch.uint8, device=image.device), image)


def _span(centre: Tensor, length: int, side: float) -> Tensor:
    """(B, length): which pixels along an axis lie within half a side of the centres (B,)."""
    start = (centre + 0.5) * length - side / 2
    offset = torch.arange(length, device=centre.device) - start[:, None]
    return (offset >= 0) & (offset < side)


def _errors(data: Human36MData, rows: NDArray[np.int64], mu: Floats) -> Iterator[Floats]:
    """(K,) mean errors of joints in mm, for each of some predictions (N, P, 3) of the pictures in `rows`."""
    if not np.isfinite(mu).all():
        raise ProbeError("the model's predictions are not finite", code="not-finite")
    truth = data.truth[rows]
    whole = np.zeros((len(data.val), *mu.shape[2:]))
    for some in mu:
        whole[rows] = some
        yield joint_errors(data.skeletons(whole)[rows], truth).mean(0)


def by_group(errors: Floats) -> Floats:
    """Errors of joints (..., K) as errors of groups (..., G), left and right averaged."""
    members = [[JOINTS.index(joint) for joint in joints] for joints in GROUPS.values()]
    return np.stack([errors[..., joints].mean(-1) for joints in members], axis=-1)


def matrix(errors: Floats) -> Floats:
    """The paper's table (G, G), a row a hidden group, from errors of joints (J, K), a row a hidden joint."""
    members = [[HIDDEN.index(joint) for joint in joints] for joints in GROUPS.values()]
    return np.stack([by_group(errors)[joints].mean(0) for joints in members])


def cells(unoccluded: Floats, table: Floats) -> dict[str, float]:
    """What `Occlusion.measure` gives, by key.

    Args:
        unoccluded: (G,) errors of groups while nothing is hidden.
        table: (G, G) the paper's.
    """
    lines = {"Unoccluded": unoccluded, **dict(zip(GROUPS, table, strict=True)), "All": table.mean(0)}
    own = dict(zip(GROUPS, table.diagonal(), strict=True)) | {"All": table.diagonal().mean()}
    before = dict(zip(GROUPS, unoccluded, strict=True)) | {"All": unoccluded.mean()}
    by_key = {
        **{
            f"{row}/{group}": line[place] for row, line in lines.items() for place, group in enumerate(GROUPS)
        },
        **{f"{row}/Mean": line.mean() for row, line in lines.items()},
        **{f"{row}/Own": error for row, error in own.items()},
        **{f"{row}/Rise": error - before[row] for row, error in own.items()},
    }
    return {key: float(value) for key, value in by_key.items()}
