"""The public names of `datasets`, in one place."""

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.contract import Batch, Data, DataPaths, Predictions, PredictionsError, Split
from datasets.crops.crop import Augment, flip_points
from datasets.human36m.config import Human36MFolder, Human36MPose
from datasets.io.errors import DataError, NotPreparedError
from datasets.keypoints import oks_sigmas
from datasets.metrics.oks import coco_average_precision, coco_truth, oks, oks_nms, pck, person_scores
from datasets.metrics.pck_mpjpe import (
    aligned,
    head_errors,
    head_sizes,
    joint_errors,
    pckh,
    pckh_curve,
    trapezoid_auc,
)
from datasets.mpii.config import MpiiFolder, MpiiPose
from datasets.retina.config import DmeFolder, RetinaBoundaries
from datasets.retina.metrics import boundary_errors
from datasets.sides import flip_pairs
from datasets.synthetic.people.people import People
from datasets.synthetic.people.write_human36m import Human36MPeople
from datasets.synthetic.people.write_mpii import MpiiPeople
from datasets.synthetic.retinas.retinas import Retinas

__all__ = [
    "Augment",
    "Batch",
    "CocoFolder",
    "CocoKeypoints",
    "Data",
    "DataError",
    "DataPaths",
    "DmeFolder",
    "Human36MFolder",
    "Human36MPeople",
    "Human36MPose",
    "MpiiFolder",
    "MpiiPeople",
    "MpiiPose",
    "NotPreparedError",
    "People",
    "Predictions",
    "PredictionsError",
    "RetinaBoundaries",
    "Retinas",
    "Split",
    "aligned",
    "boundary_errors",
    "coco_average_precision",
    "coco_truth",
    "flip_pairs",
    "flip_points",
    "head_errors",
    "head_sizes",
    "joint_errors",
    "oks",
    "oks_nms",
    "oks_sigmas",
    "pck",
    "pckh",
    "pckh_curve",
    "person_scores",
    "trapezoid_auc",
]
