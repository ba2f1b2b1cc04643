"""Reading a dataset in VITON-HD layout: rows joined by name, kept in memory, drawn by seed and step."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from .body import MIRRORED, box, keypoints, pose_maps, regions
from .settings import Params

MAX_PIXELS = 4096 * 4096
MAX_JSON = 1 << 20
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\.(png|jpg|jpeg)")

Row = dict[str, Tensor]


class DataError(ValueError):
    """The dataset does not hold what training needs; the message names the file."""


def read_image(path: Path, mode: str) -> NDArray[np.uint8]:
    """Decode one image file as [h, w, 3] (mode RGB) or [h, w] (L, or P for raw label ids)."""
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise DataError(f"{path}: {image.width}x{image.height} pixels are too many")
            if mode == "P" and image.mode not in ("P", "L"):
                raise DataError(f"{path}: a label map must be a palette or grey image, not {image.mode}")
            return np.array(image if mode == "P" else image.convert(mode))
    except (OSError, Image.DecompressionBombError) as error:
        raise DataError(f"reading {path}: {error}") from error


def read_persons(root: Path) -> list[str]:
    """File names of the training persons: the first column of train_pairs.txt.

    The second column is not used: training is paired, a person's own garment carries the person's name,
    and in the public VITON-HD release that column names some other garment.
    """
    path = root / "train_pairs.txt"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"reading {path}: {error}") from error
    names = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words:
            continue
        if len(words) < 2 or not NAME.fullmatch(words[0]):
            raise DataError(f"{path}:{number}: want two file names")
        names.append(words[0])
    if not names:
        raise DataError(f"{path}: no pairs")
    return sorted(set(names))


@dataclass(frozen=True)
class Size:
    """Pixels of an image."""

    height: int
    width: int


class Dataset:
    """Training rows by person; decoded once and held at the network's resolution as bytes."""

    def __init__(self, root: Path, params: Params) -> None:
        self.folder = root / "train"
        self.persons = read_persons(root)
        self.network = Size(params.height, params.width_px)
        first = read_image(self.folder / "image" / self.persons[0], "RGB")
        self.size = Size(*first.shape[:2])
        self.scale = self.size.height // self.network.height
        if (self.network.height * self.scale, self.network.width * self.scale) != (self.size.height, self.size.width):
            raise DataError(
                f"images of {self.size.height}x{self.size.width} are not an integer multiple of the network's "
                f"{self.network.height}x{self.network.width}"
            )
        self._pool = ThreadPoolExecutor(max(1, torch.get_num_threads()))
        budget = params.cache_mib << 20
        self._cache: dict[int, Row] | None = {} if self._row_bytes() * len(self.persons) <= budget else None

    def __len__(self) -> int:
        return len(self.persons)

    def _row_bytes(self) -> int:
        return sum(t.numel() for t in self._read(0).values())

    def row(self, index: int) -> Row:
        """Byte tensors [c, h, w] of one row, at the network's resolution."""
        if self._cache is None:
            return self._read(index)
        if index not in self._cache:
            self._cache[index] = self._read(index)
        return self._cache[index]

    def rows(self, indexes: list[int], others: list[int]) -> tuple[list[Row], list[Row]]:
        """Rows, and the garments of other rows."""
        if self._cache is not None:
            return [self.row(i) for i in indexes], [self.row(i) for i in others]
        return list(self._pool.map(self._read, indexes)), list(self._pool.map(self._read_garment, others))

    def preload(self, report: Callable[[int], None] | None = None) -> None:
        """Decode all rows into memory, when they fit."""
        if self._cache is None:
            return
        for done, _ in enumerate(self._pool.map(self.row, range(len(self))), start=1):
            if report and done % 200 == 0:
                report(done)

    def _file(self, folder: str, index: int, suffix: str = ".png") -> Path:
        return self.folder / folder / (Path(self.persons[index]).stem + suffix)

    def _either(self, folder: str, index: int) -> Path:
        named = self.folder / folder / self.persons[index]
        return named if named.exists() else self._file(folder, index)

    def _image(self, folder: str, index: int, mode: str) -> NDArray[np.uint8]:
        """Picture of a row; all have one size."""
        path = self._file(folder, index) if mode == "P" else self._either(folder, index)
        image = read_image(path, mode)
        if image.shape[:2] != (self.size.height, self.size.width):
            raise DataError(f"{folder}/{path.name}: size {image.shape[:2]}, the first has {self.size}")
        return image

    def _read_garment(self, index: int) -> Row:
        alpha = self._image("cloth-mask", index, "L") >= 128
        # Premultiplied before the reduction, so that no background colour bleeds into the edge.
        cut = np.where(alpha[..., None], self._image("cloth", index, "RGB"), np.uint8(128))
        return {"garment": self._shrink(cut), "mask": self._shrink(alpha * np.uint8(255))}

    def _read(self, index: int) -> Row:
        row = {"person": self._shrink(self._image("image", index, "RGB")), **self._read_garment(index)}
        parse, points = self._image("image-parse-v3", index, "P"), self._keypoints(index)
        for name, region in regions(parse, points, self.scale).items():
            row[name] = torch.from_numpy(region[None].copy())
        row["pose"] = torch.from_numpy(pose_maps((self.network.height, self.network.width), points))
        return row

    def _keypoints(self, index: int) -> NDArray[np.float32]:
        """Key points of a row, in pixels of the network."""
        path = self._file("openpose_json", index, "_keypoints.json")
        try:
            if path.stat().st_size > MAX_JSON:
                raise DataError(f"{path}: larger than {MAX_JSON} bytes")
            points = keypoints(json.loads(path.read_text(encoding="utf-8")))
            points[:, :2] /= self.scale
            return points
        except (OSError, ValueError) as error:
            raise DataError(f"reading {path}: {error}") from error

    def _shrink(self, image: NDArray[np.uint8]) -> Tensor:
        """Area-reduce [h, w] or [h, w, c] to the network's resolution, as [c, h, w]."""
        small = box(image, self.scale)
        return torch.from_numpy(np.ascontiguousarray(np.atleast_3d(small).transpose(2, 0, 1)))


SIGNED = ("person", "garment")


@dataclass
class Batch:
    """Float tensors [n, c, h, w] of the rows of a batch, and of the other garments drawn for them.

    fields: person, garment in [-1, 1] (garment premultiplied: 0 outside); mask, worn, head, lower, hands,
    keep, occluded, pose in [0, 1]; other_garment, other_mask belong to a random other row.
    """

    fields: Row

    def __getitem__(self, name: str) -> Tensor:
        return self.fields[name]


class Batches:
    """Batches as a pure function of seed and step, so that a resumed run draws what it would have drawn."""

    def __init__(self, dataset: Dataset, params: Params, rank: int = 0, world_size: int = 1) -> None:
        self.dataset = dataset
        self.params = params
        self.rank = rank
        self.world_size = world_size
        # More processes than rows per batch would leave some without work.
        self.local = max(1, params.batch_size // world_size)
        self.per_epoch = max(1, len(dataset) // (self.local * world_size))

    def epoch(self, step: int) -> int:
        """Epoch, from 1, in which the step (from 0) falls."""
        return step // self.per_epoch + 1

    def stream(self, step: int, total: int, device: torch.device) -> Iterator[Batch]:
        """Batches from a step on; one is read ahead while another is learnt from."""
        with ThreadPoolExecutor(1) as ahead:
            following = ahead.submit(self.batch, step, device)
            for number in range(step + 1, total + 1):
                current = following.result()
                if number < total:
                    following = ahead.submit(self.batch, number, device)
                yield current

    def batch(self, step: int, device: torch.device) -> Batch:
        """Rows of this process for a step; every rank draws the same order and takes its own part."""
        order = np.random.default_rng([self.params.seed, self.epoch(step)]).permutation(len(self.dataset))
        start = (step % self.per_epoch) * self.local * self.world_size + self.rank * self.local
        mine = [int(order[i % len(order)]) for i in range(start, start + self.local)]
        rng = np.random.default_rng([self.params.seed, step, self.rank, 7])
        others = [int(rng.integers(len(self.dataset))) for _ in mine]
        flips = rng.random(len(mine)) < 0.5
        rows, garments = self.dataset.rows(mine, others)
        drawn: Row = {name: torch.stack([r[name] for r in rows]) for name in rows[0]}
        drawn["other_garment"] = torch.stack([g["garment"] for g in garments])
        drawn["other_mask"] = torch.stack([g["mask"] for g in garments])
        drawn = {name: mirror(t, name, flips) for name, t in drawn.items()}
        return Batch({name: to_float(t.to(device), name) for name, t in drawn.items()})


def mirror(x: Tensor, name: str, flips: NDArray[np.bool_]) -> Tensor:
    """Mirror the chosen samples of [n, c, h, w]; left and right pose channels change places."""
    out = x.clone()
    for i in np.flatnonzero(flips):
        flipped = x[i].flip(-1)
        out[i] = flipped[list(MIRRORED)] if name == "pose" else flipped
    return out


def to_float(x: Tensor, name: str) -> Tensor:
    """Bytes to [-1, 1] for pictures and [0, 1] for masks, in the layout that convolutions like."""
    x = x.float() / 127.5 - 1 if name.removeprefix("other_") in SIGNED else x.float() / 255
    return x.contiguous(memory_format=torch.channels_last)
