"""Branches of fixed points of the default network over J+ and over arousal, by continuation.

``python bifurcation.py [FOLDER]`` writes ``bifurcation.png``.
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure

from neuroloom import lifnet
from neuroloom.shared import style

J_PLUS = ("architecture", "clusters", "j_potentiated", 0)


def main(folder: Path) -> None:
    with style():
        figure = Figure(figsize=(10, 4), layout="constrained")
        axs = figure.subplots(1, 2, sharey=True)
        for ax, path, limits, label in (
            (axs[0], J_PLUS, (13.0, 19.0), "J+ within E clusters"),
            (axs[1], "arousal.level", (0.0, 1.0), "arousal level"),
        ):
            branches = lifnet.bifurcation_diagram("default_snn_params", path, limits)
            stable = sum(bool(branch.stable.any()) for branch in branches)
            print(f"{label}: {len(branches)} branches, {stable} of them stable somewhere")
            lifnet.plots.plot_bifurcation(branches, n_clusters=18, label=label, ax=ax)
        axs[1].set(ylabel="")
    figure.savefig(folder / "bifurcation.png", dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
