"""What is wrong in ncpi on the way from simulation to features, one test per defect.

Defects of its inference and analysis are tested in `test_inferer`, `test_inference` and
`test_analysis`.
"""

import numpy as np
import pandas as pd
import pytest

from neuroloom.circuit_inference import (
    Catch22,
    FeatureMismatchError,
    Features,
    FeatureSet,
    FieldPotential,
    Inferer,
    gao_library,
)
from neuroloom.circuit_inference.errors import ArgumentError, ConstantSeriesError, ShapeError
from neuroloom.circuit_inference.forward import proxy


@pytest.fixture
def currents(rng):
    return {"AMPA": rng.random((3, 80)), "GABA": -rng.random((3, 80))}


def shifted(x, steps):
    out = np.zeros_like(x)
    if steps >= 0:
        out[steps:] = x[: x.size - steps]
    else:
        out[:steps] = x[-steps:]
    return out


def test_defect_7_tables_with_another_index_keep_their_rows(rng):
    table = pd.DataFrame({"Data": list(rng.standard_normal((2, 60)))}, index=[5, 9])
    out = Features("catch22").compute_features(table)
    assert list(out.index) == [5, 9]
    assert not out["Features"].isna().any()


def test_defect_8_delays_of_erws2_are_milliseconds(currents):
    nu, step = 1.5, 0.1
    late_a, late_g = -0.6 * nu**-0.1 - 0.4, -1.9 * nu**-0.6 + 3.0
    alpha = 1.4 * nu**-1.7 + 0.2
    ours = proxy("ERWS2", currents, sim_step=step, nu_ext=nu)
    wanted = shifted(currents["AMPA"].sum(axis=0), round(late_a / step)) - alpha * shifted(
        currents["GABA"].sum(axis=0), round(late_g / step)
    )
    np.testing.assert_allclose(ours, wanted, atol=1e-12)
    as_ncpi = proxy("ERWS2", currents, sim_step=step, nu_ext=nu, compat="ncpi")
    assert np.abs(as_ncpi - ours).max() > 0.1


@pytest.mark.parametrize(("step", "a", "g"), [(0.1, -9, 23), (1.0, -1, 2)])
def test_defect_9_delays_are_rounded(currents, step, a, g):
    wanted = shifted(currents["AMPA"].sum(axis=0), a) - 0.3 * shifted(
        currents["GABA"].sum(axis=0), g
    )
    np.testing.assert_allclose(proxy("ERWS1", currents, sim_step=step), wanted, atol=1e-12)


def test_defect_10_shapes_do_not_broadcast():
    with pytest.raises(ShapeError, match=r"\(2, 9\).*\(1, 9\)"):
        proxy("I", {"AMPA": np.ones((2, 9)), "GABA": np.ones((1, 9))})
    with pytest.raises(ArgumentError, match="finite"):
        proxy("AMPA", {"AMPA": [[1.0, np.nan]]})


def test_defect_11_a_missing_step_is_named(currents):
    with pytest.raises(ArgumentError, match="sim_step"):
        FieldPotential(kernel=False).compute_proxy("LRWS", currents, None)


def test_defect_16_the_networks_step_is_exact():
    models = pytest.importorskip("neuroloom.lifnet.models")
    assert models.hagen().delta_t == 2.0**-4 * 1e-3


def test_defect_17_kernels_take_the_probability_of_their_pair():
    # Probabilities that differ by pair: ncpi reads the row of the presynaptic index.
    pair = [["e", "e"], ["i", "i"]]
    sizes = {"synapseParameters": {"tau2": 1.8}}
    params = {
        "population_names": ["E", "I"],
        "population_sizes": [100, 50],
        "connectionProbability": [[0.1, 0.2], [0.3, 0.4]],
        "synapseParameters": [
            [{**sizes["synapseParameters"], "e": 0.0 if kind == "e" else -80.0} for kind in row]
            for row in pair
        ],
        "delayArguments": [[{"loc": 1.5, "scale": 0.3}] * 2] * 2,
        "synapsePositionArguments": [[{"funargs": [{"loc": 100.0, "scale": 50.0}]}] * 2] * 2,
        "MC_params": {f"weight_{post}{pre}": 1e-3 for post in "EI" for pre in "EI"},
        "tau": 50.0,
    }
    params["MC_params"]["g_eff"] = False  # or the other inputs' conductances change too

    def totals():
        kernels = FieldPotential().create_kernel(None, None, params, None, dt=0.25, tstop=100.0)
        probe = "KernelApproxCurrentDipoleMoment"
        return {name: probes[probe][2].sum() for name, probes in kernels.items()}

    before = totals()
    params["connectionProbability"] = [[0.1, 0.6], [0.3, 0.4]]  # from E to I
    after = {name: total / before[name] for name, total in totals().items()}
    assert after == pytest.approx({"E:E": 1.0, "I:E": 3.0, "E:I": 1.0, "I:I": 1.0})


def test_defect_18_features_of_another_version_are_refused(rng):
    series, theta = rng.standard_normal((60, 80)).cumsum(axis=1), rng.random((60, 1))
    new, old = (FeatureSet(Catch22(version)).compute(series) for version in ("1.0", "classic"))
    inferer = Inferer("Ridge").fit(new, theta)
    with pytest.raises(FeatureMismatchError):
        inferer.predict(old)
    with pytest.raises(FeatureMismatchError) as caught:
        inferer.predict(new.select(new.names[::-1]))
    assert caught.value.order


def test_defect_19_a_constant_series_has_no_features():
    table = pd.DataFrame({"Data": [[3.0] * 50]})
    with pytest.raises(ConstantSeriesError):
        Features("catch22").compute_features(table)
    masked = Features("catch22", {"invalid": "mask"}).compute_features(table)
    assert np.isnan(masked["Features"].iloc[0]).all()


def test_defect_21_seeds_are_numbers_not_the_time_of_day(monkeypatch):
    import time

    first = gao_library(2, duration_s=0.5, progress=False, seed=0)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert gao_library(2, duration_s=0.5, progress=False, seed=0).digest == first.digest
    assert gao_library(2, duration_s=0.5, progress=False, seed=1).digest != first.digest


def test_defect_23_a_noise_free_power_law_has_no_peaks(recwarn):
    pytest.importorskip("specparam")
    from neuroloom.circuit_inference.features import fit_spectrum

    freqs = np.arange(1.0, 46.0, 0.5)
    fit = fit_spectrum(freqs, 10 * freqs**-1.5)
    assert len(fit.peaks) == 0
    assert fit.exponent == pytest.approx(1.5, abs=1e-6)
    assert not recwarn.list
