"""Dipole kernels of LFPykernels for several parameter sets, as JSON; run where it is installed.

Usage: python kernel_peer.py FOLDER OUT.json, where FOLDER holds LFPykernels' morphologies
(``BallAndSticks*.hoc``) and ``mod``, compiled there by nrnivmodl. Needs lfpykernels 0.2.0, LFPy
2.3.7 and NEURON 9.0.2. Kernels (nA µm per spike) are of the passive cells with Hay's frozen
channels and linearised Ih that ncpi's example uses.
"""

import json
import os
import sys
from copy import deepcopy

import neuron
import numpy as np
import scipy.stats as st
from kernel_sets import SETS
from lfpykernels import KernelApprox, KernelApproxCurrentDipoleMoment

DT, TAU, T_X, REST = 2.0**-4, 100.0, 200.0, -65.0


def membrane(cell, Vrest):
    channels = ("NaTa_t_frozen", "SKv3_1_frozen")
    for sec in cell.template.all:
        for name in ("pas", *channels, "Ih_linearized_v2"):
            sec.insert(name)
        for name in ("e_pas", "V_R_Ih_linearized_v2", "ena", "ek", *(f"V_R_{c}" for c in channels)):
            setattr(sec, name, Vrest)
        soma = "soma" in sec.name()
        sec.gNaTa_tbar_NaTa_t_frozen = 2.04 if soma else 0.0213
        sec.gSKv3_1bar_SKv3_1_frozen = 0.693 if soma else 0.000261
        sec.g_pas = 3.38e-5 if soma else 5.89e-5
        sec.gIhbar_Ih_linearized_v2 = 2e-4 if soma else 2e-3


def uniform(cell, Vrest):
    neuron.h.t = 0
    neuron.h.finitialize(Vrest)
    neuron.h.fcurrent()
    for sec in cell.allseclist:
        for seg in sec:
            rest = seg.ina + seg.ik + seg.ihcn_Ih_linearized_v2
            seg.e_pas = seg.v + rest / seg.g_pas


def cut(loc, scale, low, high=np.inf):
    return {"a": (low - loc) / scale, "b": (high - loc) / scale, "loc": loc, "scale": scale}


def places(entry):
    return {
        "section": list(entry["sections"]),
        "fun": [st.norm] * len(entry["means"]),
        "funargs": [
            {"loc": m, "scale": s} for m, s in zip(entry["means"], entry["sds"], strict=True)
        ],
        "funweights": list(entry["weights"]),
    }


def kernel(given, folder, post, pre):
    names = ["E", "I"]
    j = names.index(post)
    cell = {
        "morphology": os.path.join(folder, f"BallAndSticks_{post}.hoc"),
        "templatefile": os.path.join(folder, "BallAndSticksTemplate.hoc"),
        "templatename": "BallAndSticksTemplate",
        "custom_fun": [membrane, uniform],
        "custom_fun_args": [{"Vrest": REST}, {"Vrest": REST}],
        "templateargs": None,
        "v_init": REST,
        "celsius": 34.0,
    }
    approx = KernelApprox(
        X=names,
        Y=post,
        N_X=np.array(given["sizes"]),
        N_Y=given["sizes"][j],
        C_YX=np.array([given["probability"]] * 2),
        cellParameters=deepcopy(cell),
        populationParameters={"radius": 150.0, "loc": 0.0, "scale": 75.0},
        multapseFunction=st.truncnorm,
        multapseParameters=[cut(2.0, 0.5, 1, 10), cut(5.0, 1.0, 1, 10)],
        delayFunction=st.truncnorm,
        delayParameters=[cut(*given["delays"][x + post], 0.3) for x in names],
        synapseParameters=[
            {"weight": given["weights"][post + x], "syntype": "Exp2Syn", **given["synapses"][x]}
            for x in names
        ],
        synapsePositionArguments=[places(given["places"][x + post]) for x in names],
        extSynapseParameters={
            "syntype": "Exp2Syn",
            "weight": 2e-4,
            "tau1": 0.2,
            "tau2": 1.8,
            "e": 0.0,
        },
        nu_ext=40.0,
        n_ext=given["n_ext"][j],
        nu_X=given["rates"],
    )
    probes = [KernelApproxCurrentDipoleMoment(cell=None)]
    found = approx.get_kernel(probes, Vrest=REST, dt=DT, X=pre, t_X=T_X, tau=TAU, g_eff=True)
    return found["KernelApproxCurrentDipoleMoment"][2]


def main(folder, out):
    neuron.load_mechanisms(os.path.join(folder, "mod"))
    result = {
        name: {f"{y}:{x}": kernel(given, folder, y, x).tolist() for y in "EI" for x in "EI"}
        for name, given in SETS.items()
    }
    with open(out, "w") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
