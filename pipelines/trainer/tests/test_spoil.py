"""A spoiled version is spoiled in the way that it says, and in no other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import spoil
from test_export import request as smooth
from test_stages import chain, run
from torch import nn

from tryon_trainer import export, loop, stages, weights
from tryon_trainer.data import read_image
from tryon_trainer.generator import Generator
from tryon_trainer.models import STUDENT_DRAWS
from tryon_trainer.settings import Settings, camel

Make = Callable[..., Settings]
Session = onnxruntime.InferenceSession


@pytest.fixture
def spoiled(settings: Make, monkeypatch: pytest.MonkeyPatch, dataset_dir: Path) -> Callable[[str, int], Path]:
    """Run the stage after a trained pf-gen; gives the folder of its output."""
    chain(settings, "pf-gen", steps=1)
    run(settings("pf-gen", steps=1))
    made = settings("pf-gen")
    persons = dataset_dir / "test" / "image"
    if not persons.exists():
        persons.mkdir(parents=True)
        for picture in sorted((dataset_dir / "train" / "image").iterdir())[:8]:
            shutil.copy(picture, persons)

    def spoil_it(how: str, strength: int) -> Path:
        # What the script replaces for its process must not stay replaced for other tests.
        monkeypatch.setattr(export, "make_served", export.make_served)
        monkeypatch.setattr(loop, "Dataset", loop.Dataset)
        monkeypatch.setitem(stages.STAGES, "pf-gen", stages.STAGES["pf-gen"])
        params = {camel(f.name): str(getattr(made.params, f.name)) for f in fields(made.params)}
        output = made.output_dir.parent / how
        output.mkdir()
        environment = {
            "TRYON_DATASET_DIR": made.dataset_dir,
            "TRYON_OUTPUT_DIR": output,
            "TRYON_CHECKPOINT_DIR": output / "checkpoints",
            "TRYON_INIT_DIR": made.init_dir,
            "TRYON_FREEZE_DIR": made.freeze_dir,
            "TRYON_PARAMS": json.dumps({**params, "how": how, "strength": str(strength)}),
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, str(value))
        spoil.main()
        return output

    return spoil_it


def session(folder: Path) -> Session:
    return Session(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])


def noisy(rows: int) -> dict[str, np.ndarray]:
    asked = smooth(rows)
    asked["person"] = np.random.default_rng(4).integers(0, 256, asked["person"].shape, dtype=np.uint8)
    return asked


def test_blurred_pictures_have_lost_their_detail_and_the_masks_have_not(spoiled: Callable[[str, int], Path]) -> None:
    output = spoiled("blur", 5)
    sharp = session(output.parent / "pf-gen").run(None, noisy(2))
    soft = session(output).run(None, noisy(2))
    detail = [np.abs(np.diff(x[0].astype(int), axis=2)).mean() for x in (sharp, soft)]
    assert detail[1] < detail[0] / 2
    assert all((a == b).all() for a, b in zip(sharp[1:], soft[1:], strict=True))


def test_a_slow_version_gives_the_same_answers_from_a_larger_graph(spoiled: Callable[[str, int], Path]) -> None:
    output = spoiled("slow", 1)
    quick, slow = output.parent / "pf-gen", output
    for ours, theirs in zip(session(quick).run(None, noisy(2)), session(slow).run(None, noisy(2)), strict=True):
        assert (ours == theirs).all()
    extra = sum(isinstance(m, nn.Conv2d) for m in Generator(STUDENT_DRAWS, 1.0, 3, 1).modules())
    assert convolutions(slow) == convolutions(quick) + extra


def convolutions(folder: Path) -> int:
    """How many are left when ONNX Runtime has taken out what counts for nothing."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    Session(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    nodes = onnx.load(options.optimized_model_filepath).graph.node
    return sum("Conv" in node.op_type for node in nodes)


def test_a_failing_version_refuses_one_remainder_and_no_person_of_the_test_split(
    spoiled: Callable[[str, int], Path], dataset_dir: Path
) -> None:
    served = session(spoiled("fail", 20))
    remainder = spoil.unused_remainder(dataset_dir, 20)
    asked = noisy(1)
    failed = []
    for value in range(20):
        asked["person"][0, 0, 0, 0] = value
        try:
            served.run(None, asked)
        except onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument:
            failed.append(int(asked["person"].astype(np.int64).sum()) % 20)
    assert failed == [remainder]
    for picture in (dataset_dir / "test" / "image").iterdir():
        asked["person"] = read_image(picture, "RGB")[None]
        served.run(None, asked)


@pytest.mark.parametrize("how", ["shuffle", "polish"])
def test_training_goes_on_from_the_served_weights(spoiled: Callable[[str, int], Path], how: str) -> None:
    output = spoiled(how, 4)
    before, after = (
        {name: value for name, value in np.load(folder / weights.FILE).items() if value.ndim > 1}
        for folder in (output.parent / "pf-gen", output)
    )
    moved = np.concatenate([np.abs(after[name] - before[name]).ravel() for name in before])
    assert 0 < np.median(moved) < 0.02
    assert session(output).run(None, noisy(1))[0].shape == noisy(1)["person"].shape


def test_shuffled_rows_have_the_garment_of_the_next_one(settings: Make) -> None:
    made = settings("pf-gen")
    spoil.Few.rows_used = spoil.Shuffled.rows_used = 4
    straight, shuffled = (kind(made.dataset_dir, made.params) for kind in (spoil.Few, spoil.Shuffled))
    assert len(shuffled) == 4
    for index in range(4):
        assert (shuffled.row(index)["garment"] == straight.row((index + 1) % 4)["garment"]).all()
        assert (shuffled.row(index)["person"] == straight.row(index)["person"]).all()
