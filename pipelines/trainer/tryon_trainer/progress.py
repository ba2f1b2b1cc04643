"""Progress: one JSON line per report for the wrapper, one readable line for the log."""

from __future__ import annotations

import json
import time
from pathlib import Path

# Seconds after which a report is due even if few steps were done.
QUIET = 5.0


class Progress:
    """Appends reports to a file; averages the metrics of the steps since the last one."""

    def __init__(self, path: Path | None, total: int, every: int | None = None) -> None:
        self.path = path
        self.total = total
        self.every = every or max(1, total // 200)
        self._sums: dict[str, float] = {}
        self._count = 0
        self._said = self._reported = time.monotonic()

    def add(self, metrics: dict[str, float]) -> None:
        """Count one step's metrics."""
        for name, value in metrics.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    def due(self, step: int) -> bool:
        """Whether a report belongs after this step."""
        return step % self.every == 0 or step == self.total or time.monotonic() - self._reported >= QUIET

    def report(self, step: int, epoch: int, extra: dict[str, float] | None = None) -> None:
        """Write one line; step is the number of steps done."""
        metrics = {name: value / self._count for name, value in self._sums.items()} if self._count else {}
        metrics.update(extra or {})
        self._sums, self._count = {}, 0
        rounded = {name: float(f"{value:.6g}") for name, value in metrics.items()}
        if self.path is not None:
            line = json.dumps({"step": step, "totalSteps": self.total, "epoch": epoch, "metrics": rounded})
            with self.path.open("a", encoding="utf-8") as out:
                out.write(line + "\n")
        now = self._reported = time.monotonic()
        if now - self._said >= 5 or step in (0, self.total):
            self._said = now
            shown = " ".join(f"{name}={value:.4g}" for name, value in rounded.items())
            print(f"step {step}/{self.total} epoch {epoch} {shown}", flush=True)
