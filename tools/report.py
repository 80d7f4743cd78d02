"""A report in one HTML file: text, figures inside, and tables that also go out as CSV."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; color: #1a1a1a; max-width: 60rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem } h2 { margin-top: 2.8rem; font-size: 1.25rem }
figure { margin: 1rem 0 } figure img { max-width: 100%; height: auto }
figcaption, .note { color: #555; font-size: .9rem }
.data { display: inline-block; border-radius: .3rem; padding: .1rem .5rem; font-size: .85rem }
.real { background: #dcefe3 } .generated { background: #fbe9d0 }
table { border-collapse: collapse; font-size: .9rem; margin: .6rem 0 }
th, td { padding: .15rem .7rem; text-align: right; border-bottom: 1px solid #e4e4e4 }
th { border-bottom: 2px solid #bbb }
"""


@dataclass(frozen=True)
class Section:
    """One question, what was found, and on which data.

    Parameters
    ----------
    title : str
        The question.
    package : str
        Which packages answered it.
    real : bool
        Whether the data are recordings; if not, they were generated.
    data : str
        Where the data come from.
    text : str
        What was found.
    figures : list of (Figure, str)
        Figures and their captions.
    tables : dict of str to DataFrame
        Tables by the name of their CSV file.
    """

    title: str
    package: str
    real: bool
    data: str
    text: str
    figures: list[tuple[Figure, str]] = field(default_factory=list)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)


def write(folder: Path, title: str, lead: str, sections: list[Section]) -> Path:
    """Write ``report.html`` and the tables into `folder`, and return the report's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for section in sections:
        for name, table in section.tables.items():
            table.to_csv(folder / f"{name}.csv", index=False)
    body = "\n".join(_section(section) for section in sections)
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style><h1>{html.escape(title)}</h1><p>{html.escape(lead)}</p>{body}</html>"
    )
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _section(section: Section) -> str:
    kind = "real" if section.real else "generated"
    label = "real data" if section.real else "generated data"
    figures = "".join(
        f'<figure><img alt="{html.escape(caption)}" src="data:image/png;base64,{_png(figure)}">'
        f"<figcaption>{html.escape(caption)} ({label})</figcaption></figure>"
        for figure, caption in section.figures
    )
    tables = "".join(
        f"{_shown(table)}<p class=note>{html.escape(name)}.csv</p>"
        for name, table in section.tables.items()
    )
    return (
        f"<section><h2>{html.escape(section.title)}</h2>"
        f"<p><span class='data {kind}'>{label}</span> <span class=note>"
        f"{html.escape(section.package)} · {html.escape(section.data)}</span></p>"
        f"<p>{html.escape(section.text)}</p>{figures}{tables}</section>"
    )


def _shown(table: pd.DataFrame, rows: int = 12) -> str:
    more = len(table) - rows
    shown = table.head(rows).to_html(index=False, border=0, float_format=lambda x: f"{x:.4g}")
    return shown + (f"<p class=note>… and {more} more rows in the file</p>" if more > 0 else "")


def _png(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return base64.b64encode(buffer.getvalue()).decode()
