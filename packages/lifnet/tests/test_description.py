"""The tables that describe a network: nothing that acts may be missing."""

import dataclasses
import re

import numpy as np
import pytest

from neuroloom import lifnet
from neuroloom.lifnet import network as nw


def of(populations=(), projections=(), inputs=(), **options):
    e = lifnet.Population(
        "E", 8, 0.02, 20.0, 10.0, {"exc": nw.Exponential(0.005), "inh": nw.Exponential(0.01)}
    )
    others = populations or (dataclasses.replace(e, name="I", size=6),)
    return lifnet.Network([e, *others], projections, inputs, **options)


PARTS = {
    "populations": [
        lifnet.Population(
            "I", 6, 0.01, 20.0, 10.0, {"exc": nw.Delta(), "slow": nw.Exponential(0.1)}
        )
    ],
    "projections": [
        nw.Projection("E", "I", nw.Bernoulli(0.3), 1.0, 0.001),
        nw.Projection("E", "E", nw.FixedIndegree(2), nw.Normal(2.0, 0.1, 0.0, 9.0), 0.002),
        nw.Projection("I", "E", nw.FixedOutdegree(2), nw.Lognormal(2.0, 0.1), 0.002, "inh"),
        nw.Projection("I", "I", nw.FixedTotal(7), 1.0, nw.Uniform(0.001, 0.002)),
        nw.Projection("E", "E", nw.OneToOne(), 1.0),
        nw.Projection("E", "I", nw.Explicit([0, *[2] * 8], [1, 2]), 1.0),
    ],
    "inputs": [
        nw.PoissonInput("E", 3.0, 0.2, n_sources=7),
        nw.PoissonInput("E", nw.SineRate(3.0, 1.0, 4.0), 0.2, stop=0.7),
        nw.PoissonInput("E", nw.OrnsteinUhlenbeck(3.0, 1.0, 0.02), 0.2, "inh", start=0.25),
        nw.PoissonInput("I", nw.SampledRate([1.0, 2.0], 0.25), 0.2),
        nw.CurrentInput("E", 0.3, 0.1, 0.2, [1.0, 2.0], 0.05, [1, 2, 3]),
        nw.NoiseCurrent("E", 0.3, "exc", 0.1, 0.2),
    ],
}
# Another value for each field, whatever the part: it must show.
OTHER = {
    "name": "J", "size": 9, "pre": "I", "post": "I", "receptor": "inh", "rule": nw.Bernoulli(0.9),
    "neurons": [1], "waveform": [1.0], "rate_hz": 77.0, "synapses": {"exc": nw.Delta()},
    "initial_voltage": 1.5, "stop": 0.9, "delay": 0.5, "threshold": 77.0,
}  # fmt: skip


def changes():
    for kind, parts in PARTS.items():
        for k, part in enumerate(parts):
            for field in dataclasses.fields(part):
                yield pytest.param(kind, k, field.name, id=f"{type(part).__name__}{k}.{field.name}")


def changed(value, field):
    if field == "receptor" and value == "inh":
        return "exc"
    if field in ("pre", "post") and value == "I":
        return "E"
    return OTHER.get(field, 0.77)


@pytest.mark.parametrize(("kind", "k", "field"), list(changes()))
def test_every_field_of_every_part_shows(kind, k, field):
    part = PARTS[kind][k]
    before = of(**{kind: [part]}).describe()
    try:
        other = dataclasses.replace(part, **{field: changed(getattr(part, field), field)})
        after = of(**{kind: [other]}).describe()
    except lifnet.LifnetError:
        pytest.skip("the change makes no network")
    assert str(before) != str(after)
    assert before.to_latex() != after.to_latex()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (nw.Bernoulli(0.3), nw.Bernoulli(0.4)),
        (nw.FixedIndegree(2), nw.FixedIndegree(3)),
        (nw.FixedIndegree(2), nw.FixedIndegree(2, multapses=True)),
        (nw.FixedOutdegree(2), nw.FixedOutdegree(2, autapses=False)),
        (nw.FixedTotal(7), nw.FixedTotal(7, multapses=False)),
        (nw.FixedTotal(7), nw.FixedTotal(7, autapses=False)),
        (nw.Bernoulli(0.3), nw.Bernoulli(0.3, autapses=False)),
        (nw.Explicit([0, *[2] * 8], [1, 2]), nw.Explicit([0, *[2] * 8], [1, 2], [0.1, 0.2])),
    ],
)
def test_every_part_of_a_rule_shows(one, other):
    texts = {str(of((), [nw.Projection("E", "E", rule, 1.0)]).describe()) for rule in (one, other)}
    assert len(texts) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (nw.Exponential(0.005), nw.Exponential(0.006)),
        (nw.Exponential(0.005), nw.Exponential(0.005, charge=True)),
        (nw.DoubleExponential(0.001, 0.005), nw.DoubleExponential(0.002, 0.005)),
        (nw.DoubleExponential(0.001, 0.005), nw.DoubleExponential(0.001, 0.005, "area")),
        (nw.Alpha(0.001), nw.Alpha(0.002)),
        (nw.Beta(0.001, 0.005, 0.0), nw.Beta(0.001, 0.005, -70.0)),
        (nw.Normal(1.0, 0.1), nw.Normal(1.0, 0.1, high=2.0)),
        (nw.Normal(1.0, 0.1, low=0.5), nw.Normal(1.0, 0.1, low=0.6)),
        (nw.Lognormal(1.0, 0.1), nw.Lognormal(1.0, 0.2)),
        (nw.Uniform(1.0, 2.0), nw.Uniform(1.0, 2.5)),
        (np.arange(6.0), np.arange(6.0) + 1),
    ],
)
def test_every_synapse_and_distribution_shows(one, other):
    def text(value):
        synapse = isinstance(value, nw.Exponential | nw.DoubleExponential | nw.Beta)
        synapses = {"exc": value if synapse else nw.Delta()}
        bias = 0.0 if synapse else value
        part = lifnet.Population("I", 6, 0.01, 20.0, 10.0, synapses, bias=bias)
        return str(lifnet.Network([part]).describe())

    assert text(one) != text(other)


def test_numbers_of_a_published_network():
    tables = lifnet.models.hagen().describe().tables
    assert list(tables)[:4] == [
        "A: Model summary", "B: Populations", "C: Connectivity", "D: Neuron model"
    ]  # fmt: skip
    assert tables["B: Populations"][1:] == (
        ("E", "leaky integrate-and-fire", "8,192"), ("I", "leaky integrate-and-fire", "1,024"),
    )  # fmt: skip
    # 0.2 · 8192 · 1024
    assert tables["C: Connectivity"][2][-1] == "about 1,677,722"


def test_pairs_without_autapses_are_not_counted():
    rule = nw.Bernoulli(0.5, autapses=False)
    tables = of((), [nw.Projection("E", "E", rule, 1.0)]).describe().tables
    assert tables["C: Connectivity"][1][-1] == "about 28"  # 8 · 7 / 2


@pytest.mark.parametrize("name", ["brunel_delta", "brunel_alpha", "hagen", "cavallari",
                                  "litwin_kumar_doiron"])  # fmt: skip
def test_tables_are_whole_in_both_forms(name):
    description = getattr(lifnet.models, name)().describe()
    for rows in description.tables.values():
        assert len({len(row) for row in rows}) == 1
    latex = description.to_latex()
    outside = re.sub(r"\$[^$]*\$", "", latex.split("\n", 1)[1])  # without the comment
    assert outside.isascii()
    assert not re.search(r"(?<!\\)[_#]", outside)
    assert latex.count(r"\begin{tabularx}") == latex.count(r"\end{tabularx}") == 8
    for line in description.to_markdown().splitlines():
        assert not line or line.startswith(("|", "**"))
