"""The built-in methods ask only for what this trainer knows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tryon_trainer.settings import Params, parse_params
from tryon_trainer.stages import STAGES

METHODS = Path(__file__).parents[2] / "methods"
STAGE = re.compile(r'    - name: ([a-z-]+)\n((?:      .*\n)*?)      params:\n((?:        \w+: "[^"]*"\n)+)')


def stages(method: str) -> dict[str, tuple[str, Params]]:
    """Stages of a manifest by name: the lines before params, and params as the trainer reads them."""
    found = STAGE.findall((METHODS / f"{method}.yaml").read_text(encoding="utf-8"))
    return {
        name: (head, parse_params(json.dumps(dict(re.findall(r'(\w+): "([^"]*)"', body)))))
        for name, head, body in found
    }


@pytest.mark.parametrize("method", ["pf-afn", "pf-afn-demo"])
def test_stages_parents_and_parameters_fit_the_trainer(method: str) -> None:
    found = stages(method)
    assert list(found) == list(STAGES)
    for name, (head, _) in found.items():
        assert re.findall(r"initFrom: (\S+)", head) == list(STAGES[name].init_from)
        assert re.findall(r"freezeFrom: \[(\S+)\]", head) == list(STAGES[name].freeze_from)
        assert f"--stage, {name}]" in head
    assert len({json.dumps(params.architecture) for _, params in found.values()}) == 1


def test_the_full_method_keeps_the_released_schedule() -> None:
    found = {name: params for name, (_, params) in stages("pf-afn").items()}
    assert {name: p.epochs for name, p in found.items()} == {
        "pb-warp": 100,
        "pb-gen": 100,
        "pf-warp": 200,
        "pf-gen": 100,
    }
    assert {p.batch_size for p in found.values()} == {32}
    assert {(p.clip_norm, p.average_over) for p in found.values()} == {(0, 0)}
    assert [p.learning_rate for p in found.values()] == [5e-5, 5e-5, 3e-5, 5e-5]
    assert {(p.height, p.width_px, p.patch, p.levels, p.width) for p in found.values()} == {(256, 192, 1, 5, 4.0)}
