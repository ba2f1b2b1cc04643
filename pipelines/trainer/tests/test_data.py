"""Rows are joined by name, batches drawn by seed and step."""

from __future__ import annotations

import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import tiny
from PIL import Image

from tryon_trainer.data import Batches, DataError, Dataset, mirror, read_image, read_persons

CPU = torch.device("cpu")


def copy(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


def test_rows_are_joined_by_name_and_not_by_position(dataset_dir: Path, tmp_path: Path) -> None:
    root = copy(dataset_dir, tmp_path / "data")
    before = Dataset(root, tiny()).row(5)
    # A file more in one folder only would shift every later row of a loader that joins sorted lists.
    extra = root / "train" / "cloth" / "000002_99.png"
    shutil.copy(root / "train" / "cloth" / "000000_00.png", extra)
    after = Dataset(root, tiny()).row(5)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_second_column_of_the_training_pairs_is_not_believed(dataset_dir: Path, tmp_path: Path) -> None:
    root = copy(dataset_dir, tmp_path / "data")
    names = read_persons(root)
    shuffled = [*names[1:], names[0]]
    (root / "train_pairs.txt").write_text("".join(f"{a} {b}\n" for a, b in zip(names, shuffled, strict=True)))
    assert torch.equal(Dataset(root, tiny()).row(3)["garment"], Dataset(dataset_dir, tiny()).row(3)["garment"])


@pytest.mark.parametrize("folder", ["image", "cloth", "cloth-mask", "image-parse-v3"])
def test_a_missing_file_is_named(folder: str, dataset_dir: Path, tmp_path: Path) -> None:
    root = copy(dataset_dir, tmp_path / "data")
    (root / "train" / folder / "000004_00.png").unlink()
    with pytest.raises(DataError, match=f"{folder}/000004_00.png"):
        Dataset(root, tiny()).row(4)


def test_a_row_of_another_size_is_refused(dataset_dir: Path, tmp_path: Path) -> None:
    root = copy(dataset_dir, tmp_path / "data")
    Image.new("RGB", (24, 32)).save(root / "train" / "cloth" / "000004_00.png")
    with pytest.raises(DataError, match="cloth/000004_00.png: size"):
        Dataset(root, tiny()).row(4)


@pytest.mark.parametrize("line", ["../../etc/passwd x.png", "a.png", "a/b.png b.png"])
def test_a_pair_list_cannot_lead_out_of_the_dataset(line: str, tmp_path: Path) -> None:
    (tmp_path / "train_pairs.txt").write_text(line + "\n")
    with pytest.raises(DataError, match="train_pairs.txt:1"):
        read_persons(tmp_path)


def test_a_huge_picture_is_refused_by_its_header(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    data = struct.pack(">I", len(header)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data + b"\0\0\0\0IDAT" + b"\x35\xaf\x06\x1e")
    with pytest.raises(DataError):
        read_image(tmp_path / "bomb.png", "RGB")


def test_images_must_be_a_multiple_of_the_network(dataset_dir: Path) -> None:
    with pytest.raises(DataError, match="integer multiple"):
        Dataset(dataset_dir, tiny(height=48, width_px=32))


def test_a_batch_depends_on_seed_and_step_alone(dataset_dir: Path) -> None:
    first = Batches(Dataset(dataset_dir, tiny()), tiny())
    second = Batches(Dataset(dataset_dir, tiny()), tiny())
    first.batch(0, CPU)
    a, b = first.batch(7, CPU), second.batch(7, CPU)
    assert all(torch.equal(a[name], b[name]) for name in a.fields)
    other = Batches(Dataset(dataset_dir, tiny()), tiny(seed=2)).batch(7, CPU)
    assert not torch.equal(a["person"], other["person"])


def test_processes_share_an_epoch_without_overlap(dataset_dir: Path) -> None:
    seen = []
    for rank in range(2):
        batches = Batches(Dataset(dataset_dir, tiny()), tiny(), rank, 2)
        assert batches.local == 2
        for step in range(batches.per_epoch):
            people = batches.batch(step, CPU)["person"]
            # A row's identity, whether mirrored or not.
            seen += [round(float(p.double().sum()), 3) for p in people]
    assert len(seen) == len(set(seen)) == 16


def test_pictures_are_signed_and_masks_are_not(dataset_dir: Path) -> None:
    batch = Batches(Dataset(dataset_dir, tiny()), tiny()).batch(0, CPU)
    assert batch["person"].min() < 0 <= batch["worn"].min()
    assert batch["worn"].max() <= 1
    # Premultiplied: nothing outside the garment (128 is the nearest byte to zero).
    outside = batch["garment"] * (batch["mask"] == 0)
    assert float(outside.abs().max()) < 0.005


def test_mirroring_moves_pixels_and_swaps_sides() -> None:
    pose = torch.arange(13 * 2).view(1, 13, 1, 2)
    flipped = mirror(pose, "pose", np.array([True]))
    assert flipped[0, 0].tolist() == [[1, 0]]
    assert flipped[0, 1].tolist() == [[9, 8]]
    assert torch.equal(mirror(flipped, "pose", np.array([True])), pose)


def test_without_room_in_memory_rows_are_read_again(dataset_dir: Path) -> None:
    dataset = Dataset(dataset_dir, tiny(cache_mib=0))
    dataset.preload()
    assert torch.equal(dataset.row(2)["person"], Dataset(dataset_dir, tiny()).row(2)["person"])
    assert dataset.row(2)["person"] is not dataset.row(2)["person"]
