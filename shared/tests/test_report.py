"""Reports: self-contained, escaped, whole, and written in one piece."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from neuroloom.shared import DataError, report

NASTY = "<script>alert('&\"')</script>"


class Reader(HTMLParser):
    """Collects tags and text; complains about tags that are not closed in order."""

    VOID = frozenset({"meta", "img", "br", "!doctype"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_what_users_write_is_escaped() -> None:
    frame = pd.DataFrame({NASTY: [NASTY]}, index=pd.Index([NASTY], name=NASTY))
    axes = Figure().subplots()
    parts = [
        report.heading(NASTY),
        report.text(NASTY),
        report.note(NASTY, warning=True),
        report.table(frame, caption=NASTY),
        report.figure(axes, NASTY, caption=NASTY),
    ]
    page = report.page(NASTY, parts, footer=NASTY)
    found = Reader(page)
    assert "script" not in [tag for tag, _ in found.tags]
    assert found.words.count(NASTY) == 12
    labels = [given for _, given in found.tags if "data-label" in given or "alt" in given]
    assert [given.get("data-label", given.get("alt")) for given in labels] == [NASTY, NASTY]


def test_a_text_among_the_parts_is_a_paragraph_and_markup_says_so() -> None:
    page = report.page("t", [NASTY, report.Html("<hr>")])
    found = Reader(page.replace("<hr>", ""))
    assert "script" not in [tag for tag, _ in found.tags]
    assert NASTY in found.words
    assert page.count("<hr>") == 1
    joined = report.heading("a") + NASTY  # what is put together is text again
    assert type(joined) is str
    assert "script" not in [tag for tag, _ in Reader(report.page("t", [joined])).tags]


def test_nothing_is_loaded_from_elsewhere() -> None:
    axes = Figure().subplots()
    page = report.page("t", [report.figure(axes, "nothing")])
    assert not re.search(r"https?://|url\(|@import|<link|<script", page)
    sources = re.findall(r'src="([^"]*)"', page)
    assert len(sources) == 1
    kind, data = sources[0].split(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data).startswith(b"\x89PNG")
    assert 'name="viewport"' in page
    assert "prefers-color-scheme:dark" in page
    assert "@media print" in page
    assert (
        "table,caption,tbody,tr,td" in page
    )  # else a caption is one word wide where rows are blocks


def test_tables() -> None:
    frame = pd.DataFrame(
        {
            ("rate", "Hz"): [1.23456, np.nan],
            ("ok", ""): [True, False],
            ("n", ""): pd.array([1200345, None], dtype="Int64"),
            ("why", ""): ["a", None],
        },
        index=pd.MultiIndex.from_tuples([("E", 1), ("I", 2)], names=["kind", None]),
    )
    found = Reader(report.table(frame))
    words = [word for word in found.words if word.strip()]
    assert words[:5] == ["kind", "rate Hz", "ok", "n", "why"]
    assert words[5:] == ["E", "1", "1.235", "yes", "1200345", "a", "I", "2", "–", "no", "–", "–"]
    labels = [given["data-label"] for tag, given in found.tags if tag == "td"]
    assert labels == ["rate Hz", "ok", "n", "why"] * 2


def test_rows_left_out_are_told() -> None:
    frame = pd.DataFrame({"x": range(10)})
    shown = report.table(frame, caption="All", most_rows=3)
    assert "All (the first 3 of 10 rows)" in shown
    assert shown.count("<tr>") == 4
    assert "<caption" not in report.table(frame)
    assert report.table(frame[:0]).count("<tr>") == 1
    with pytest.raises(DataError, match="most_rows"):
        report.table(frame, most_rows=0)


def test_figures_are_left_open_unless_asked(tmp_path: Path) -> None:
    mpl.use("agg")
    import matplotlib.pyplot as plt

    before = set(plt.get_fignums())
    _, axes = plt.subplots()
    report.figure(axes, "kept")
    assert len(plt.get_fignums()) == len(before) + 1
    report.figure(axes.figure, "closed", close=True)
    assert set(plt.get_fignums()) == before
    with pytest.raises(DataError, match="axes or a figure"):
        report.figure("no figure", "x")  # type: ignore[arg-type]


def test_saving(tmp_path: Path) -> None:
    path = report.save(tmp_path / "r.html", "Ä", [report.text("a\nb")], footer="1.0")
    content = path.read_text(encoding="utf-8")
    assert "<p>a<br>b</p>" in content
    assert "<footer>1.0</footer>" in content
    with pytest.raises(DataError, match="folder that exists"):
        report.save(tmp_path / "no" / "r.html", "t", [])
    with pytest.raises(DataError, match="folder that exists"):
        report.save(tmp_path, "t", [])
    with pytest.raises(DataError, match="parts"):
        report.save(path, "t", "one text")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="level"):
        report.heading("x", level=1)
    assert path.read_text(encoding="utf-8") == content
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]
