"""What the teacher may see of a body."""

from __future__ import annotations

import numpy as np
import pytest

from tryon_trainer.body import JOINTS, LIMBS, MIRRORED, box, dilate, keypoints, pose_maps, regions
from tryon_trainer.settings import SettingsError


def body() -> tuple[np.ndarray, np.ndarray]:
    """A parse map with a head, a garment, a forearm across it, trousers; and its key points."""
    parse = np.zeros((64, 48), np.uint8)
    parse[4:14, 18:30], parse[14:20, 21:27] = 13, 10
    parse[18:42, 14:34], parse[42:64, 14:34] = 5, 9
    parse[30:34, 10:30] = 14
    points = np.zeros((25, 3), np.float32)
    joints = {1: (24, 17), 2: (15, 19), 3: (11, 30), 4: (26, 32), 5: (33, 19), 6: (36, 30), 7: (37, 40), 9: (17, 42)}
    for joint, (x, y) in {**joints, 12: (31, 42)}.items():
        points[joint] = (x, y, 1)
    return parse, points


def test_the_teacher_sees_neither_garment_nor_neck_nor_forearm() -> None:
    parse, points = body()
    keep = regions(parse, points, 1)["keep"] > 0
    for hidden in ((30, 24), (16, 24), (31, 12)):
        assert not keep[hidden]
    for visible in ((8, 24), (60, 24), (5, 5), (31, 28)):
        assert keep[visible]


def test_an_arm_before_the_torso_does_not_count_against_the_warp() -> None:
    parse, points = body()
    occluded = regions(parse, points, 1)["occluded"]
    assert occluded[32, 24] == 255
    assert occluded[25, 24] == 0


def test_masks_at_half_size_are_shares_of_area() -> None:
    parse, points = body()
    points[:, :2] /= 2
    worn = regions(parse, points, 2)["worn"]
    assert worn.shape == (32, 24)
    assert int(worn.sum() / 255 * 4 + 0.5) == int((parse == 5).sum())


def test_missing_joints_leave_their_maps_empty() -> None:
    _, points = body()
    points[4] = 0
    maps = pose_maps((64, 48), points)
    assert maps[JOINTS.index(4)].max() == 0
    assert maps[JOINTS.index(2)].max() > 200
    assert maps[len(JOINTS) + LIMBS.index((3, 4))].max() == 0


def test_mirroring_twice_changes_nothing() -> None:
    assert [MIRRORED[i] for i in MIRRORED] == list(range(len(MIRRORED)))


def test_growing_and_shrinking_masks() -> None:
    mask = np.zeros((7, 7), bool)
    mask[3, 3] = True
    assert dilate(mask, 2).sum() == 25
    assert box(np.full((4, 4, 3), 9, np.uint8), 2).tolist() == np.full((2, 2, 3), 9).tolist()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"people": [{"pose_keypoints_2d": [1, 2]}]}, "75 numbers"),
        ({"people": [{"pose_keypoints": [0] * 54}]}, "75 numbers"),
        ({"people": [{"pose_keypoints_2d": [float("inf")] * 75}]}, "not finite"),
    ],
)
def test_a_pose_of_another_convention_is_refused(document: object, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        keypoints(document)


def test_a_picture_without_people_has_no_joints() -> None:
    assert keypoints({"people": []}).sum() == 0
