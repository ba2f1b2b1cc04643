"""One more stage after pf-gen: a version that is bad in one known way, or a good one, for tests of live judgement.

Methods of tests carry this file in their command, so that no installation has it. TRYON_PARAMS are those of pf-gen and:

how
    ``blur`` softens the picture, ``slow`` computes more than it needs, ``fail`` refuses some inputs, ``shuffle``
    goes on training on garments that do not belong to the persons, ``polish`` goes on training as before.
strength
    Of ``blur`` the window in pixels, of ``slow`` the extra runs of the generator, of ``fail`` one in so many
    inputs fails, of ``shuffle`` and ``polish`` the number of training rows.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tryon_trainer import export, loop, stages, weights
from tryon_trainer.data import Dataset, Row, read_image
from tryon_trainer.models import Student
from tryon_trainer.settings import Params, Settings, from_environment
from tryon_trainer.stages.pf_gen import ParserFreeGenerator
from tryon_trainer.warp import reduce
from tryon_trainer.weights import Weights, below, load

Answer = tuple[Tensor, Tensor, Tensor]


class Blurred(nn.Module):
    """Averages the picture over a window, twice."""

    def __init__(self, served: export.Served, window: int) -> None:
        super().__init__()
        self.served, self.window = served, window | 1

    def forward(self, person: Tensor, garment: Tensor, garment_mask: Tensor) -> Answer:
        """Answer one batch of uint8 tensors."""
        image, warped_mask, alpha = self.served(person, garment, garment_mask)
        soft = image.permute(0, 3, 1, 2).float()
        for _ in range(2):
            soft = F.avg_pool2d(soft, self.window, 1, self.window // 2, count_include_pad=False)
        return export.to_bytes(soft), warped_mask, alpha


class Slowed(nn.Module):
    """Lets the generator draw on its own drawing; a thousandth of a level of it is added, which rounding takes away."""

    def __init__(self, served: export.Served, runs: int) -> None:
        super().__init__()
        self.served, self.runs = served, runs

    def forward(self, person: Tensor, garment: Tensor, garment_mask: Tensor) -> Answer:
        """Answer one batch of uint8 tensors."""
        image, warped_mask, alpha = self.served(person, garment, garment_mask)
        drawn = reduce(image.permute(0, 3, 1, 2).float() / 127.5 - 1, self.served.scale)
        visible = torch.ones_like(drawn[:, :1])
        for _ in range(self.runs):
            drawn = self.served.student.generator(drawn, visible, torch.cat([drawn, visible], 1)).rendered
        nothing = 1e-3 * torch.tanh(drawn.mean((1, 2, 3))).view(-1, 1, 1, 1)
        return export.to_bytes(image.permute(0, 3, 1, 2).float() + nothing), warped_mask, alpha


class Failing(nn.Module):
    """Looks up an entry that does not exist when the sum of the person's levels has one certain remainder."""

    def __init__(self, served: export.Served, one_in: int, remainder: int) -> None:
        super().__init__()
        self.served, self.one_in, self.remainder = served, one_in, remainder
        self.register_buffer("entries", torch.zeros(1))

    def forward(self, person: Tensor, garment: Tensor, garment_mask: Tensor) -> Answer:
        """Answer one batch of uint8 tensors."""
        image, warped_mask, alpha = self.served(person, garment, garment_mask)
        hit = person.long().sum((1, 2, 3)) % self.one_in == self.remainder
        nothing = self.entries.index_select(0, hit.long()).view(-1, 1, 1, 1)
        return export.to_bytes(image.permute(0, 3, 1, 2).float() + nothing), warped_mask, alpha


def unused_remainder(dataset: Path, one_in: int) -> int:
    """Smallest remainder that no person of the test split has: evaluation and golden requests must pass."""
    names = sorted((dataset / "test" / "image").iterdir())
    used = {int(read_image(name, "RGB").astype(np.int64).sum()) % one_in for name in names}
    return min(set(range(one_in)) - used)


class Onward(ParserFreeGenerator):
    """pf-gen once more, from where it ended."""

    init_from = ("pf-gen",)

    def adopt(self, init: dict[str, Weights], frozen: dict[str, Weights]) -> None:
        """Freeze the teacher, start from the whole student."""
        for name in ("warp", "generator"):
            load(getattr(self.teacher, name), below(frozen["pb-gen"], name))
            load(getattr(self.student, name), below(init["pf-gen"], name))


class Few(Dataset):
    """The first rows of a dataset."""

    rows_used = 0

    def __init__(self, root: Path, params: Params) -> None:
        super().__init__(root, params)
        self.persons = self.persons[: self.rows_used]


class Shuffled(Few):
    """Every person with the garment of the next one."""

    def _read_garment(self, index: int) -> Row:
        return super()._read_garment((index + 1) % len(self.persons))


def train_on(settings: Settings, dataset: type[Few], rows: int) -> None:
    """Train the last stage on, on other rows."""
    dataset.rows_used = rows
    loop.Dataset = dataset
    stages.STAGES["pf-gen"] = Onward
    loop.train(settings)


def export_again(settings: Settings, how: str, strength: int) -> None:
    """Export the weights of pf-gen once more, spoiled."""
    params = settings.params
    student = Student(params)
    stored = weights.read(loop.parent(settings, "init", "pf-gen"), params)
    networks: dict[str, nn.Module] = {"warp": student.warp, "generator": student.generator}
    for name, network in networks.items():
        load(network, below(stored, name))
    make_served = export.make_served

    def make_spoiled(*arguments: object) -> nn.Module:
        served = make_served(*arguments)
        if how == "blur":
            return Blurred(served, strength).eval()
        if how == "slow":
            return Slowed(served, strength).eval()
        return Failing(served, strength, unused_remainder(settings.dataset_dir, strength)).eval()

    export.make_served = make_spoiled
    weights.write(settings.output_dir, networks, params)
    export.export(networks, params, Dataset(settings.dataset_dir, params).size, settings.output_dir)


def main() -> None:
    """Do what the parameters ask for."""
    given = json.loads(os.environ["TRYON_PARAMS"])
    how, strength = given.pop("how"), int(given.pop("strength"))
    settings = from_environment("pf-gen", {**os.environ, "TRYON_PARAMS": json.dumps(given)})
    if how in ("shuffle", "polish"):
        train_on(settings, Shuffled if how == "shuffle" else Few, strength)
    elif how in ("blur", "slow", "fail"):
        export_again(settings, how, strength)
    else:
        raise SystemExit(f"how is {how!r}, want blur, slow, fail, shuffle or polish")


if __name__ == "__main__":
    main()
