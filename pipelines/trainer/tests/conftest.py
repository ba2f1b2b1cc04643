"""A tiny dataset in VITON-HD layout: a drawn torso with arms, wearing a patterned rectangle."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tryon_trainer.settings import Params, Settings

HEIGHT, WIDTH = 64, 48
ARCHITECTURE = {"width": 0.5, "generator_width": 0.5, "levels": 3, "patch": 1, "height": 32, "width_px": 24}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def pattern(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Two-colour stripes of random direction, [height, width, 3]."""
    colours = rng.integers(30, 220, (2, 3))
    y, x = np.mgrid[:height, :width]
    stripe = (np.sin(x * rng.uniform(0.1, 0.5) + y * rng.uniform(0.1, 0.5)) > 0).astype(int)
    return colours[stripe].astype(np.uint8)


def write_row(folder: Path, name: str, rng: np.random.Generator) -> None:
    """Write one row; the worn garment is the flat one at half its size, somewhere about the middle."""
    person = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    parse = np.zeros((HEIGHT, WIDTH), np.uint8)
    top, left = int(rng.integers(16, 22)), int(rng.integers(12, 16))
    cloth = np.full((HEIGHT, WIDTH, 3), 246, np.uint8)
    cloth[8:56, 6:42] = pattern(rng, 48, 36)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[8:56, 6:42] = 255
    skin = rng.integers(90, 220, 3)
    boxes = [(2, top - 2, 0.6, 13), (top, top + 24, 0.2, 14), (top + 24, HEIGHT, 0.4, 9)]
    for low, high, margin, label in boxes:
        inset = int(margin * 10)
        person[low:high, left - 3 + inset : left + 23 - inset] = skin if label != 9 else 70
        parse[low:high, left - 3 + inset : left + 23 - inset] = label
    person[top : top + 24, left : left + 18] = cloth[8:56:2, 6:42:2]
    parse[top : top + 24, left : left + 18] = 5
    points = np.zeros((25, 3))
    joints = {
        1: (9, 0),
        2: (0, 2),
        3: (-2, 12),
        4: (-2, 20),
        5: (18, 2),
        6: (20, 12),
        7: (20, 20),
        9: (3, 24),
        12: (15, 24),
    }
    for joint, (x, y) in joints.items():
        points[joint] = (left + x, top + y, 1)
    stem = Path(name).stem
    for kind, image in (("image", person), ("cloth", cloth), ("cloth-mask", mask), ("image-parse-v3", parse)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / kind / f"{stem}.png")
    (folder / "openpose_json").mkdir(exist_ok=True)
    document = {"people": [{"pose_keypoints_2d": points.ravel().tolist()}]}
    (folder / "openpose_json" / f"{stem}_keypoints.json").write_text(json.dumps(document))


@pytest.fixture(scope="session")
def dataset_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen training rows."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(3)
    names = [f"{i:06d}_00.png" for i in range(16)]
    for name in names:
        write_row(root / "train", name, rng)
    (root / "train_pairs.txt").write_text("".join(f"{name} {name}\n" for name in names))
    return root


def tiny(**changes: object) -> Params:
    """Parameters of a network that trains in milliseconds."""
    return Params(**{**ARCHITECTURE, "steps": 4, "batch_size": 4, "warmup": 0, "threads": 1, **changes})


@pytest.fixture
def settings(dataset_dir: Path, tmp_path: Path) -> Callable[..., Settings]:
    """Make settings of a stage below a fresh folder; parents are read from the same folder."""

    def make(stage: str, run: str = "run", **changes: object) -> Settings:
        root = tmp_path / run
        root.mkdir(exist_ok=True)
        return Settings(
            stage=stage,
            dataset_dir=dataset_dir,
            output_dir=root / stage,
            checkpoint_dir=root / f"checkpoints-{stage}",
            params=tiny(**changes),
            init_dir=root,
            freeze_dir=root,
            progress=root / f"{stage}.jsonl",
        )

    return make
