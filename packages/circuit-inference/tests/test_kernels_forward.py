import types

import numpy as np
import pytest

from neuroloom.circuit_inference import FieldPotential, ModelFormatError
from neuroloom.circuit_inference.errors import ArgumentError, ShapeError
from neuroloom.circuit_inference.forward import (
    Pathway,
    dipole_kernels,
    dipole_moment,
    four_sphere,
    infinite_medium,
    infinite_medium_magnetic,
    load_kernels,
    save_kernels,
)

PATHWAY = Pathway(1638.4, 1.589, 0.5, 2.0, 0.5, 300.0)


class TestKernels:
    def test_charge_is_conserved_and_nothing_comes_before_the_spike(self):
        h = dipole_kernels({"E:E": PATHWAY}, dt_ms=0.1)["E:E"]
        assert not h[:1000].any()
        assert h.sum() * 0.1 == pytest.approx(-1638.4 * 1.589 * 0.5 * 300, rel=1e-3)
        assert (h.argmin() - 1000) * 0.1 == pytest.approx(2.0 + 0.9, abs=0.7)

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
        place = {"funargs": [{"loc": 100.0}], "funweights": [1.0]}
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
        assert charge["I:E"] / charge["E:E"] == pytest.approx(0.2 * 20 / (0.1 * 80))
        assert charge["E:I"] / charge["E:E"] == pytest.approx(3.0)
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
        assert FieldPotential(MEEG="EEG").compute_MEEG(moment).shape == (1, 20)
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
