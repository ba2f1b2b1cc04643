"""The served graph answers what torch answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from conftest import HEIGHT, WIDTH, tiny

from tryon_trainer.data import Size
from tryon_trainer.export import export, make_served
from tryon_trainer.models import Student


@pytest.fixture(scope="module")
def modules() -> dict[str, torch.nn.Module]:
    """A student whose every layer does something."""
    torch.manual_seed(5)
    student = Student(tiny())
    for name, parameter in student.named_parameters():
        if "heads" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    return {"warp": student.warp, "generator": student.generator}


@pytest.fixture(scope="module")
def session(modules: dict, tmp_path_factory: pytest.TempPathFactory) -> onnxruntime.InferenceSession:
    directory = tmp_path_factory.mktemp("export")
    export(modules, tiny(), Size(HEIGHT, WIDTH), directory)
    check_signature(directory)
    return onnxruntime.InferenceSession(str(directory / "model.onnx"), providers=["CPUExecutionProvider"])


def check_signature(directory: Path) -> None:
    assert json.loads((directory / "signature.json").read_text()) == {
        "schema": "tryon.signature/v1",
        "name": "tryon/v1",
        "height": HEIGHT,
        "width": WIDTH,
    }


def request(rows: int) -> dict[str, np.ndarray]:
    """Smooth random pictures and a disc as mask."""
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    disc = ((x - 24) ** 2 + (y - 32) ** 2 < 300)[None, ..., None]
    pictures = [
        (127 + 100 * np.sin(rng.uniform(0, 0.3, (rows, 1, 1, 3)) * x[None, ..., None] + y[None, ..., None] * 0.2))
        for _ in range(2)
    ]
    return {
        "person": pictures[0].astype(np.uint8),
        "garment": pictures[1].astype(np.uint8),
        "garment_mask": np.repeat(disc, rows, 0).astype(np.uint8) * 255,
    }


def test_the_graph_has_the_tryon_v1_signature(session: onnxruntime.InferenceSession) -> None:
    inputs = {i.name: (i.type, i.shape) for i in session.get_inputs()}
    assert inputs == {
        "person": ("tensor(uint8)", ["n", HEIGHT, WIDTH, 3]),
        "garment": ("tensor(uint8)", ["n", HEIGHT, WIDTH, 3]),
        "garment_mask": ("tensor(uint8)", ["n", HEIGHT, WIDTH, 1]),
    }
    assert [(o.name, o.type) for o in session.get_outputs()] == [
        ("image", "tensor(uint8)"),
        ("warped_mask", "tensor(uint8)"),
        ("composite_mask", "tensor(uint8)"),
    ]


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_onnx_and_torch_agree_within_one_level(modules: dict, session: onnxruntime.InferenceSession, rows: int) -> None:
    served = make_served(modules, tiny(), Size(HEIGHT, WIDTH))
    asked = request(rows)
    with torch.no_grad():
        want = [t.numpy() for t in served(*[torch.from_numpy(v) for v in asked.values()])]
    got = session.run(None, asked)
    for ours, theirs in zip(want, got, strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1
    assert 0 < want[1].mean() < 255


def test_a_row_is_answered_in_company_as_it_is_alone(session: onnxruntime.InferenceSession) -> None:
    """Serving puts requests that wait together into one run; no row may see another."""
    asked = request(5)
    together = session.run(None, asked)
    for row in range(5):
        alone = session.run(None, {name: value[row : row + 1] for name, value in asked.items()})
        for ours, theirs in zip(together, alone, strict=True):
            assert np.abs(ours[row : row + 1].astype(int) - theirs.astype(int)).max() <= 1


def test_another_size_is_refused(session: onnxruntime.InferenceSession) -> None:
    asked = {name: value[:, :32] for name, value in request(1).items()}
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument):
        session.run(None, asked)
