"""The examples on the pages of the docs."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "docs" / "shared"


@pytest.mark.skipif(not PAGES.is_dir(), reason="the docs are not beside the tests")
@pytest.mark.parametrize(("page", "examples"), [("types.md", 40), ("convert.md", 25)])
def test_a_page_says_what_comes_out(page: str, examples: int) -> None:
    found = doctest.testfile(str(PAGES / page), module_relative=False, encoding="utf-8")
    assert found.attempted > examples
    assert found.failed == 0
