"""The README's example prints what the README says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"


def test_the_example_is_true_as_printed(capsys):
    if not README.is_file():
        pytest.skip("the README is not beside the tests")
    code, printed = re.findall(r"```(?:python)?\n(.*?)```", README.read_text(), re.S)[:2]
    exec(code, {})
    assert capsys.readouterr().out == printed
