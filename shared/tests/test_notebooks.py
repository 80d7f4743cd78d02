"""Figures in a notebook as Jupyter runs it: each is shown, and shown once."""

from __future__ import annotations

import os

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

START = """
from neuroloom.shared import Epochs, SpikeTrains, plots, style
spikes = SpikeTrains([0.1, 0.2], [0, 1], epochs=Epochs(0, 1))
"""

CELLS = [
    ("with style():\n    ax = plots.raster(spikes)", 1),  # pyplot was never imported before
    ("import matplotlib.pyplot as plt", 0),
    ("with style():\n    fig, ax = plt.subplots()\n    plots.raster(spikes, ax=ax)", 1),
    ("both = plt.figure().subplots(2)\n[plots.raster(spikes, ax=ax) for ax in both]", 1),
    ("plots.raster(spikes)", 1),
    ("plots.raster(spikes).figure", 1),
    ("kept = plots.raster(spikes)", 1),
    ("kept.figure", 1),
    ("display(plots.raster(spikes).figure)", 1),
    ("plots.raster(spikes)\nplt.show()", 1),
    ("for _ in range(12):\n    plots.raster(spikes)", 12),
    ("with style(pyplot=False):\n    hidden = plots.raster(spikes)", 0),
    ("hidden.figure", 1),
    ("plt.close(plots.raster(spikes).figure)", 0),
    ("plt.plot([1, 2])", 1),  # the user's own figures go on as they did
    ("assert plt.get_fignums() == []", 0),
]


@pytest.mark.slow
def test_every_figure_is_shown_once() -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in (START, *(code for code, _ in CELLS))]
    notebook = nbformat.v4.new_notebook(cells=cells)
    # As a user starts it: the backend is the one that Jupyter takes by itself.
    env = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute(env=env)
    shown = [
        sum("image/png" in output.get("data", {}) for output in cell.outputs)
        for cell in notebook.cells[1:]
    ]
    assert list(zip([code for code, _ in CELLS], shown, strict=True)) == CELLS
    complaints = [
        output.text
        for cell in notebook.cells
        for output in cell.outputs
        if output.get("name") == "stderr" and "IProgress" not in output.text
    ]
    assert complaints == []
