"""Converters: a missing library is named, and so is what to install."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from neuroloom.shared import Epochs, MissingDependencyError, Recording, Signal, SpikeTrains, convert

SPIKES = SpikeTrains([0.5, 1.0], [0, 1], 3, Epochs(0.0, 2.0))
SIGNAL = Signal([[0.0, 1.0], [2.0, 3.0]], 10.0, 0.5, ["a", "b"])


@pytest.mark.parametrize(
    ("module", "call"),
    [
        ("pynapple", lambda: convert.to_pynapple(SPIKES)),
        ("pynapple", lambda: convert.from_pynapple(None)),
        ("xarray", lambda: convert.to_xarray(SIGNAL)),
        ("xarray", lambda: convert.from_xarray(None)),
        ("neo", lambda: convert.to_neo(SPIKES)),
        ("neo", lambda: convert.from_neo(None)),
        ("mne", lambda: convert.to_mne(SIGNAL)),
        ("mne", lambda: convert.from_mne(None)),
        ("pynwb", lambda: convert.read_nwb("x.nwb")),
        ("pynwb", lambda: convert.read_nwb_signal("x.nwb", "lfp")),
        ("pynwb", lambda: convert.write_nwb("x.nwb", Recording())),
    ],
)
def test_a_missing_library_is_named(
    module: str, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    extra = "nwb" if module == "pynwb" else module
    with pytest.raises(MissingDependencyError, match=rf"{module} .*neuroloom-shared\[{extra}\]"):
        call()


def test_public_names_are_sorted_and_described() -> None:
    assert convert.__all__ == sorted(convert.__all__)
    for name in convert.__all__:
        assert getattr(convert, name).__doc__, name
