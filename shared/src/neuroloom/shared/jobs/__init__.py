"""Folders that keep the finished parts of long work, so that a stopped run goes on.

`neuroloom.shared.map` keeps its items in such a folder if ``resume`` is given; work that is no map
uses `Job` directly. `discard` removes a folder whose results stand elsewhere, `alone` asks whether
another process works on one.
"""

from neuroloom.shared.jobs._discard import discard
from neuroloom.shared.jobs._fingerprint import Walk, fingerprint
from neuroloom.shared.jobs._job import Job
from neuroloom.shared.jobs._locks import alone

__all__ = ["Job", "Walk", "alone", "discard", "fingerprint"]
