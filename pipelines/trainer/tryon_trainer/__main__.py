"""Command line: python3 -m tryon_trainer --stage NAME; all else comes from the trainer contract's variables."""

from __future__ import annotations

import argparse
import sys

from . import distributed
from .data import DataError
from .loop import Diverged, Interrupted, train
from .settings import SettingsError, from_environment
from .stages import STAGES


def main(arguments: list[str]) -> int:
    """Run a stage; 0 done, 1 diverged, 2 request or data make no sense, 143 stopped on request or with rank 0."""
    parser = argparse.ArgumentParser(prog="tryon_trainer", description=__doc__)
    parser.add_argument("--stage", required=True, choices=list(STAGES))
    options = parser.parse_args(arguments)
    try:
        settings = from_environment(options.stage)
        count = distributed.local_processes()
        if count > 1:
            return distributed.launch(arguments, count, settings)
        train(settings)
    except (SettingsError, DataError) as error:
        print(f"tryon_trainer: {error}", file=sys.stderr)
        return 2
    except Interrupted as error:
        print(f"tryon_trainer: {error}", file=sys.stderr)
        return distributed.INTERRUPTED
    except Diverged as error:
        print(f"tryon_trainer: training {options.stage}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
