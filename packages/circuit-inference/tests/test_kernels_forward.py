import types

import numpy as np
import pytest

from neuroloom.circuit_inference import FieldPotential, ModelFormatError
from neuroloom.circuit_inference.errors import ArgumentError, ShapeError
from neuroloom.circuit_inference.forward import (
    EXCITATORY,
    Pathway,
    Places,
    dipole_kernels,
    dipole_moment,
    four_sphere,
    infinite_medium,
    infinite_medium_magnetic,
    load_kernels,
    save_kernels,
)

LFPYKERNELS = {
    "example": {
        "E:E": (-393.07, 5.44, 6.44),
        "E:I": (-9814.75, 3.31, 5.38),
        "I:E": (-28.8, 2.81, 3.31),
        "I:I": (-137.77, 2.38, 2.75),
    },
    "slow synapses": {
        "E:E": (-693.47, 6.62, 8.62),
        "E:I": (-7302.56, 3.62, 6.44),
        "I:E": (-39.13, 3.62, 5.19),
        "I:I": (-98.76, 2.62, 2.94),
    },
    "fast inhibition": {
        "E:E": (-270.3, 5.88, 7.19),
        "E:I": (-4100.32, 3.31, 4.12),
        "I:E": (-24.83, 2.75, 3.25),
        "I:I": (-57.31, 2.44, 2.69),
    },
    "apical excitation": {
        "E:E": (-1198.67, 3.62, 4.5),
        "E:I": (-1467.95, 3.56, 4.5),
        "I:E": (-28.8, 2.81, 3.31),
        "I:I": (-137.77, 2.38, 2.75),
    },
    "long delays": {
        "E:E": (-368.96, 7.25, 6.75),
        "E:I": (-9296.59, 4.75, 5.69),
        "I:E": (-23.44, 4.88, 4.19),
        "I:I": (-137.77, 2.38, 2.75),
    },
}


def ncpi_params(name):
    """Return ncpi's parameters of one of the sets of `benchmarks/kernel_sets.py`."""
    synapses = {
        "E": {"tau1": 0.2, "tau2": 1.8, "e": 0.0},
        "I": {"tau1": 0.1, "tau2": 9.0, "e": -80.0},
    }
    means = {"EE": (0.0, 500.0), "EI": (50.0,), "IE": (-50.0,), "II": (-100.0,)}  # pre, post
    sds = dict.fromkeys(means, 100.0)
    weights = {"EE": (0.5, 1.0)}
    delays = {"EE": (1.5, 0.3), "EI": (1.4, 0.4), "IE": (1.3, 0.5), "II": (1.2, 0.6)}
    if name == "slow synapses":
        synapses["E"] |= {"tau1": 0.5, "tau2": 4.0}
        synapses["I"] |= {"tau1": 0.5, "tau2": 15.0}
    if name == "fast inhibition":
        synapses["I"] |= {"tau2": 3.0, "e": -70.0}
    if name == "apical excitation":
        means |= {"EE": (800.0,), "IE": (300.0,)}
        sds["IE"], weights["EE"] = 50.0, (1.0,)
    if name == "long delays":
        delays |= {"EE": (3.0, 1.0), "IE": (2.5, 0.8), "EI": (3.0, 1.0)}

    def place(pair):
        parts = [{"loc": m, "scale": sds[pair]} for m in means[pair]]
        section = ["apic", "dend"] if pair[0] == "E" else ["soma", "apic", "dend"]
        return {"section": section, "funargs": parts, "funweights": weights.get(pair, (1.0,))}

    def multapses(loc, scale):
        return {"loc": loc, "scale": scale, "a": (1 - loc) / scale, "b": (10 - loc) / scale}

    def delay(pair):
        loc, scale = delays[pair]
        return {"loc": loc, "scale": scale, "a": (0.3 - loc) / scale}

    return {
        "population_names": ["E", "I"],
        "population_sizes": [8192, 1024],
        "connectionProbability": [[0.05, 0.05], [0.05, 0.05]],
        "tau": 100,
        "synapseParameters": [[synapses[x]] * 2 for x in "EI"],
        "delayArguments": [[delay(x + y) for y in "EI"] for x in "EI"],
        "multapseArguments": [[multapses(2.0, 0.5)] * 2, [multapses(5.0, 1.0)] * 2],
        "synapsePositionArguments": [[place(x + y) for y in "EI"] for x in "EI"],
        "MC_params": {
            **{"weight_EE": 0.00015, "weight_IE": 0.000125, "weight_EI": 0.0045},
            **{"weight_II": 0.002, "n_ext": [465, 160]},
        },
    }


PATHWAY = Pathway(1638.4, 1.589e-3, 0.5, 2.0, 0.5, Places((300.0,), (125.0,), (1.0,)))


class TestKernels:
    def test_nothing_comes_before_the_spike(self):
        h = dipole_kernels({"E:E": PATHWAY}, dt_ms=0.1)["E:E"]
        assert not h[:1000].any()
        assert 2.0 < (h.argmin() - 1000) * 0.1 < 15.0

    def test_the_whole_response_is_that_to_a_constant_current(self):
        # The integral of a linear system's impulse response is its static response: a linear
        # system of equations with other code, Ih fully open to the voltage.
        from neuroloom.circuit_inference._forward import cable

        places = PATHWAY.places
        response = cable.impulse_response(EXCITATORY, places, (), 0.05, 40_000)
        geometry = cable._geometry(EXCITATORY)
        leak, ih, slope, _ = cable._channels()
        region = np.where(geometry.soma, 0, 1)
        system = np.diag(1e-2 * (leak + ih * slope)[region] * geometry.area)
        for i, g in enumerate(geometry.axial):
            system[i, i] += g
            system[i + 1, i + 1] += g
            system[i, i + 1] -= g
            system[i + 1, i] -= g
        current = cable.shares(EXCITATORY, places)
        voltage = np.linalg.solve(system, current)
        returned = 1e-2 * (leak + ih * slope)[region] * geometry.area * voltage
        assert returned.sum() == pytest.approx(1.0)  # all that came in leaves again
        expected = geometry.z @ (returned - current)
        assert response.sum() * 0.05 == pytest.approx(expected, rel=1e-3)

    @pytest.mark.parametrize("name", list(LFPYKERNELS))
    def test_lfpykernels(self, name):
        # LFPykernels 0.2.0, LFPy 2.3.7, NEURON 9.0.2 (benchmarks/kernel_peer.py): peak in nA µm,
        # its time and the width at half maximum in ms.
        kernels = FieldPotential().create_kernel(None, None, ncpi_params(name), None, 2**-4, 1e3)
        for path, (peak, when, width) in LFPYKERNELS[name].items():
            h = kernels[path]["KernelApproxCurrentDipoleMoment"][2]
            i = int(np.abs(h).argmax())
            assert h[i] == pytest.approx(peak, rel=0.02)
            assert (i - h.size // 2) * 2**-4 == pytest.approx(when, abs=0.13)
            assert (np.abs(h) > abs(h[i]) / 2).sum() * 2**-4 == pytest.approx(width, abs=0.13)

    def test_the_moment_is_linear_and_in_time(self, rng):
        kernels = dipole_kernels({"E:E": PATHWAY, "E:I": PATHWAY}, dt_ms=0.5)
        spikes = np.zeros(400)
        spikes[100] = 1
        moment = dipole_moment(kernels, {"E": spikes, "I": 0 * spikes})
        np.testing.assert_allclose(moment[100:250], kernels["E:E"][200:350], atol=1e-9)
        a, b = rng.random((2, 400))
        both = dipole_moment(kernels, {"E": a + b, "I": a})
        parts = dipole_moment(kernels, {"E": a, "I": a}) + dipole_moment(
            kernels, {"E": b, "I": 0 * b}
        )
        np.testing.assert_allclose(both, parts)

    def test_files(self, tmp_path):
        kernels = dipole_kernels({"E:E": PATHWAY}, dt_ms=0.5)
        again, dt = load_kernels(save_kernels(tmp_path / "h.npz", kernels, dt_ms=0.5))
        assert dt == 0.5
        np.testing.assert_array_equal(again["E:E"], kernels["E:E"])
        np.savez(tmp_path / "plain.npz", **kernels, dt_ms=0.5)
        assert load_kernels(tmp_path / "plain.npz")[1] == 0.5
        np.savez(tmp_path / "bad.npz", x=np.array([{}], dtype=object), dt_ms=1.0)
        with pytest.raises(ModelFormatError):
            load_kernels(tmp_path / "bad.npz")

    def test_bad_input(self):
        kernels = {"E:E": np.ones(3)}
        with pytest.raises(ArgumentError, match="'E'"):
            dipole_moment(kernels, {"I": np.ones(5)})
        with pytest.raises(ShapeError, match="odd"):
            dipole_moment({"E:E": np.ones(4)}, {"E": np.ones(5)})
        with pytest.raises(ShapeError, match="one length"):
            dipole_moment(kernels, {"E": np.ones(5), "I": np.ones(4)})
        with pytest.raises(ArgumentError, match="dt_ms"):
            dipole_kernels({"E:E": PATHWAY}, dt_ms=0)

    def test_seed_door_takes_connection_probabilities_per_pair(self):
        # ncpi takes the row of the presynaptic population, right only if all are the same.
        place = {"section": ["apic"], "funargs": [{"loc": 100.0}], "funweights": [1.0]}
        synapse = {"tau1": 0.2, "tau2": 1.8, "e": 0.0}
        params = types.SimpleNamespace(
            population_names=["E", "I"],
            population_sizes=[80, 20],
            connectionProbability=[[0.1, 0.2], [0.3, 0.4]],
            synapseParameters=[[synapse] * 2] * 2,
            delayArguments=[[{"loc": 1.5, "scale": 0.3}] * 2] * 2,
            synapsePositionArguments=[[place] * 2] * 2,
            MC_params={f"weight_{pair}": 1e-4 for pair in ("EE", "EI", "IE", "II")},
            tau=50,
        )
        contacts = {"z": np.array([500.0, 100.0, -500.0]), "sigma": 0.3}
        kernels = FieldPotential().create_kernel(None, None, params, None, 0.5, 100, contacts)
        probe = "KernelApproxCurrentDipoleMoment"
        charge = {name: k[probe][2].sum() for name, k in kernels.items()}
        # The same cell and synapses in both, and three times the probability.
        assert charge["E:I"] / charge["E:E"] == pytest.approx(7.5)
        assert kernels["E:E"]["GaussCylinderPotential"].shape == (3, 201)
        with pytest.raises(ArgumentError, match="population_names"):
            FieldPotential().create_kernel(None, None, {}, None, 0.5, 100)


class TestForward:
    def test_infinite_medium_on_the_axis(self):
        v = infinite_medium([0, 0, 1.0], [0, 0, 0], [[0, 0, 10.0], [10.0, 0, 0]], sigma=0.3)
        assert v[0, 0] == pytest.approx(1 / (4 * np.pi * 0.3 * 100))
        assert v[1, 0] == pytest.approx(0)

    def test_magnetic_field_is_perpendicular(self):
        h = infinite_medium_magnetic([0, 0, 1.0], [0, 0, 0], [[10.0, 0, 0]])
        np.testing.assert_allclose(h[0, :, 0], [0, 1 / (4 * np.pi * 100), 0])

    def test_equal_spheres_are_one_homogeneous_sphere(self):
        # Closed form for a radial dipole in a homogeneous sphere, on its surface, at the pole:
        # V = p / (4 pi sigma R^2) * (3 - q) q' ... summed as the Legendre series.
        q, radius, sigma = 0.6, 90_000.0, 0.3
        v = four_sphere(
            [0, 0, 1.0], [0, 0, q * radius], [[0, 0, radius]], sigmas=(sigma,) * 4, n_terms=200
        )
        n = np.arange(1, 400)
        wanted = ((2 * n + 1) * q ** (n - 1)).sum() / (4 * np.pi * sigma * radius**2)
        assert v[0, 0] == pytest.approx(wanted, rel=1e-9)

    def test_tangential_dipole_in_a_homogeneous_sphere(self):
        q, radius, sigma, angle = 0.5, 90_000.0, 0.3, 0.7
        where = radius * np.array([np.sin(angle), 0, np.cos(angle)])
        v = four_sphere([1.0, 0, 0], [0, 0, q * radius], [where], sigmas=(sigma,) * 4)
        # The potential's reciprocal: derivative of the Legendre series along x.
        from scipy.special import lpmv

        n = np.arange(1, 100)
        slope = -lpmv(1, n, np.cos(angle))
        series = ((2 * n + 1) / n * q ** (n - 1) * slope).sum()
        assert v[0, 0] == pytest.approx(series / (4 * np.pi * sigma * radius**2), rel=1e-9)

    def test_a_skull_attenuates(self):
        args = ([0, 0, 1.0], [0, 0, 78_000.0], [[0, 0, 90_000.0]])
        assert 0 < four_sphere(*args)[0, 0] < 0.3 * four_sphere(*args, sigmas=(0.3,) * 4)[0, 0]

    def test_lfpykit_agrees(self):
        eeg = pytest.importorskip("lfpykit.eegmegcalc")
        rng = np.random.default_rng(1)
        place = np.array([5_000.0, -8_000.0, 60_000.0])
        p = rng.standard_normal((3, 4))
        where = rng.standard_normal((6, 3))
        where *= 90_000.0 / np.linalg.norm(where, axis=1, keepdims=True)
        model = eeg.FourSphereVolumeConductor(where)
        wanted = model.get_dipole_potential(p, place)
        np.testing.assert_allclose(four_sphere(p, place, where), wanted, rtol=2e-3)

    def test_seed_door(self):
        moment = np.sin(np.arange(20.0))
        assert FieldPotential(MEEG="EEG").compute_MEEG(moment).shape == (20, 20)
        assert FieldPotential(MEEG="MEG").compute_MEEG(moment).shape == (1, 3, 20)
        with pytest.raises(ShapeError, match="CDM"):
            FieldPotential().compute_MEEG(np.ones((2, 5)))

    def test_bad_input(self):
        with pytest.raises(ArgumentError, match="brain"):
            four_sphere([0, 0, 1], [0, 0, 85_000], [[0, 0, 90_000]])
        with pytest.raises(ArgumentError, match="scalp"):
            four_sphere([0, 0, 1], [0, 0, 70_000], [[0, 0, 50_000]])
        with pytest.raises(ArgumentError, match="dipole"):
            infinite_medium([0, 0, 1], [1, 1, 1], [[1, 1, 1]])
        with pytest.raises(ShapeError):
            infinite_medium(np.ones((2, 3)), [0, 0, 0], [[1, 1, 1]])
