"""An id stands for the same trials for ever: what its first thousand are, in a few numbers.

``python tests/test_digests.py`` writes ``tests/digests.json``; from the first release on an id's
trials never change, so that it only ever grows.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuroloom.tasks as tasks
from neuroloom.tasks._engine.plan import make_plan
from neuroloom.tasks._engine.streams import Streams, laid_out

FILE = Path(__file__).with_name("digests.json")
IDS = tasks.all_envs(psychopy=True, contrib=True, collections=True)


def digest(id: str) -> dict[str, Any]:
    """Return a hash of what is whole, and sums of what is not.

    Numbers with a fraction differ in their last bits from machine to machine, as sines do.
    """
    plan = make_plan(tasks.get_task(id))
    table = Streams(plan, 20_260_101).take(np.array([1000]))
    observation, target, rows = laid_out(plan, table)
    whole = hashlib.sha256(table.counts.astype("<i8").tobytes())
    whole.update(np.asarray(rows.period, dtype="<i2").tobytes())
    if plan.discrete:
        whole.update(target.astype("<i8").tobytes())
    shown = observation.astype(float)
    place = np.cos(np.arange(len(shown)))
    sums = [
        shown.sum(),
        np.abs(shown).sum(),
        float(place @ shown @ np.arange(1, shown.shape[1] + 1)),
    ]
    if not plan.discrete:
        sums += [float(np.abs(target).sum())]
    return {"whole": whole.hexdigest()[:16], "sums": [round(float(s), 2) for s in sums]}


@pytest.mark.parametrize("id", IDS)
def test_the_first_thousand_trials_of_an_id_never_change(id: str) -> None:
    got, known = digest(id), json.loads(FILE.read_text())[id]
    assert got["whole"] == known["whole"]
    assert got["sums"] == pytest.approx(known["sums"], rel=1e-6, abs=0.05)


def test_no_id_goes() -> None:
    assert set(json.loads(FILE.read_text())) <= set(IDS)


if __name__ == "__main__":
    FILE.write_text(json.dumps({id: digest(id) for id in IDS}, indent=0) + "\n")
