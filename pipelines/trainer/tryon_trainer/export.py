"""The served graph: signature tryon/v1 around the student, at the dataset's resolution."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from . import weights
from .data import Size
from .generator import Layers, lay
from .models import Student
from .settings import Params
from .warp import enlarge, reduce, sample

OPSET = 16  # The first with GridSample.
INPUTS = ("person", "garment", "garment_mask")
OUTPUTS = ("image", "warped_mask", "composite_mask")


class Served(nn.Module):
    """Bytes in, bytes out, pictures of [n, H, W, 3] and masks of [n, H, W, 1].

    The network looks at a reduced picture; what it finds is applied to the full one: the flow moves the full
    garment, the masks choose between full-size layers. Only newly drawn skin has the network's resolution.
    """

    def __init__(self, student: Student, scale: int) -> None:
        super().__init__()
        self.student = student
        self.scale = scale

    def forward(self, person: Tensor, garment: Tensor, garment_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Answer one batch of uint8 tensors."""
        photo = person.permute(0, 3, 1, 2).float() / 127.5 - 1
        mask = (garment_mask.permute(0, 3, 1, 2).float() >= 128).float()
        cloth = (garment.permute(0, 3, 1, 2).float() / 127.5 - 1) * mask
        image, warped_mask, alpha = self.full(photo, cloth, mask)
        return to_bytes(image * 127.5 + 127.5), to_bytes(warped_mask * 255), to_bytes(alpha * 255)

    def full(self, photo: Tensor, cloth: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Image [n, 3, H, W] in [-1, 1], warped mask and alpha [n, 1, H, W], before rounding to bytes."""
        scale = self.scale
        dressed = self.student(reduce(photo, scale), reduce(cloth, scale), reduce(mask, scale))
        flow = enlarge(dressed.warp.finest, photo.shape[-1] // dressed.warp.finest.shape[-1])
        moved = sample(torch.cat([cloth, mask], 1), flow)
        found = dressed.layers
        layers = Layers(*(enlarge(x, scale) for x in (found.rendered, found.composite, found.keep, found.logits)))
        image, alpha = lay(photo, moved[:, :3], moved[:, 3:], layers)
        return image, moved[:, 3:], alpha


def to_bytes(x: Tensor) -> Tensor:
    """Round [n, c, h, w] in 0..255 to uint8 [n, h, w, c]."""
    return x.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def make_served(modules: dict[str, nn.Module], params: Params, size: Size) -> Served:
    """Put trained networks into a served graph for images of a size, on the CPU."""
    student = Student(params)
    collected = weights.collect(modules)
    for name in ("warp", "generator"):
        weights.load(getattr(student, name), weights.below(collected, name))
    return Served(student, size.height // params.height).eval()


def export(modules: dict[str, nn.Module], params: Params, size: Size, directory: Path) -> None:
    """Write model.onnx (checked) and signature.json; the batch axis is dynamic, height and width are fixed."""
    served = make_served(modules, params, size)
    # Two rows, not one: tracing a batch of one may bake that one in.
    shapes = [(2, size.height, size.width, channels) for channels in (3, 3, 1)]
    example = tuple(torch.zeros(shape, dtype=torch.uint8) for shape in shapes)
    partial = directory / "model.onnx.partial"
    options: dict[str, object] = {}
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False  # The newer exporter knows no opset 16.
    with torch.no_grad():
        torch.onnx.export(
            served,
            example,
            str(partial),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes={name: {0: "n"} for name in INPUTS + OUTPUTS},
            opset_version=OPSET,
            **options,
        )
    onnx.checker.check_model(str(partial))
    partial.replace(directory / "model.onnx")
    signature = {"schema": "tryon.signature/v1", "name": "tryon/v1", "height": size.height, "width": size.width}
    (directory / "signature.json").write_text(json.dumps(signature) + "\n", encoding="utf-8")
