"""Mean rates over the arousal level, four values at a time; kill it and start it again.

``python sweep.py [FOLDER]`` writes a sweep's folder.
"""

import json
import sys
from pathlib import Path
from typing import Any

from neuroloom.lifnet.execution.sweep.spiking_net import SNNBaseSweepRunner


class Rates(SNNBaseSweepRunner):
    """Population rates of each value, as JSON."""

    def _step(self, param: Any, idx: int, sweep_param: float, **kwargs: Any) -> dict[str, float]:
        return dict(self._sweep_object.simulate(**kwargs).rates_hz(after=0.5))

    def _store(self, result: Any, idx: int, sweep_param: float, directory: Path) -> None:
        (directory / "data" / f"{idx}.json").write_text(json.dumps(result))

    def summary(self, results: Any, sweep_params: Any) -> None:
        """Print the spread of the clusters' rates, which goes with the attractors."""
        for level, rates in zip(sweep_params, results, strict=True):
            clusters = [rates[f"E{q}"] for q in range(1, 19)]
            print(f"level {level:.1f}: E clusters {min(clusters):.1f} to {max(clusters):.1f} Hz")

    def _summary_plot(self, *args: Any, **kwargs: Any) -> None:
        pass

    def summarize_repeated_run(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""


folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("simulations/arousal")
levels = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
Rates().execute(folder, "default_snn_params", "arousal.level", levels, parallel=True)
