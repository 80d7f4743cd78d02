"""What the tests share."""

import pytest

from neuroloom.shared import testing

close_figures = pytest.fixture(autouse=True)(testing.close_figures)
