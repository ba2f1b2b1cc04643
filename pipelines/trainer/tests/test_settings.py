"""Settings are read strictly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tryon_trainer.settings import SettingsError, from_environment, parse_params

PACKAGE = Path(__file__).parents[1]
DIRECTORIES = {"TRYON_DATASET_DIR": "/d", "TRYON_OUTPUT_DIR": "/o", "TRYON_CHECKPOINT_DIR": "/c"}


def test_parameters_arrive_as_strings_under_the_manifests_names() -> None:
    params = parse_params('{"steps":"12","batchSize":"3","learningRate":"0.5","widthPx":"96","height":"64"}')
    assert (params.steps, params.batch_size, params.learning_rate) == (12, 3, 0.5)
    assert (params.height, params.width_px) == (64, 96)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ('{"stepz":"1"}', "unknown parameter 'stepz'"),
        ('{"steps":"many"}', "want int"),
        ('{"steps":"-1"}', "steps is -1"),
        ("{}", "steps and epochs"),
        ("[]", "object of strings"),
        ("{", "TRYON_PARAMS"),
        ('{"steps":"1","height":"100"}', "multiple of 32"),
        ('{"steps":"1","learningRate":"nan"}', "learningRate is nan"),
        ('{"steps":"1","clipNorm":"-1"}', "clipNorm is -1"),
        ('{"steps":"1","averageOver":"-1"}', "averageOver is -1"),
    ],
)
def test_what_cannot_take_effect_is_refused(text: str, want: str) -> None:
    with pytest.raises(SettingsError, match=want):
        parse_params(text)


def test_a_missing_directory_variable_is_named() -> None:
    env = {"TRYON_PARAMS": json.dumps({"steps": "1"}), **DIRECTORIES}
    assert from_environment("pb-warp", env).world_size == 1
    del env["TRYON_OUTPUT_DIR"]
    with pytest.raises(SettingsError, match="TRYON_OUTPUT_DIR"):
        from_environment("pb-warp", env)


@pytest.mark.parametrize("given", [None, "30000"])
def test_idle_threads_go_to_sleep_soon_unless_the_pod_says_otherwise(given: str | None) -> None:
    env = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    env |= {"PYTHONPATH": str(PACKAGE), **({"GOMP_SPINCOUNT": given} if given else {})}
    program = "import sys, os, tryon_trainer; print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [given or "1000", "False"]


def test_torchruns_variables_say_who_this_process_is() -> None:
    env = {"TRYON_PARAMS": '{"steps":"1"}', "RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", **DIRECTORIES}
    settings = from_environment("pb-warp", env)
    assert (settings.rank, settings.local_rank, settings.world_size) == (3, 1, 4)
