"""Reports as one HTML file: figures and tables inside, nothing loaded from elsewhere.

A report is a title and a list of parts. Each function here returns one part; `page` puts them
together and `save` writes them. The page can be read on a telephone and in the dark, tables turn
into lists of values where they do not fit, and it prints.

Examples
--------
>>> import pandas as pd
>>> from neuroloom.shared import report
>>> parts = [
...     report.heading("Fits"),
...     report.text("Two models were compared."),
...     report.table(pd.DataFrame({"score": [-0.52, -0.47]}, index=["one state", "two states"])),
... ]
>>> html = report.page("Choices of a mouse", parts)
"""

from __future__ import annotations

import base64
import html
import io
import numbers
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroloom.shared.checks import fail, flag, whole
from neuroloom.shared.checks import path as as_path
from neuroloom.shared.checks._names import written
from neuroloom.shared.checks._scalars import number
from neuroloom.shared.io import atomic

if TYPE_CHECKING:  # half a second each, and not everybody writes reports
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Html", "figure", "heading", "note", "page", "save", "table", "text"]


class Html(str):
    """A piece of a page, as it stands there; what a user wrote in it is escaped.

    Markup of one's own becomes one by ``Html("<hr>")``: nothing of it is escaped.
    """

    __slots__ = ()


_DPI = 160  # sharp on screens with two dots a pixel: images are shown at `_SHOWN_DPI`
_SHOWN_DPI = 80

_STYLE = """
:root{color-scheme:light dark;--ink:#222;--muted:#666;--paper:#fff;--rule:#ddd;--note:#eef5fa;
--warn:#fdf1ea;--blue:#0072b2;--orange:#d55e00}
@media(prefers-color-scheme:dark){:root{--ink:#e4e4e4;--muted:#a0a0a0;--paper:#17191c;--rule:#3a3d42;
--note:#16283a;--warn:#3a2315;--blue:#56b4e9;--orange:#ff9a52}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:var(--ink);background:var(--paper);overflow-wrap:break-word}
h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.2rem;margin-top:2rem;
border-bottom:1px solid var(--rule)}h3{font-size:1rem;margin-top:1.5rem}
table{border-collapse:collapse;font-size:.875rem;margin:.8rem 0;max-width:100%}
caption{text-align:left;color:var(--muted);padding-bottom:.3rem}
td,th{padding:.25rem .6rem;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top;
overflow-wrap:anywhere}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
figure{margin:1rem 0}figure img{max-width:100%;height:auto;background:#fff;border-radius:4px}
figcaption{color:var(--muted);font-size:.875rem}
.note{padding:.6rem 1rem;border-left:5px solid var(--blue);background:var(--note)}
.warning{border-color:var(--orange);background:var(--warn)}
footer{margin-top:2rem;color:var(--muted);font-size:.8rem}
@media screen and (max-width:42rem){
thead{position:absolute;left:-9999px}
table,caption,tbody,tr,td,tbody th{display:block;width:100%}
tr{border-bottom:1px solid var(--rule);padding:.4rem 0}
td,th{border:0;padding:.1rem 0}
td,td.n{display:flex;justify-content:space-between;gap:1rem;text-align:right}
td::before{content:attr(data-label);color:var(--muted);text-align:left;overflow-wrap:anywhere}
}
@media print{:root{color-scheme:light;--ink:#000;--muted:#444;--paper:#fff;--rule:#bbb;--note:#fff;
--warn:#fff}body{max-width:none;margin:0;font-size:11pt}thead{display:table-header-group}
figure,tr,.note{break-inside:avoid}h2,h3{break-after:avoid}}
"""
# Browsers refuse to load anything into the page, whatever its parts hold.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def heading(words: str, *, level: int = 2) -> Html:
    """Return a heading.

    Parameters
    ----------
    words : str
        What it says.
    level : int
        2 for a section, 3 for a part of one; 1 is the page's title.

    Raises
    ------
    DataError
        If `words` are no text, or `level` is not 2 or 3.
    """
    level = whole("level", level, at_least=2, at_most=3)
    return Html(f"<h{level}>{_escaped('words', words)}</h{level}>")


def text(words: str) -> Html:
    """Return a paragraph; line breaks stay.

    Parameters
    ----------
    words : str
        What it says.

    Raises
    ------
    DataError
        If `words` are no text.
    """
    return Html(f"<p>{_lines(words)}</p>")


def note(words: str, *, warning: bool = False) -> Html:
    """Return a paragraph that stands out.

    Parameters
    ----------
    words : str
        What it says; line breaks stay.
    warning : bool
        Mark it as something to be careful about: in another colour, and said to screen readers.

    Raises
    ------
    DataError
        If `words` are no text, or `warning` is no flag.
    """
    marked = flag("warning", warning)
    kind, role = ("note warning", ' role="alert"') if marked else ("note", "")
    return Html(f'<p class="{kind}"{role}>{_lines(words)}</p>')


def table(frame: pd.DataFrame, *, caption: str = "", most_rows: int = 200) -> Html:
    """Return a table; on a narrow screen each row becomes a list of names and values.

    Parameters
    ----------
    frame : DataFrame
        What it shows, the index in the first columns. Numbers have four digits.
    caption : str
        What stands above it.
    most_rows : int
        Rows that are shown; the caption says how many there are.

    Raises
    ------
    DataError
        If `frame` is no DataFrame, `caption` no text or `most_rows` not an integer of at least 1.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        hint = "; make one of it: pandas.DataFrame(…)"
        raise fail("frame", "a DataFrame of pandas", type(frame).__name__, hint=hint)
    most_rows = whole("most_rows", most_rows, at_least=1)
    caption = _text("caption", caption)
    shown = frame.head(most_rows)
    if len(frame) > most_rows:
        caption = f"{caption} (the first {most_rows} of {len(frame)} rows)".strip()
    columns = [*_index_columns(shown), *_data_columns(shown)]
    head = "".join(f'<th{one.side} scope="col">{html.escape(one.name)}</th>' for one in columns)
    rows = zip(*([one.cell(value) for value in one.values] for one in columns), strict=True)
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    above = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return Html(f"<table>{above}<thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>")


@dataclass(frozen=True, eq=False)
class _Column:
    """A column of a table: its name, its values, and whether it leads the rows."""

    name: str
    values: pd.Series[Any]
    leads: bool

    @property
    def side(self) -> str:
        import pandas as pd

        return ' class="n"' if pd.api.types.is_numeric_dtype(self.values) else ""

    def cell(self, value: object) -> str:
        content = html.escape(_cell(value))
        if self.leads:
            return f'<th{self.side} scope="row">{content}</th>'
        label = html.escape(self.name, quote=True)
        return f'<td{self.side} data-label="{label}">{content}</td>'


def _index_columns(frame: pd.DataFrame) -> list[_Column]:
    import pandas as pd

    if isinstance(frame.index, pd.RangeIndex) and frame.index.name is None:
        return []  # rows without names
    levels = frame.index.to_frame(index=False)
    names = ["" if name is None else str(name) for name in frame.index.names]
    return [_Column(name, levels.iloc[:, i], leads=True) for i, name in enumerate(names)]


def _data_columns(frame: pd.DataFrame) -> list[_Column]:
    names = (
        " ".join(str(part) for part in name if part != "") if isinstance(name, tuple) else str(name)
        for name in frame.columns
    )
    return [_Column(name, frame.iloc[:, i], leads=False) for i, name in enumerate(names)]


def figure(drawn: Axes | Figure, alt: str, *, caption: str = "", close: bool = False) -> Html:
    """Return a picture of a figure.

    Parameters
    ----------
    drawn : Axes or Figure
        The figure, or axes of it.
    alt : str
        What is to be seen, for those who cannot see it.
    caption : str
        What stands below it.
    close : bool
        Let pyplot forget the figure: right for one that was drawn for the report alone.

    Raises
    ------
    DataError
        If `drawn` is neither axes nor a figure, `alt` or `caption` no text, or `close` no flag.
    """
    described, below = _escaped("alt", alt), _escaped("caption", caption)
    root = drawn.get_figure(root=True) if hasattr(drawn, "get_figure") else None
    if root is None or not hasattr(root, "savefig"):
        raise fail("drawn", "axes or a figure of matplotlib", type(drawn).__name__)
    buffer = io.BytesIO()
    root.savefig(buffer, format="png", dpi=_DPI, facecolor="white")
    if flag("close", close) and (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        pyplot.close(root)
    data = base64.b64encode(buffer.getvalue()).decode()
    width = round(root.get_figwidth() * _SHOWN_DPI)
    below = f"<figcaption>{below}</figcaption>" if below else ""
    return Html(
        f'<figure><img alt="{described}" width="{width}" '
        f'src="data:image/png;base64,{data}">{below}</figure>'
    )


def page(title: str, parts: Iterable[str], *, footer: str = "") -> str:
    """Return the whole page.

    Parameters
    ----------
    title : str
        Title of the report.
    parts : iterable of Html or str
        What the functions of this module return, in order. A text is a paragraph, as by `text`:
        what is markup says so, ``Html("<hr>")``.
    footer : str
        What stands at the end: the version of the package, say.

    Raises
    ------
    DataError
        If `parts` is a single text or holds what is none, or `title` or `footer` is no text.
    """
    if isinstance(parts, str):
        raise fail("parts", "a list of parts", "a single text")
    name, end = _escaped("title", title), _escaped("footer", footer)
    end = f"<footer>{end}</footer>\n" if end else ""
    try:
        listed = list(parts)
    except TypeError as error:
        raise fail("parts", "a list of parts", type(parts).__name__) from error
    body = "\n".join(_part(f"parts[{i}]", part) for i, part in enumerate(listed))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{name}</title><style>{_STYLE}</style></head><body>\n<h1>{name}</h1>\n"
        f"{body}\n{end}</body></html>\n"
    )


def save(path: str | Path, title: str, parts: Iterable[str], *, footer: str = "") -> Path:
    """Write the whole page to a file and return its path; a write that fails leaves no half file.

    Parameters
    ----------
    path : str or Path
        The file; its folder has to exist. A file that is there is replaced.
    title, parts, footer
        As for `page`.

    Raises
    ------
    DataError
        If the folder does not exist, or `path` is a folder or none.
    """
    target = as_path("path", path)
    if target.is_dir() or not target.parent.is_dir():
        raise fail("path", "a file in a folder that exists", target)
    content = page(title, parts, footer=footer)
    with atomic(target) as file:
        # Half a character, as in names of files of another encoding, has no bytes of its own.
        file.write(content.encode(errors="backslashreplace"))
    return target


def _part(argument: str, value: object) -> str:
    """Return a part of a page: one of these functions', or text as a paragraph."""
    return value if isinstance(value, Html) else text(_text(argument, value))


def _text(argument: str, value: object) -> str:
    """Return text, which may be empty."""
    if not isinstance(value, str):
        raise fail(argument, "text", type(value).__name__)
    return value


def _escaped(argument: str, value: object) -> str:
    return html.escape(_text(argument, value), quote=True)


def _lines(words: str) -> str:
    return "<br>".join(html.escape(line) for line in _text("words", words).split("\n"))


def _cell(value: object) -> str:
    """Return a cell's text: yes and no, four digits, nothing where a value is missing."""
    import pandas as pd

    if value is None or value is pd.NaT or value is pd.NA:
        return "–"
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return "yes" if value else "no"
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral):
        found = number(value)
        return "–" if found is None else f"{found:.4g}"
    return written(value, str)
