"""What the teacher may know about a body: regions of the parse map and pose maps.

Everything the worn garment could betray (itself, arms, neck) is removed from what the teacher sees; else
it learns to read the answer off the outline, and fails with every other garment.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .settings import SettingsError

# LIP/CIHP-20 label ids, as VITON-HD uses them.
UPPER = (5, 6, 7)
HEAD = (1, 2, 4, 13)
NECK = (10,)
ARMS = (14, 15)
LOWER = (8, 9, 12, 16, 17, 18, 19)

# BODY_25 joints: neck; right shoulder, elbow, wrist; left shoulder, elbow, wrist; right hip; left hip.
JOINTS = (1, 2, 3, 4, 5, 6, 7, 9, 12)
LIMBS = ((2, 3), (3, 4), (5, 6), (6, 7))
POSE_CHANNELS = len(JOINTS) + len(LIMBS)
# Channel order after a mirror flip: left and right change places.
MIRRORED = (0, 4, 5, 6, 1, 2, 3, 8, 7, 11, 12, 9, 10)

Mask = NDArray[np.bool_]
Points = NDArray[np.float32]


def keypoints(document: object) -> Points:
    """Read the first person of an OpenPose document as [25, 3]; no people gives zeros (= not seen)."""
    points = np.zeros((25, 3), np.float32)
    people = document.get("people") if isinstance(document, dict) else None
    if not people:
        return points
    flat = people[0].get("pose_keypoints_2d") if isinstance(people[0], dict) else None
    if not isinstance(flat, list) or len(flat) != 75:
        raise SettingsError("pose file: want 75 numbers in pose_keypoints_2d (BODY_25)")
    values = np.asarray(flat, np.float32).reshape(25, 3)
    if not np.isfinite(values).all():
        raise SettingsError("pose file: a key point is not finite")
    return values


def seen(points: Points, *joints: int) -> bool:
    """Whether all the joints were detected; (0, 0, 0) means no."""
    return all(points[j, 2] > 0 for j in joints)


def dilate(mask: Mask, radius: int) -> Mask:
    """Grow a mask by a square of the given radius in pixels."""
    if radius < 1:
        return mask
    padded = np.pad(mask, radius)
    rows = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=0).any(-1)
    return np.lib.stride_tricks.sliding_window_view(rows, 2 * radius + 1, axis=1).any(-1)


def polygon(shape: tuple[int, int], corners: list[tuple[float, float]]) -> Mask:
    """Filled polygon of (x, y) corners as a mask of the given (height, width)."""
    image = Image.new("L", (shape[1], shape[0]))
    ImageDraw.Draw(image).polygon(corners, fill=255)
    return np.asarray(image) > 0


def torso(shape: tuple[int, int], points: Points, below: float, widen: float) -> Mask:
    """Shoulders to hips, lengthened downwards by a share of the torso and widened about its middle."""
    if not seen(points, 2, 5, 9, 12):
        return np.zeros(shape, bool)
    quad = points[[2, 5, 12, 9], :2].copy()
    down = (quad[2] + quad[3] - quad[0] - quad[1]) / 2
    quad[2:] += below * down
    middle = quad.mean(0)
    quad[:, 0] = middle[0] + (quad[:, 0] - middle[0]) * widen
    return polygon(shape, [tuple(p) for p in quad.tolist()])


def hands(arms: Mask, points: Points) -> Mask:
    """Skin of the arms near and beyond the wrists: the part of an arm that no garment here hides."""
    height, width = arms.shape
    y, x = np.ogrid[:height, :width]
    found = np.zeros(arms.shape, bool)
    for elbow, wrist in ((3, 4), (6, 7)):
        if not seen(points, elbow, wrist):
            continue
        arm = points[wrist, :2] - points[elbow, :2]
        length = max(float(np.hypot(*arm)), 1.0)
        dx, dy = x - points[wrist, 0], y - points[wrist, 1]
        found |= (dx * arm[0] + dy * arm[1] > -0.05 * length**2) & (dx**2 + dy**2 < (0.8 * length) ** 2)
    return found & arms


def box(image: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """Area-reduce [h, w] or [h, w, c] by an integer scale."""
    if scale == 1:
        return image
    total = np.zeros_like(image[::scale, ::scale], np.uint32)
    for dy in range(scale):
        for dx in range(scale):
            total += image[dy::scale, dx::scale]
    return ((total + scale * scale // 2) // (scale * scale)).astype(np.uint8)


def shares(parse: NDArray[np.uint8], scale: int) -> dict[str, NDArray[np.uint8]]:
    """Share of each kind of label in every scale x scale block of a label map, [h/scale, w/scale] in 0..255."""
    kinds = {"worn": UPPER, "head": HEAD, "neck": NECK, "arms": ARMS, "lower": LOWER}
    table = np.zeros((len(kinds), 256), np.uint8)
    for row, labels in zip(table, kinds.values(), strict=True):
        row[list(labels)] = 255
    return {name: box(row[parse], scale) for name, row in zip(kinds, table, strict=True)}


def regions(parse: NDArray[np.uint8], points: Points, scale: int) -> dict[str, NDArray[np.uint8]]:
    """Masks of one person in 0..255, reduced by scale, from the label map [h, w] and the reduced key points [25, 3].

    worn: the garment; head, lower, hands: what the teacher keeps, by part; keep: all that it may see;
    occluded: skin that crosses the torso, where the worn garment's mask has a hole that a warp should not have.
    """
    share = shares(parse, scale)
    worn, arms, neck = (share[name] > 5 for name in ("worn", "arms", "neck"))
    head, palm = share["head"] > 127, hands(share["arms"] > 127, points)
    removed = dilate(worn | arms | neck, round(worn.shape[0] * 0.03))
    removed |= torso(worn.shape, points, below=0.25, widen=1.35)
    removed &= ~head & ~palm
    inside = torso(worn.shape, points, below=0.1, widen=1.0)
    skin = np.maximum(share["arms"], share["head"])
    return {
        "worn": share["worn"],
        "head": share["head"],
        "lower": share["lower"] * ~removed,
        "hands": palm * np.uint8(255),
        "keep": ~removed * np.uint8(255),
        "occluded": skin * inside,
    }


def pose_maps(shape: tuple[int, int], points: Points) -> NDArray[np.uint8]:
    """Joints as blobs and limbs as soft lines, [POSE_CHANNELS, h, w] in 0..255, zero where not seen."""
    height, width = shape
    y, x = np.ogrid[:height, :width]
    sigma = height / 40
    # Straight lines between two points; a joint is a line of no length.
    bones = [(j, j) for j in JOINTS] + list(LIMBS)
    out = np.zeros((POSE_CHANNELS, height, width), np.uint8)
    for channel, (a, b) in zip(out, bones, strict=True):
        if not seen(points, a, b):
            continue
        start, line = points[a, :2], points[b, :2] - points[a, :2]
        dx, dy = np.float32(0.5) + x - start[0], np.float32(0.5) + y - start[1]
        along = np.clip((dx * line[0] + dy * line[1]) / max(float(line @ line), 1e-6), 0, 1)
        squared = (dx - along * line[0]) ** 2 + (dy - along * line[1]) ** 2
        channel[:] = 255 * np.exp(squared.astype(np.float32) / (-2 * sigma * sigma))
    return out
