"""What the tests share."""

import pytest
from hypothesis import HealthCheck, settings

from neuroloom.shared import testing

# Slow is no fault of a test: a machine may be busy, or paused.
settings.register_profile(
    "neuroloom",
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("neuroloom")
# For once in a while: pytest --hypothesis-profile thorough
settings.register_profile("thorough", settings(), max_examples=500, derandomize=False)

close_figures = pytest.fixture(autouse=True)(testing.close_figures)
