"""The networks that libraries are made of: their priors, and how a parameter vector becomes one.

Priors of the two-population model: those of ncpi's two-million-sample resource, except that time
constants of synapses begin at 0.13 instead of 0.1 ms: two of the networks' steps of 1/16 ms. The
declarations of the networks live in `neuroloom.lifnet.models`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from neuroloom.circuit_inference._forward.cable import (
    EXCITATORY,
    INHIBITORY,
    Conductance,
    Places,
)
from neuroloom.circuit_inference._forward.kernels import Pathway
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference.errors import unknown
from neuroloom.shared import require

_EXTRA = "neuroloom-circuit-inference[simulate]"

HAGEN_PRIOR = Prior.box(
    {
        "J_EE": (0.5, 4.0, "pA"),
        "J_IE": (0.5, 4.0, "pA"),
        "J_EI": (-40.0, -1.0, "pA"),
        "J_II": (-40.0, -1.0, "pA"),
        "tau_syn_E": (0.13, 2.0, "ms"),
        "tau_syn_I": (0.13, 8.0, "ms"),
        "J_ext": (10.0, 50.0, "pA"),
    }
)
CAVALLARI_PRIOR = Prior.box(
    {
        "g_EE": (0.05, 0.4, "nS"),
        "g_IE": (0.05, 0.5, "nS"),
        "g_EI": (0.5, 4.0, "nS"),
        "g_II": (0.5, 5.0, "nS"),
        "v_0": (1.0, 5.0, "Hz"),
    }
)


@dataclass(frozen=True)
class NetworkModel:
    """A network with named parameters.

    Parameters
    ----------
    name : str
        What libraries call it.
    prior : Prior
        Names, bounds and units of the parameters.
    network : callable
        Called with a mapping of parameter name to value; returns lifnet's `Network`.
    pathways : callable, optional
        Called the same way; returns the pathways of the dipole kernels. None for models whose
        field potential is a proxy only.
    excitatory : tuple of str
        Populations whose currents make the proxies.
    """

    name: str
    prior: Prior
    network: Callable[[dict[str, float]], Any]
    pathways: Callable[[dict[str, float]], dict[str, Pathway]] | None
    excitatory: tuple[str, ...]


def _hagen(theta: dict[str, float], scale: float) -> Any:
    return _models().hagen(**_hagen_arguments(theta), scale=scale)


def _four_area(theta: dict[str, float], scale: float) -> Any:
    return _models().four_area(**_hagen_arguments(theta), scale=scale)


def _hagen_arguments(theta: dict[str, float]) -> dict[str, float]:
    return {
        "j_ee": theta["J_EE"],
        "j_ie": theta["J_IE"],
        "j_ei": theta["J_EI"],
        "j_ii": theta["J_II"],
        "tau_syn_e": theta["tau_syn_E"] * 1e-3,
        "tau_syn_i": theta["tau_syn_I"] * 1e-3,
        "j_ext": theta["J_ext"],
    }


def _cavallari(theta: dict[str, float], scale: float) -> Any:
    return _models().cavallari(
        g_ee=theta["g_EE"],
        g_ie=theta["g_IE"],
        g_ei=theta["g_EI"],
        g_ii=theta["g_II"],
        v_0=theta["v_0"],
        scale=scale,
    )


def _models() -> Any:
    return require("neuroloom.lifnet.models", extra=_EXTRA)


def hagen_pathways(theta: dict[str, float]) -> dict[str, Pathway]:
    """Return the pathways of the two-population model, post:pre.

    Synapses lie where ncpi's multicompartment parameters have them: E→E on basal (0 µm, half the
    weight) and apical dendrites (500 µm), E→I at 50, I→E at −50, I→I at −100. Cells are its
    ball-and-stick neurons with the conductance of their external input. Weights do not depend on
    the scale of the network, since the jumps per synapse rise by what the numbers fall.
    """
    return {f"{post}:{pre}": _pathway(theta, post, pre) for post in "EI" for pre in "EI"}


def four_area_pathways(theta: dict[str, float]) -> dict[str, Pathway]:
    """Return the pathways within and between the areas, post:pre.

    Those between areas reach a tenth of the neurons with 0.15 of the weight after 10 ms, at the
    heights of the local ones.
    """
    out = {}
    for target in AREAS:
        for source in AREAS:
            for post in "EI":
                for pre in "EI" if source == target else "E":
                    path = _pathway(theta, post, pre)
                    if source != target:
                        path = replace(
                            path,
                            n_synapses=0.1 * path.n_synapses,
                            weight_na=0.15 * path.weight_na,
                            delay_ms=10.0,
                            delay_sd_ms=3.0,
                        )
                    out[f"{target} {post}:{source} {pre}"] = path
    return out


_SIZES = {"E": 8192, "I": 1024}
_DELAYS_MS = {"EE": 2.520, "IE": 1.714, "EI": 1.585, "II": 1.149}  # post, pre
_SD_UM = 125.0  # 100 of the synapses around their height, 75 of the somata
_PLACES = {  # post, pre
    "EE": Places((0.0, 500.0), (_SD_UM, _SD_UM), (0.5, 1.0), soma=False),
    "IE": Places((50.0,), (_SD_UM,), (1.0,), soma=False),
    "EI": Places((-50.0,), (_SD_UM,), (1.0,)),
    "II": Places((-100.0,), (_SD_UM,), (1.0,)),
}
# External synapses of 0.2 nS, 0.2 and 1.8 ms, at 40 Hz: 465 and 160 of them.
_BACKGROUND = {"E": (Conductance(0.00881),), "I": (Conductance(0.00303),)}


def _pathway(theta: dict[str, float], post: str, pre: str) -> Pathway:
    delay = _DELAYS_MS[post + pre]
    return Pathway(
        n_synapses=0.2 * _SIZES[post],
        weight_na=1e-3 * theta[f"J_{post}{pre}"],
        tau_decay_ms=theta[f"tau_syn_{pre}"],
        delay_ms=delay,
        delay_sd_ms=0.5 * delay,
        delay_min_ms=0.3,
        places=_PLACES[post + pre],
        cell=EXCITATORY if post == "E" else INHIBITORY,
        background=_BACKGROUND[post],
    )


AREAS = ("frontal", "parietal", "temporal", "occipital")
_FOUR = tuple(f"{area} E" for area in AREAS)

MODELS: dict[str, NetworkModel] = {
    model.name: model
    for model in (
        NetworkModel("hagen", HAGEN_PRIOR, partial(_hagen, scale=1.0), hagen_pathways, ("E",)),
        # An eighth of the neurons with eight times the weights fluctuates more: another model.
        NetworkModel(
            "hagen_eighth", HAGEN_PRIOR, partial(_hagen, scale=1 / 8), hagen_pathways, ("E",)
        ),
        NetworkModel("cavallari", CAVALLARI_PRIOR, partial(_cavallari, scale=1.0), None, ("E",)),
        NetworkModel(
            "cavallari_eighth", CAVALLARI_PRIOR, partial(_cavallari, scale=1 / 8), None, ("E",)
        ),
        NetworkModel(
            "four_area",
            HAGEN_PRIOR,
            partial(_four_area, scale=1.0),
            four_area_pathways,
            _FOUR,
        ),
        NetworkModel(
            "four_area_eighth",
            HAGEN_PRIOR,
            partial(_four_area, scale=1 / 8),
            four_area_pathways,
            _FOUR,
        ),
    )
}


def network_model(name: str) -> NetworkModel:
    """Return a model by its name.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    if name not in MODELS:
        raise unknown("model", name, MODELS)
    return MODELS[name]
