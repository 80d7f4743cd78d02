"""Figures of the gallery are judged when they are drawn: text that can be read, axes with names."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from sphinx.util import logging
from sphinx_gallery.scrapers import matplotlib_scraper

COLUMN_PX = 736  # width of the theme's text
SMALLEST_PT = 7.0
SIZE_IN = (4.8, 3.6)  # half a column shows it so that its text can still be read
logger = logging.getLogger(__name__)


def legible(block: Any, variables: dict[str, Any], settings: Any, **options: Any) -> Any:
    """Return the figures of a script as Sphinx-Gallery's own scraper does, and warn of faults."""
    import matplotlib.pyplot as plt

    for number in plt.get_fignums():
        for fault in faults(plt.figure(number)):
            logger.warning("%s: %s", variables.get("src_file", "figure"), fault)
    return matplotlib_scraper(block, variables, settings, **options)


def small(settings: Any, script: str) -> None:
    """Let figures be small enough for a thumbnail, before each script."""
    import matplotlib.pyplot as plt

    plt.rcParams["figure.figsize"] = SIZE_IN


def faults(figure: Figure) -> list[str]:
    """Return what is wrong with a figure at the size at which the page shows it."""
    figure.canvas.draw()
    shown = min(1.0, COLUMN_PX / (figure.get_figwidth() * figure.dpi))
    points = figure.dpi * shown / 96.0  # a point of CSS is 4/3 of a pixel
    found = []
    for ax in figure.axes:
        for text in _texts(ax):
            if text.get_fontsize() * points < SMALLEST_PT:
                size = text.get_fontsize() * points
                found.append(f"text of {size:.1f} pt, {text.get_text()!r}, below {SMALLEST_PT:g}")
        if ax.axison:
            if _needs_name(ax.xaxis) and not figure.get_supxlabel():
                found.append("an x axis without a name")
            if _needs_name(ax.yaxis) and not figure.get_supylabel():
                found.append("a y axis without a name")
    return found


def _texts(ax: Axes) -> list[Any]:
    """Return what is written in and around axes."""
    legend = ax.get_legend()
    parts = [*ax.texts, ax.title, ax.xaxis.label, ax.yaxis.label]
    parts += [*ax.get_xticklabels(), *ax.get_yticklabels(), *(legend.texts if legend else ())]
    return [text for text in parts if text.get_visible() and text.get_text().strip()]


def _needs_name(axis: Axis) -> bool:
    """Return whether an axis shows numbers without a name; categories speak for themselves."""
    if not axis.get_visible() or axis.label.get_text().strip():
        return False
    shown = [t.get_text() for t in axis.get_ticklabels() if t.get_visible() and t.get_text()]
    return any(_is_number(text) for text in shown)


def _is_number(text: str) -> bool:
    try:
        float(text.replace("\N{MINUS SIGN}", "-").strip("$%"))
    except ValueError:
        return False
    return True
