"""What the numbers of `rle-lab predict` are worth: precision, intervals, boundaries of retinas."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from datasets.io.image import size_of
from datasets.retina.config import RetinaBoundaries
from datasets.synthetic.retinas.retinas import Retinas
from models.boundary_unet import BoundaryNet
from models.interface import Output
from models.objectives import RLE
from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Schedule
from orchestrator.config.vary import vary
from orchestrator.inference.boxes import whole_pictures
from orchestrator.inference.model_store import load
from orchestrator.inference.outputs import Outputs
from orchestrator.inference.predict_folder import find_pictures, finder
from orchestrator.inference.predict_folder import predict as predict_all
from orchestrator.training.checkpoint import Checkpoint, Checkpoints
from orchestrator.training.checkpoint_content import Progress, Spread
from orchestrator.training.module import TrainingModule
from orchestrator.training.regions import Held, Regions
from tests.support.errors import refused
from tests.support.predicting import results


class Recording(nn.Module):
    """Says in what precision it was asked."""

    def __init__(self, net: nn.Module, seen: list[tuple[bool, bool]]) -> None:
        super().__init__()
        self.net, self.seen = net, seen

    def forward(self, image: Tensor) -> Output:
        self.seen.append((torch.is_autocast_enabled(image.device.type), torch.backends.cudnn.allow_tf32))
        found: Output = self.net(image)
        return found


@pytest.mark.parametrize("precision", ["bf16", "auto"])
def test_predictions_are_in_float32_whatever_it_was_trained_in(
    experiment, save, pictures, tmp_path: Path, precision: str
) -> None:
    trained = load(save(vary(experiment, schedule=vary(experiment.schedule, precision=precision))))
    seen: list[tuple[bool, bool]] = []
    plan = whole_pictures(find_pictures([pictures]))
    found = finder(replace(trained, net=Recording(trained.net, seen)), plan.category, boxes=False)
    predict_all(found, plan, plan.pictures, Outputs(tmp_path / "out", found.file), [])
    assert seen
    assert set(seen) == {(False, False)}


@pytest.mark.parametrize("measured", [True, False])
def test_what_intervals_are_worth_is_said(
    experiment, pictures, run, tmp_path, capsys, measured: bool
) -> None:
    weights = TrainingModule(experiment, pretrained=False).state_dict()
    same = ((1.0,) * 17,) * 2
    regions = Regions((50, 90), same, (0.1, 0.2, 0.3), ((4.0,) * 4,) * 2, Held(0.9, 0.87, 0.86))
    spread = Spread((0.5, 2.0), 0.625, samples=24, points=300, regions=regions) if measured else None
    Checkpoints(str(tmp_path)).save(Checkpoint(experiment, weights, Progress(epoch=4, spread=spread)))
    _, out = run(tmp_path / experiment.fingerprint(), pictures)
    said = capsys.readouterr().out
    if measured:
        assert "300 points of 24 validation samples" in said
        assert "62%" in said
        one = results(out)[0]
        ratio = np.array(one["spread"]) / np.array(one["sigma"])
        assert ratio.reshape(-1, 2) == pytest.approx(np.tile([0.5, 2.0], (17, 1)), rel=1e-3)
        assert np.array(one["region"]) / np.array(one["sigma"]) == pytest.approx(4, rel=1e-3)
        assert "90% in the other half, 87% of the quarter" in " ".join(said.split())
    else:
        assert "was not measured" in said
        assert "region" not in results(out)[0]


def test_a_model_of_retinas_finds_boundaries_in_scans(save, tmp_path: Path, run, capsys) -> None:
    source = Retinas(subjects=4, scans=6, labelled=4, height=128, width=64, row_um=15.5)
    data = RetinaBoundaries(source=source, size=(64, 64), train_subjects=(3, 4), test_subjects=(1, 2))
    model, schedule = BoundaryNet(channels=4, depth=2), Schedule(epochs=1, batch=2)
    file = save(Experiment(data=data, model=model, objective=RLE(), schedule=schedule))
    scans = tmp_path / "scans"
    scans.mkdir()
    bright = np.zeros((128, 64), np.uint8)
    bright[50:90] = 180
    Image.fromarray(bright).save(scans / "eye.png")
    Image.fromarray(bright[:, :60]).save(scans / "narrow.png")
    code, out = run(file, scans)
    (found,) = json.loads((out / "boundaries.json").read_text())
    assert code == 1
    assert found["file_name"] == "eye.png"
    assert np.array(found["rows"]).shape == np.array(found["spread"]).shape == (8, 64)
    assert size_of(out / "drawings" / "eye.jpg") == (64, 128)
    said = capsys.readouterr().out
    assert "1 scans in 1 of 2 pictures" in said
    assert "narrow.png: is 60 columns wide" in said
    with refused("no-use-of-boxes"):
        run(file, scans, "--boxes", boxes_for(tmp_path, "eye.png"))


def boxes_for(folder: Path, name: str) -> Path:
    box = {"image_id": 1, "file_name": name, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 1}
    (folder / "boxes.json").write_text(json.dumps([box]))
    return folder / "boxes.json"
