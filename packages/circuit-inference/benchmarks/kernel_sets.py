"""Parameter sets for the comparison of dipole kernels; the first is ncpi's example."""

from copy import deepcopy


def _place(sections, means, weights=(1.0,), sds=None):
    sds = (100.0,) * len(means) if sds is None else sds
    return {"sections": sections, "means": means, "weights": weights, "sds": sds}


_ALL = ("soma", "apic", "dend")
_DENDRITES = ("apic", "dend")
_BASE = {
    "sizes": [8192, 1024],
    "probability": 0.05,
    "rates": {"E": 2.0, "I": 5.0},
    "n_ext": [465, 160],
    "synapses": {
        "E": {"tau1": 0.2, "tau2": 1.8, "e": 0.0},
        "I": {"tau1": 0.1, "tau2": 9.0, "e": -80.0},
    },
    "weights": {"EE": 0.00015, "IE": 0.000125, "EI": 0.0045, "II": 0.002},  # post, pre
    "delays": {"EE": (1.5, 0.3), "EI": (1.4, 0.4), "IE": (1.3, 0.5), "II": (1.2, 0.6)},  # pre, post
    "places": {  # pre, post
        "EE": _place(_DENDRITES, (0.0, 500.0), (0.5, 1.0)),
        "EI": _place(_DENDRITES, (50.0,)),
        "IE": _place(_ALL, (-50.0,)),
        "II": _place(_ALL, (-100.0,)),
    },
}


def _changed(**changes):
    new = deepcopy(_BASE)
    for key, value in changes.items():
        new[key] = {**new[key], **value} if isinstance(value, dict) else value
    return new


SETS = {
    "example": _BASE,
    "slow synapses": _changed(
        synapses={
            "E": {"tau1": 0.5, "tau2": 4.0, "e": 0.0},
            "I": {"tau1": 0.5, "tau2": 15.0, "e": -80.0},
        }
    ),
    "fast inhibition": _changed(synapses={"I": {"tau1": 0.1, "tau2": 3.0, "e": -70.0}}),
    "silent network": _changed(rates={"E": 0.1, "I": 0.1}, n_ext=[50, 50]),
    "lively network": _changed(rates={"E": 8.0, "I": 15.0}),
    "apical excitation": _changed(
        places={"EE": _place(_DENDRITES, (800.0,)), "IE": _place(_ALL, (300.0,), sds=(50.0,))}
    ),
    "long delays": _changed(delays={"EE": (3.0, 1.0), "IE": (2.5, 0.8), "EI": (3.0, 1.0)}),
}
