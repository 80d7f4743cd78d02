"""ncpi's settings of a NEURON cell's membrane, by its names, from a table of densities.

Kernels here are analytic and need none of them; scripts that build cells with LFPy still find them.
Densities (S/cm²) are those of Hay et al. (2011, PLoS Comput Biol 7:e1002107) and of the example
network of LFPykernels (Hagen et al. 2022), with linearised and frozen channels after Ness et al.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from neuroloom.shared import require

_REST = "the resting potential"
Values = Mapping[str, "float | str"]


@dataclass(frozen=True)
class Membrane:
    """Mechanisms of a cell and what they are set to.

    Attributes
    ----------
    mechanisms : tuple of str
        Inserted into every section.
    everywhere, soma, dendrites : mapping of str to float
        Values by NEURON's names, of all sections, of the soma, and of apical and other dendrites.
    """

    mechanisms: tuple[str, ...]
    everywhere: Values = field(default_factory=dict)
    soma: Values = field(default_factory=dict)
    dendrites: Values = field(default_factory=dict)

    def apply(self, cell: Any, Vrest: float) -> None:
        """Set the membrane of a cell's template.

        Parameters
        ----------
        cell : object
            Like LFPy's ``NetworkCell``: its ``template.all`` lists NEURON sections.
        Vrest : float
            Resting potential in mV.
        """
        for section in cell.template.all:
            for mechanism in self.mechanisms:
                section.insert(mechanism)
            name = section.name()
            values = dict(self.everywhere)
            if "soma" in name:
                values |= self.soma
            elif "apic" in name or "dend" in name:
                values |= self.dendrites
            for key, value in values.items():
                setattr(section, key, Vrest if value == _REST else value)


def _frozen(ih: str = "") -> Membrane:
    """Return Hay's cell with frozen sodium and potassium channels, and one kind of Ih."""
    channels = ("NaTa_t_frozen", "SKv3_1_frozen")
    rest = ["e_pas", "ena", "ek", *(f"V_R_{name}" for name in channels)]
    rest += [f"V_R_{ih}"] if "linearized" in ih else []
    soma = {"gNaTa_tbar_NaTa_t_frozen": 2.04, "gSKv3_1bar_SKv3_1_frozen": 0.693, "g_pas": 3.38e-5}
    dendrites = {
        "gNaTa_tbar_NaTa_t_frozen": 0.0213,
        "gSKv3_1bar_SKv3_1_frozen": 0.000261,
        "g_pas": 5.89e-5,
    }
    if ih:
        soma[f"gIhbar_{ih}"], dendrites[f"gIhbar_{ih}"] = 2e-4, 2e-3
    mechanisms = ("pas", *channels, *((ih,) if ih else ()))
    return Membrane(mechanisms, dict.fromkeys(rest, _REST), soma, dendrites)


def _with_ih(ih: str) -> Membrane:
    everywhere: dict[str, float | str] = {"e_pas": _REST, "g_pas": 3e-4}
    if "linearized" in ih:
        everywhere[f"V_R_{ih}"] = _REST
    return Membrane(("pas", ih), everywhere, {f"gIhbar_{ih}": 0.002}, {f"gIhbar_{ih}": 0.01})


_HH: Values = {"gl_hh": 3e-4, "el_hh": -54.3, "ena": 50.0, "ek": -77.0}
_MEMBRANES = {
    "set_active": Membrane(
        ("hh", "Ih"),
        {},
        {"gnabar_hh": 0.12, "gkbar_hh": 0.036, **_HH, "gIhbar_Ih": 0.002},
        {"gnabar_hh": 0.012, "gkbar_hh": 0.0036, **_HH, "gIhbar_Ih": 0.01},
    ),
    "set_passive": Membrane(("pas",), {"g_pas": 3e-4, "e_pas": _REST}),
    "set_Ih": _with_ih("Ih"),
    "set_Ih_linearized": _with_ih("Ih_linearized_v2"),
    "set_pas_hay2011": Membrane(
        ("pas",), {}, {"g_pas": 3.38e-5, "e_pas": -90.0}, {"g_pas": 5.89e-5, "e_pas": -90.0}
    ),
    "set_active_hay2011": Membrane(
        ("pas", "Ih", "NaTa_t", "SKv3_1"),
        {"ena": 50.0, "ek": -85.0},
        {
            **{"gNaTa_tbar_NaTa_t": 2.04, "gSKv3_1bar_SKv3_1": 0.693},
            **{"g_pas": 3.38e-5, "e_pas": -90.0, "gIhbar_Ih": 2e-4},
        },
        {
            **{"gNaTa_tbar_NaTa_t": 0.0213, "gSKv3_1bar_SKv3_1": 0.000261},
            **{"g_pas": 5.89e-5, "e_pas": -90.0, "gIhbar_Ih": 2e-3},
        },
    ),
    "set_frozen_hay2011": _frozen("Ih_linearized_v2_frozen"),
    "set_frozen_hay2011_no_Ih": _frozen(),
    "set_Ih_hay2011": _frozen("Ih"),
    "set_Ih_linearized_hay2011": _frozen("Ih_linearized_v2"),
}
_LINEARISED = ("Ih_linearized_v2", "Ih_linearized_v2_frozen")
_REFERENCED = (
    *_LINEARISED,
    *("Ca_LVAst_frozen", "Ca_HVA_frozen", "SKv3_1_frozen", "K_Tst_frozen", "K_Pst_frozen"),
    *("Nap_Et2_frozen", "Nap_Et2_linearized", "NaTa_t_frozen", "Im_frozen"),
)
# Currents that flow at rest, by the mechanism that has them.
_RESTING = {
    "na_ion": "ina",
    "k_ion": "ik",
    "ca_ion": "ica",
    "Ih": "ihcn_Ih",
    "Ih_z": "ih_Ih_z",
    "Ih_linearized_v2_frozen": "ihcn_Ih_linearized_v2_frozen",
    "Ih_linearized_v2": "ihcn_Ih_linearized_v2",
    "Ih_frozen": "ihcn_Ih_frozen",
}


def _neuron() -> Any:
    return require("neuron", extra="NEURON")


def set_V_R(cell: Any, Vrest: float, channels: tuple[str, ...] = _REFERENCED) -> None:
    """Set the reference potential of every linearised or frozen channel that is there.

    Parameters
    ----------
    cell : object
        Like LFPy's ``NetworkCell``.
    Vrest : float
        In mV.
    channels : tuple of str
        Mechanisms that have one.
    """
    h = _neuron().h
    for section in cell.template.all:
        for channel in channels:
            if h.ismembrane(channel, sec=section):
                setattr(section, f"V_R_{channel}", Vrest)


def set_V_R_Ih_linearized_v2(cell: Any, Vrest: float) -> None:
    """Set the reference potential of the linearised Ih in mV; see `set_V_R`."""
    set_V_R(cell, Vrest, _LINEARISED)


def make_cell_uniform(cell: Any, Vrest: float = -65.0) -> None:
    """Set each segment's leak reversal so that no current flows at rest.

    Parameters
    ----------
    cell : object
        Like LFPy's ``NetworkCell``: ``allseclist`` lists its sections.
    Vrest : float
        In mV.
    """
    h = _neuron().h
    h.t = 0
    h.finitialize(Vrest)
    h.fcurrent()
    for section in cell.allseclist:
        there = [name for name in _RESTING if h.ismembrane(name, sec=section)]
        for segment in section:
            current = sum(getattr(segment, _RESTING[name]) for name in there)
            segment.e_pas = segment.v + current / segment.g_pas


def compute_mean_nu_X(params: Any, OUTPUTPATH: str, TRANSIENT: float = 200.0) -> dict[str, float]:
    """Return the mean firing rate of each population in Hz, from ``spikes.h5``.

    Parameters
    ----------
    params : object
        With ``population_names``, ``population_sizes`` and ``networkParameters['tstop']`` (ms).
    OUTPUTPATH : str
        Folder with the file.
    TRANSIENT : float
        What is left out at the start, in ms.
    """
    h5py = require("h5py", extra="neuroloom-circuit-inference[nwb]")
    seconds = (params.networkParameters["tstop"] - TRANSIENT) / 1e3
    rates = {}
    with h5py.File(Path(OUTPUTPATH, "spikes.h5"), "r") as file:
        for name, size in zip(params.population_names, params.population_sizes, strict=True):
            times = np.concatenate(list(file[name]["times"][()]))
            rates[name] = float((times >= TRANSIENT).sum() / size / seconds)
    return rates


def __getattr__(name: str) -> Callable[[Any, float], None]:
    if name in _MEMBRANES:
        return _MEMBRANES[name].apply
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
