"""A B-scan made level: Bruch's membrane found, laid along one row, and the retina above it cropped.

The steps are those of He et al. (MICCAI 2019): white margins made black, grey values stretched, the retina
found, every column shifted so that the bottom boundary lies level, 224 rows kept. All of it can be undone, so
that a prediction on the crop can be drawn on the scan.

Shapes: H W pixels of a scan, R rows of its crop.
"""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Real = TypeVar("Real", np.float32, np.float64)

BRUCH_AT = 0.9
"""Where Bruch's membrane lies in a crop, as a share of its height: the retina above, some choroid below."""

_WHITE = 255
_BRIGHTEST = 99.7  # percentile of grey values that is stretched to white
_BAND_UM = 20.0  # of a bright band above its edge, and of what is compared below: the RPE is about as thick
_GAP_UM = 60.0  # below an edge, where no other bright band may follow if it is the lowest
_BELOW_UM = 100.0  # from one bright band to the next that counts as another
_AS_CLEAR = (
    0.45  # of the upper band's edge; in generated maculas the choroid has at most 0.27, in circles 0.69
)
_STEEPEST = 2  # rows a column
_DEGREES = (4, 6, 8, 10)  # of the curve that Bruch's membrane follows: the first, if no other fits nearly all
_NEAR, _NEARLY_ALL, _ALL = 3.0, 0.95, 0.99  # rows from the path, and shares of it that are as near
_REFITS = 15


@dataclass(frozen=True)
class Flattening:
    """By how many rows each column of a scan moved, so that Bruch's membrane lies level.

    Attributes:
        bruch: (W,) the row of Bruch's membrane in the scan.
        height: H of the scan.
        rows: R of the crop.
    """

    bruch: Floats
    height: int
    rows: int

    @property
    def shift(self) -> Floats:
        """(W,) what is added to a row of the scan to give the row of the crop."""
        return BRUCH_AT * self.rows - self.bruch

    def to_crop(self, rows: NDArray[Real]) -> NDArray[Real]:
        """Rows (..., W) of the scan as rows of the crop, which may lie outside of it; NaN stays NaN."""
        return (rows + self.shift).astype(rows.dtype)

    def to_scan(self, rows: NDArray[Real]) -> NDArray[Real]:
        """Rows (..., W) of the crop as rows of the scan: the inverse of `to_crop`."""
        return (rows - self.shift).astype(rows.dtype)

    def crop(self, scan: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The scan (H, W) as its crop (R, W); black where the scan has ended."""
        return resample(scan, np.arange(self.rows)[:, None] - self.shift)


def flatten(scan: NDArray[np.uint8], rows: int, row_um: float) -> tuple[NDArray[np.uint8], Flattening]:
    """The crop (R, W) of a scan (H, W), cleaned, and the way back.

    Args:
        rows: R.
        row_um: the height of a row of the scan, in micrometres.
    """
    cleaned = clean(scan)
    flattening = Flattening(find_bruch(cleaned, row_um), len(scan), rows)
    return flattening.crop(cleaned), flattening


def clean(scan: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """White margins, which exported volumes have from eye tracking, made black, and grey values stretched."""
    _, parts = cv2.connectedComponents((scan == _WHITE).astype(np.uint8))
    edge = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    margin = np.isin(parts, edge[edge > 0]).astype(np.uint8)
    # The pixels beside a margin are mixed with it.
    margin = cv2.dilate(margin, np.ones((3, 3), np.uint8))
    inside = scan[margin == 0]
    white = max(float(np.percentile(inside, _BRIGHTEST)) if inside.size else 0.0, 1.0)
    stretched = (scan * (_WHITE / white)).clip(0, _WHITE).round()
    return np.where(margin, 0, stretched).astype(np.uint8)


def find_bruch(scan: NDArray[np.uint8], row_um: float) -> Floats:
    """(W,) the row of Bruch's membrane: the lower edge of the lowest bright band of a cleaned scan (H, W).

    Shadows, fluid and gaps are bridged twice over: a path through all columns may not jump, and a smooth
    curve through the path gives no weight to what lies far from it. Around the optic disc the nerve fibres
    are the brightest band; where another one with a clear edge lies below the path, it is followed instead.
    """
    score = _edge_score(scan, row_um)
    path = _lowest_path(score, row_um)
    confidence = np.take_along_axis(score, path[None], 0)[0].clip(0)
    # An edge at row r lies between the pixels r - 1 and r.
    return smooth_curve(path.astype(np.float64) - 0.5, confidence)


def best_path(score: Floats) -> NDArray[np.int64]:
    """(W,) the rows of the path from left to right with the highest total of `score` (H, W).

    From one column to the next it moves by at most two rows, and pays for each.
    """
    height, width = score.shape
    moves = np.arange(-_STEEPEST, _STEEPEST + 1)
    toll = 0.25 * np.abs(score).mean() * np.abs(moves)
    came_from = np.zeros((width, height), np.int64)
    total = score[:, 0]
    for column in range(1, width):
        padded = np.pad(total, _STEEPEST, constant_values=-np.inf)
        options = np.lib.stride_tricks.sliding_window_view(padded, len(moves)) - toll
        best = options.argmax(1)
        came_from[column] = np.arange(height) + moves[best]
        total = score[:, column] + options[np.arange(height), best]
    path = np.empty(width, np.int64)
    path[-1] = total.argmax()
    for column in range(width - 1, 0, -1):
        path[column - 1] = came_from[column, path[column]]
    return path


def smooth_curve(path: Floats, confidence: Floats) -> Floats:
    """(W,) a polynomial through `path` (W,) to which outliers mean nothing.

    First a parabola of least absolute error, which a large minority of columns can't bend; from there a curve
    of higher degree, refitted with Tukey's weights. Degrees above the fourth, which the waves of a circular
    scan need, are used where nearly all of the path comes to lie close to them.
    """
    x = np.linspace(-1, 1, len(path))
    prior = confidence + 1e-3 * (confidence.max() + 1e-9)
    curve = _of_least_error(x, path, prior, _fit(x, path, prior, degree=2), degree=2)
    curve = _refitted(x, path, prior, curve, _DEGREES[0])
    for degree in _DEGREES[1:]:
        if _share_near(path, curve, prior) > _ALL:
            break
        # The ends may lie so far from the former curve that Tukey's weights would leave them out.
        closer = _refitted(x, path, prior, _of_least_error(x, path, prior, curve, degree), degree)
        if _share_near(path, closer, prior) > max(_NEARLY_ALL, _share_near(path, curve, prior)):
            curve = closer
    return curve


def resample(image: NDArray[np.uint8], rows: Floats) -> NDArray[np.uint8]:
    """Columns of `image` (H, W) at `rows` (R, W), which need be no whole numbers; 0 outside the image."""
    padded = np.pad(image, ((1, 1), (0, 0))).astype(np.float32)
    place = (rows + 1).clip(0, len(image) + 1)
    above = np.floor(place).astype(np.int64).clip(0, len(image))
    share = (place - above).astype(np.float32)
    upper, lower = (np.take_along_axis(padded, above + below, 0) for below in (0, 1))
    mixed: NDArray[np.uint8] = (upper + share * (lower - upper)).round().astype(np.uint8)
    return mixed


def _lowest_path(score: Floats, row_um: float) -> NDArray[np.int64]:
    """As `best_path`, or a path well below that one with an edge nearly as clear, where there is one."""
    columns = np.arange(score.shape[1])
    upper = best_path(score)
    below = np.arange(len(score))[:, None] >= upper + _BELOW_UM / row_um
    lower = best_path(np.where(below, score, 0))
    clear = score[upper, columns].sum()
    return lower if np.where(below, score, 0)[lower, columns].sum() > _AS_CLEAR * clear else upper


def _of_least_error(x: Floats, path: Floats, prior: Floats, curve: Floats, degree: int) -> Floats:
    for _ in range(_REFITS):
        curve = _fit(x, path, prior / np.maximum(np.abs(path - curve), 0.1), degree=degree)
    return curve


def _refitted(x: Floats, path: Floats, prior: Floats, curve: Floats, degree: int) -> Floats:
    for _ in range(_REFITS):
        residual = np.abs(path - curve)
        scale = max(1.4826 * float(np.median(residual)), 0.5)
        tukey = np.maximum(1 - (residual / (4.685 * scale)) ** 2, 0) ** 2
        curve = _fit(x, path, prior * tukey, degree=degree)
    return curve


def _share_near(path: Floats, curve: Floats, weight: Floats) -> float:
    return float(np.average(np.abs(path - curve) < _NEAR, weights=weight))


def _edge_score(scan: NDArray[np.uint8], row_um: float) -> Floats:
    """(H, W) high where it is bright above, dark below, and nothing as bright follows."""
    from scipy.ndimage import gaussian_filter, uniform_filter1d

    band, gap = max(2, round(_BAND_UM / row_um)), round(_GAP_UM / row_um)
    smooth = gaussian_filter(scan.astype(np.float64), (1, scan.shape[1] / 130))
    mean = uniform_filter1d(smooth, band, axis=0, mode="nearest")
    # A mean over `band` rows that end above, or start at, each row.
    above, below = _moved(mean, band - band // 2), _moved(mean, -(band // 2))
    brightest_below = np.maximum.accumulate(below[::-1], axis=0)[::-1]
    lowest = above > _moved(brightest_below, -gap)
    return np.where(lowest, above - below, 0).clip(0)


def _moved(image: Floats, rows: int) -> Floats:
    """`image` moved down by `rows`, its first or last row repeated."""
    moved: Floats = image[(np.arange(len(image)) - rows).clip(0, len(image) - 1)]
    return moved


def _fit(x: Floats, y: Floats, weight: Floats, degree: int) -> Floats:
    return np.polynomial.Polynomial.fit(x, y, degree, w=np.sqrt(weight))(x)
