import json
import os
from pathlib import Path

import numpy as np
import pytest

from neuroloom.shared import testing


def data_folder() -> Path | None:
    folder = os.environ.get("NEUROLOOM_DATA")
    return Path(folder) if folder and Path(folder).is_dir() else None


@pytest.fixture(scope="session")
def data() -> Path:
    folder = data_folder()
    if folder is None:
        pytest.skip("NEUROLOOM_DATA is not set: no real recordings here")
    return folder


@pytest.fixture(scope="session")
def oracle(data):
    path = data.parent / "reference" / "circuit_inference_oracle.json"
    if not path.is_file():
        pytest.skip("no oracle file beside NEUROLOOM_DATA")
    return json.loads(path.read_text())


@pytest.fixture(scope="session")
def oracle_series():
    """The series of the oracle, each from its closed formula."""
    t = np.arange(200)
    x = [0.4]
    for _ in range(499):
        x.append(3.9 * x[-1] * (1 - x[-1]))
    k = np.arange(20)
    return {
        "sine2_200": np.sin(2 * np.pi * t / 25) + 0.5 * np.sin(2 * np.pi * t / 7 + 0.3),
        "logistic_500": np.array(x),
        "randwalk_1000": np.cumsum(np.random.RandomState(7).standard_normal(1000)),
        "short_20": (k % 5) + 0.1 * k,
    }


@pytest.fixture
def rng():
    return np.random.default_rng(20)


@pytest.fixture
def edf(tmp_path):
    """Return a writer of EDF files: label to (records, unit), and starts of records in s."""

    def field(value, size):
        return str(value).encode("latin-1").ljust(size)[:size]

    def write(channels, path=None, starts=None, seconds=1):
        path = tmp_path / "sub.edf" if path is None else path
        signals = [(label, unit, np.asarray(x)) for label, (x, unit) in channels.items()]
        n = len(signals[0][2])
        if starts is not None:
            notes = [(b"+%g\x14\x14" % start).ljust(40, b"\x00") for start in starts]
            notes = np.array([np.frombuffer(note, "<i2") for note in notes])
            signals.append(("EDF Annotations", "", notes))
        own = "" if starts is None else "EDF+D"
        text = field(0, 8) + field("X X X X", 80) + field("Startdate 01-JAN-2020 X X X", 80)
        text += field("01.01.2012.00.00", 16) + field(256 * (len(signals) + 1), 8) + field(own, 44)
        text += field(n, 8) + field(seconds, 8) + field(len(signals), 4)
        columns = [
            [(label, 16) for label, _, _ in signals], [("", 80)] * len(signals),
            [(unit, 8) for _, unit, _ in signals], [(-32768, 8)] * len(signals),
            [(32767, 8)] * len(signals), [(-32768, 8)] * len(signals), [(32767, 8)] * len(signals),
            [("", 80)] * len(signals), [(x.shape[1], 8) for _, _, x in signals],
            [("", 32)] * len(signals),
        ]  # fmt: skip
        text += b"".join(field(*entry) for column in columns for entry in column)
        for record in range(n):
            text += b"".join(x[record].astype("<i2").tobytes() for _, _, x in signals)
        path.write_bytes(text)
        return path

    return write


close_figures = pytest.fixture(autouse=True)(testing.close_figures)
