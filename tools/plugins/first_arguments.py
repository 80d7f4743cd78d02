"""A plugin of pytest: of each test function the first arguments only, but all marked ``together``.

``together`` runs the packages' own tests with it, which `alone` has run with every argument.
"""

from __future__ import annotations

import pytest


@pytest.hookimpl(trylast=True)  # of what the marks have left
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what differs from a test before it in its arguments alone."""
    chosen, left_out, seen = [], [], set[str]()
    for item in items:
        function = item.nodeid.partition("[")[0]
        again = function in seen and not item.get_closest_marker("together")
        (left_out if again else chosen).append(item)
        seen.add(function)
    config.hook.pytest_deselected(items=left_out)
    items[:] = chosen
