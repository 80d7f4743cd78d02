"""What the tests share."""

import sys

import pytest


@pytest.fixture(autouse=True)
def close_figures():
    """pyplot keeps figures until they are closed, and complains about many of them."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
