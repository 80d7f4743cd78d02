"""The tables that describe a network in a paper.

Nordlie, Gewaltig & Plesser, "Towards reproducible descriptions of neuronal network models", PLoS
Comput Biol 5 (2009) e1000456: summary, populations, connectivity, neurons and synapses, input,
measurements.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuroloom.lifnet._network._declared import Declared
from neuroloom.lifnet._network._distributions import Lognormal, Normal, Uniform
from neuroloom.lifnet._network._inputs import (
    CurrentInput,
    Input,
    NoiseCurrent,
    OrnsteinUhlenbeck,
    PoissonInput,
    SampledRate,
    SineRate,
)
from neuroloom.lifnet._network._population import Population
from neuroloom.lifnet._network._rules import (
    Bernoulli,
    Explicit,
    FixedIndegree,
    FixedOutdegree,
    FixedTotal,
    OneToOne,
    Rule,
)
from neuroloom.lifnet._network._synapses import Beta, Delta, DoubleExponential, Exponential, Synapse

Rows = tuple[tuple[str, ...], ...]

_PARAMETERS = {
    "tau_membrane": (r"$\tau_\mathrm{m}$ (ms)", 1e3),
    "tau_refractory": (r"$\tau_\mathrm{ref}$ (ms)", 1e3),
    "capacitance": ("$C$", 1.0),
    "resting": (r"$V_\mathrm{rest}$", 1.0),
    "threshold": (r"$\theta$", 1.0),
    "reset": (r"$V_\mathrm{reset}$", 1.0),
    "bias": (r"$I_\mathrm{bias}$", 1.0),
    "initial_voltage": ("$V(0)$", 1.0),
}
_KINDS: dict[type, str] = {
    Bernoulli: "each pair with a fixed probability",
    FixedIndegree: "fixed in-degree",
    FixedOutdegree: "fixed out-degree",
    FixedTotal: "fixed total number",
    OneToOne: "one to one",
    Explicit: "given pairs",
    Delta: "step of the voltage",
    Exponential: "exponential current",
    DoubleExponential: "current that rises and decays",
    Beta: "conductance that rises and decays",
    PoissonInput: "Poisson spikes",
    CurrentInput: "current",
    NoiseCurrent: "noise current",
}
_SIGNS = {"±": r"$\pm$", "–": "--"}
_MATH = re.compile(r"(\$[^$]*\$)")


@dataclass(frozen=True, eq=False)
class Description:
    """Tables that describe a model.

    Parameters
    ----------
    name : str
        Name of the model.
    tables : mapping of str to tuple of tuple of str
        Rows of each table by its title; the first row is the heading. Formulas stand between
        dollar signs.
    """

    name: str
    tables: Mapping[str, Rows]

    def to_markdown(self) -> str:
        """Return the tables in Markdown."""
        blocks = []
        for title, rows in self.tables.items():
            head, *body = ([cell.replace("|", r"\|") for cell in row] for row in rows)
            lines = [head, ["---"] * len(head), *body]
            text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
            blocks.append(f"**{title}**\n\n{text}\n")
        return "\n".join(blocks)

    def to_latex(self) -> str:
        """Return the tables in LaTeX, each a ``tabularx`` (package tabularx)."""
        blocks = [f"% {self.name}"]
        for title, rows in self.tables.items():
            n = len(rows[0])
            lines = [" & ".join(map(_latex, row)) + r" \\" for row in rows]
            blocks.append(
                rf"\begin{{tabularx}}{{\linewidth}}{{{'l' * (n - 1)}X}}"
                "\n\\hline\n"
                rf"\multicolumn{{{n}}}{{l}}{{\textbf{{{_latex(title)}}}}} \\"
                "\n\\hline\n" + "\n".join([lines[0], r"\hline", *lines[1:]]) + "\n"
                "\\hline\n\\end{tabularx}\n"
            )
        return "\n".join(blocks)

    def __str__(self) -> str:
        return self.to_markdown()

    def _repr_markdown_(self) -> str:
        return self.to_markdown()


def _latex(text: str) -> str:
    pieces = _MATH.split(text)
    for k in range(0, len(pieces), 2):
        escaped = re.sub(r"([&%#_{}])", r"\\\1", pieces[k].replace("\\", r"\textbackslash "))
        for sign, code in _SIGNS.items():
            escaped = escaped.replace(sign, code)
        pieces[k] = escaped
    return "".join(pieces)


def describe(network: Declared, name: str, delta_t: float) -> Description:
    """Return the tables of a network.

    Parameters
    ----------
    network : Network
        The declaration.
    name : str
        Its name.
    delta_t : float
        Step in seconds.
    """
    return Description(
        name,
        {
            "A: Model summary": _summary(network),
            "B: Populations": _populations(network),
            "C: Connectivity": _connectivity(network),
            "D: Neuron model": _neurons(network, delta_t),
            "D: Neuron parameters": _parameters(network.populations),
            "D: Synapse models": _synapses(network),
            "E: Input": (("Type", "Target", "Description"), *map(_input, network.inputs)),
            "F: Measurements": (
                ("Measure", "Description"),
                ("spikes", f"all neurons, on a grid of {_number(delta_t * 1e3)} ms"),
            ),
        },
    )


def _conductances(network: Declared) -> bool:
    return any(isinstance(s, Beta) for p in network.populations for s in p.synapses.values())


def _summary(network: Declared) -> Rows:
    synapses = [s for p in network.populations for s in p.synapses.values()]
    base = "conductance-based" if _conductances(network) else "current-based"
    return (
        ("Property", "Description"),
        ("Populations", f"{len(network.populations)}: {_names(network)}"),
        ("Topology", "none"),
        ("Connectivity", _kinds(p.rule for p in network.projections)),
        ("Neuron model", f"leaky integrate-and-fire, {base}, fixed threshold, refractory time"),
        ("Synapse model", _kinds(synapses)),
        ("Plasticity", "none"),
        ("Input", _kinds(network.inputs)),
        ("Measurements", "spikes"),
    )


def _names(network: Declared) -> str:
    return ", ".join(population.name for population in network.populations)


def _kinds(parts: Iterable[object]) -> str:
    """Return the kinds of some parts in words, each once."""
    return ", ".join(dict.fromkeys(_KINDS[type(part)] for part in parts)) or "none"


def _populations(network: Declared) -> Rows:
    return (
        ("Name", "Elements", "Size"),
        *((p.name, "leaky integrate-and-fire", f"{p.size:,}") for p in network.populations),
    )


def _connectivity(network: Declared) -> Rows:
    sizes = {population.name: population.size for population in network.populations}
    rows = [("Source", "Target", "Pattern", "Weight", "Delay (ms)", "Receptor", "Synapses")]
    for one in network.projections:
        n_pre, n_post, own = sizes[one.pre], sizes[one.post], one.pre == one.post
        given = isinstance(one.rule, Explicit) and one.rule.weights is not None
        weight = one.rule.weights if given else one.weight  # type: ignore[union-attr]
        delay = _value(one.delay, 1e3)
        if isinstance(one.delay, (Normal, Lognormal, Uniform)):
            delay += ", at least one step"
        rows.append(
            (
                one.pre, one.post, _pattern(one.rule, own), _value(weight), delay,
                one.receptor, _count(one.rule, n_pre, n_post, own),
            )
        )  # fmt: skip
    return tuple(rows)


def _count(rule: Rule, n_pre: int, n_post: int, own: bool) -> str:
    if isinstance(rule, Bernoulli):
        pairs = n_pre * (n_post - (own and not rule.autapses))
        return f"about {round(rule.p * pairs):,}"
    return f"{round(rule.expected(n_pre, n_post)):,}"


def _pattern(rule: Rule, own: bool) -> str:
    words = {
        Bernoulli: "each pair with probability {p}",
        FixedIndegree: "{n} sources per target",
        FixedOutdegree: "{n} targets per source",
        FixedTotal: "{n} pairs in total",
        OneToOne: "one to one",
        Explicit: "given pairs",
    }[type(rule)]
    number = getattr(rule, "p", getattr(rule, "n", 0))
    text = words.format(p=_number(number), n=f"{number:,}")
    if hasattr(rule, "multapses"):
        text += ", repeated pairs allowed" if rule.multapses else ", no repeated pairs"
    if own and hasattr(rule, "autapses"):
        text += ", autapses allowed" if rule.autapses else ", no autapses"
    return text


def _neurons(network: Declared, delta_t: float) -> Rows:
    flows = r"\sum_r g_r (E_r - V)" if _conductances(network) else r"\sum_r I_r"
    return (
        ("Part", "Description"),
        (
            "Subthreshold dynamics",
            rf"$C\,\mathrm{{d}}V/\mathrm{{d}}t = -C (V - V_\mathrm{{rest}})/\tau_\mathrm{{m}} "
            rf"+ {flows} + I_\mathrm{{bias}} + I_\mathrm{{ext}}(t)$",
        ),
        (
            "Spikes",
            r"at the end of a step with $V \geq \theta$; then $V = V_\mathrm{reset}$ for "
            r"$\tau_\mathrm{ref}$",
        ),
        (
            "Integration",
            f"exact between spikes, step of {_number(delta_t * 1e3)} ms"
            if not _conductances(network)
            else f"exact for conductances, their mean over the step of {_number(delta_t * 1e3)} "
            "ms for the voltage",
        ),
    )


def _parameters(populations: Iterable[Population]) -> Rows:
    rows = [("Population", *(title for title, _ in _PARAMETERS.values()))]
    for one in populations:
        cells = [
            _value(getattr(one, name), factor) if getattr(one, name) is not None else "rest"
            for name, (_, factor) in _PARAMETERS.items()
        ]
        rows.append((one.name, *cells))
    return tuple(rows)


def _synapses(network: Declared) -> Rows:
    found: dict[tuple[str, str], list[str]] = {}
    for population in network.populations:
        for receptor, synapse in population.synapses.items():
            found.setdefault((receptor, _synapse(synapse)), []).append(population.name)
    return (
        ("Receptor", "Populations", "After a spike of weight $w$ that arrives"),
        *((receptor, ", ".join(names), text) for (receptor, text), names in found.items()),
    )


def _synapse(synapse: Synapse) -> str:
    if isinstance(synapse, Delta):
        return r"$V \to V + w$"
    if isinstance(synapse, Exponential):
        jump = r"w/\tau" if synapse.charge else "w"
        return rf"$I(t) = {jump}\, e^{{-t/\tau}}$, $\tau$ = {_number(synapse.tau * 1e3)} ms"
    if isinstance(synapse, DoubleExponential):
        symbol, top = "I", "largest value" if synapse.normalise == "peak" else "charge"
        tail = ""
    else:
        symbol, top = "g", "largest value"
        tail = f", $E$ = {_number(synapse.reversal)}"
    rise, decay = synapse.tau_rise * 1e3, synapse.tau_decay * 1e3
    if math.isclose(rise, decay, rel_tol=1e-9):
        form = rf"${symbol}(t) \propto t\, e^{{-t/\tau}}$, $\tau$ = {_number(decay)} ms"
    else:
        form = (
            rf"${symbol}(t) \propto e^{{-t/\tau_\mathrm{{d}}}} - e^{{-t/\tau_\mathrm{{r}}}}$, "
            rf"$\tau_\mathrm{{r}}$ = {_number(rise)} ms, $\tau_\mathrm{{d}}$ = {_number(decay)} ms"
        )
    return f"{form}, {top} $w${tail}"


def _input(source: Input) -> tuple[str, str, str]:
    window = _window(source.start, source.stop)
    if isinstance(source, PoissonInput):
        return (
            "Poisson spikes",
            source.post,
            f"{_number(source.n_sources)} independent sources per neuron of rate "
            f"{_rate(source.rate_hz)}, weight {_number(source.weight)}, receptor "
            f"{source.receptor}{window}",
        )
    if isinstance(source, NoiseCurrent):
        through = "white" if source.receptor is None else f"filtered by {source.receptor}"
        return (
            "Noise current",
            source.post,
            rf"$\sigma\xi(t)$, $\sigma$ = {_number(source.sigma)}, {through}, independent in "
            f"each neuron{window}",
        )
    shape = "constant"
    if source.waveform is not None:
        shape = (
            f"a waveform of {np.size(source.waveform):,} samples of "
            f"{_number(float(source.sample_interval or 0) * 1e3)} ms, times"
        )
    target = source.post
    if source.neurons is not None:
        chosen = np.asarray(source.neurons)
        n = int(chosen.sum()) if chosen.dtype.kind == "b" else chosen.size
        target += f" ({n:,} chosen neurons)"
    return "Current", target, f"{shape} {_number(source.amplitude)}{window}"


def _window(start: float, stop: float | None) -> str:
    if start == 0 and stop is None:
        return ""
    end = "the end" if stop is None else f"{_number(stop)} s"
    return f", from {_number(start)} s to {end}"


def _rate(rate: Any) -> str:
    if isinstance(rate, SineRate):
        phase = f" + {_number(rate.phase)}" if rate.phase else ""
        return (
            rf"$[{_number(rate.mean_hz)} + {_number(rate.amplitude_hz)} \sin(2\pi\,"
            rf"{_number(rate.frequency)}\,\mathrm{{Hz}}\; t{phase})]_+$ Hz"
        )
    if isinstance(rate, OrnsteinUhlenbeck):
        return (
            f"{_number(rate.mean_hz)} Hz + an Ornstein–Uhlenbeck process (standard deviation "
            f"{_number(rate.sd_hz)} Hz, correlation time {_number(rate.tau * 1e3)} ms), cut at 0, "
            "the same in all neurons"
        )
    if isinstance(rate, SampledRate):
        return (
            f"{len(rate.values_hz):,} samples of {_number(rate.delta_t * 1e3)} ms, "
            f"{_number(rate.values_hz.min())} to {_number(rate.values_hz.max())} Hz"
        )
    return f"{_number(rate)} Hz"


def _value(value: Any, factor: float = 1.0) -> str:
    """Return a number, a distribution or an array of values in words."""
    if isinstance(value, Normal):
        text = f"normal, {_number(factor * value.mean)} ± {_number(factor * value.sd)}"
        low, high = value.low, value.high
        if math.isfinite(low) or math.isfinite(high):
            bounds = [_number(factor * low), _number(factor * high)]
            if not math.isfinite(low):
                return f"{text}, at most {bounds[1]}"
            text += f", at least {bounds[0]}"
            return f"{text}, at most {bounds[1]}" if math.isfinite(high) else text
        return text
    if isinstance(value, Lognormal):
        return f"log-normal, {_number(factor * value.mean)} ± {_number(factor * value.sd)}"
    if isinstance(value, Uniform):
        return f"uniform, {_number(factor * value.low)} to {_number(factor * value.high)}"
    values = factor * np.asarray(value, dtype=float)
    if values.ndim == 0:
        return _number(float(values))
    if not values.size:
        return "none"
    return (
        f"given for each, {_number(values.min())} to {_number(values.max())}, "
        f"mean {_number(values.mean())}"
    )


def _number(value: float) -> str:
    return f"{float(value):.6g}"
