"""Libraries: the same for any workers, resumable, checked when read."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import joblib
import numpy as np
import pytest

from neuroloom.circuit_inference import (
    Catch22,
    FeatureSet,
    LibraryError,
    NoValidSimulationsError,
    Prior,
    PriorError,
    SimulationLibrary,
    gao_lfp,
    gao_library,
    simulate_library,
)
from neuroloom.circuit_inference.errors import ArgumentError, UnknownNameError
from neuroloom.circuit_inference.libraries import shot_noise_library, shot_noise_rates
from neuroloom.shared import Seed, load_arrays, save_arrays

PRIOR = Prior.box({"a": (0.0, 1.0), "b": (-1.0, 1.0)})


def noise(theta, seed):
    """A simulator whose gate refuses half of its draws."""
    rng = seed.generator()
    reason = "a too high: above 0.5; b odd: yes" if theta[0] > 0.5 else ""
    out = {"energy": float(theta[1]), "reason": reason}
    return out if reason else {**out, "lfp": theta[0] + rng.standard_normal(60)}


def broken(theta, seed):
    return {"lfp": np.zeros((2, 3))}


def make(n=10, **options):
    options = {"rate_hz": 10.0, "batch_size": 3, "progress": False, "seed": 4, **options}
    return simulate_library(noise, PRIOR, n, **options)


def same(one, other):
    np.testing.assert_array_equal(one.theta, other.theta)
    assert one.signals.keys() == other.signals.keys()
    for name, x in one.signals.items():
        np.testing.assert_array_equal(x, other.signals[name])
    assert one.reasons == other.reasons


class TestSameLibrary:
    def test_batches_do_not_matter(self):
        same(make(), make(batch_size=1))
        assert make(seed=5).digest != make().digest

    @pytest.mark.slow
    def test_processes_do_not_matter(self):
        same(gao_library(6, duration_s=1.0, progress=False, seed=0), _on_processes())

    def test_a_dask_cluster_does_not_matter(self):
        distributed = pytest.importorskip("distributed")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster),
            joblib.parallel_config("dask"),
        ):
            ours = gao_library(6, duration_s=1.0, n_workers=2, progress=False, seed=0)
        same(gao_library(6, duration_s=1.0, progress=False, seed=0), ours)


def _on_processes():
    return gao_library(6, duration_s=1.0, n_workers=2, progress=False, seed=0)


class TestResume:
    def test_goes_on_where_it_was(self, tmp_path):
        calls = tmp_path / "calls"
        (tmp_path / "stop_at").write_text("7")
        run = partial(simulate_library, Counted(tmp_path), PRIOR, 10, **_options())
        with pytest.raises(RuntimeError, match="power cut"):
            run(folder=tmp_path / "lib")
        (tmp_path / "stop_at").write_text("99")
        again = run(folder=tmp_path / "lib")
        # Seven calls, of which two batches of three were kept, and the other four.
        assert len(calls.read_text()) == 7 + 4
        same(again, run(folder=tmp_path / "other"))

    @pytest.mark.slow
    def test_a_killed_process(self, tmp_path):
        code = (
            "from neuroloom.circuit_inference import gao_library\n"
            f"gao_library(400, duration_s=20.0, folder={str(tmp_path / 'lib')!r}, "
            "progress=False, seed=3)\n"
        )
        process = subprocess.Popen([sys.executable, "-c", code])
        batches = tmp_path / "lib" / "simulations"
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if batches.exists() and len(list(batches.iterdir())) > 1:
                break
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kept = len(list(batches.iterdir()))
        assert 1 < kept < 26
        resumed = gao_library(400, duration_s=20.0, folder=tmp_path / "lib", progress=False, seed=3)
        whole = gao_library(400, duration_s=20.0, progress=False, seed=3)
        same(resumed, whole)

    def test_a_folder_belongs_to_one_library(self, tmp_path):
        make(folder=tmp_path / "lib")
        for other in ({"seed": 5}, {"rate_hz": 20.0}):
            with pytest.raises(LibraryError, match="differs in"):
                make(folder=tmp_path / "lib", **other)

    def test_it_grows(self, tmp_path):
        make(folder=tmp_path / "lib", n=5)
        same(make(folder=tmp_path / "lib", n=11), make(n=11))

    def test_growth_computes_only_what_is_new(self, tmp_path):
        (tmp_path / "stop_at").write_text("9999")

        def grown(n, folder, **options):
            before = _calls(tmp_path)
            options = {**_options(), "batch_size": 50, **options}
            made = simulate_library(Counted(tmp_path), PRIOR, n, folder=folder, **options)
            return made, _calls(tmp_path) - before

        _, n_first = grown(100, tmp_path / "lib")
        library, n_more = grown(400, tmp_path / "lib")
        whole, n_whole = grown(400, tmp_path / "other", batch_size=70)
        assert (n_first, n_more, n_whole) == (100, 300, 400)
        same(library, whole)

    def test_shards_are_the_library(self, tmp_path):
        whole = make(n=11)
        shards = [make(n=11, shard=(i, 3)) for i in (2, 0, 1)]
        joined = SimulationLibrary.join(*shards)
        same(joined, whole)
        assert joined.provenance["n_sims"] == 11
        with pytest.raises(LibraryError, match="each of the 3 shards"):
            SimulationLibrary.join(*shards[:2])
        with pytest.raises(LibraryError, match="each of the 3 shards"):
            SimulationLibrary.join(shards[0], shards[0], shards[1])

    def test_another_simulator_is_refused(self, tmp_path):
        simulate_library(noise, PRIOR, 4, folder=tmp_path / "lib", **_options())
        with pytest.raises(LibraryError):
            simulate_library(Counted(tmp_path), PRIOR, 4, folder=tmp_path / "lib", **_options())

    def test_a_damaged_record(self, tmp_path):
        make(folder=tmp_path / "lib")
        (tmp_path / "lib" / "library.json").write_text("{")
        with pytest.raises(LibraryError, match="readable"):
            make(folder=tmp_path / "lib")


class Counted:
    """Writes a dot per simulation, and stops like a power cut at a number of them."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, theta, seed):
        with (self.folder / "calls").open("a") as file:
            file.write(".")
        if len((self.folder / "calls").read_text()) >= int((self.folder / "stop_at").read_text()):
            raise RuntimeError("power cut")
        return noise(theta, seed)


def _calls(folder):
    path = folder / "calls"
    return len(path.read_text()) if path.exists() else 0


def _options():
    return {"rate_hz": 10.0, "batch_size": 3, "progress": False, "seed": 4}


class TestGates:
    def test_report_and_rows(self):
        library = make(40)
        report = library.gate_report()
        n_bad = int((library.theta[:, 0] > 0.5).sum())
        assert report == {"passed": 40 - n_bad, "a too high": n_bad, "b odd": n_bad}
        assert np.isnan(library.signals["lfp"][~library.valid]).all()
        good = library.only_valid()
        assert len(good) == 40 - n_bad
        assert good.valid.all()
        np.testing.assert_array_equal(good.measures["energy"], good.theta[:, 1])

    def test_nothing_valid(self):
        library = make(40)
        library = library.rows(np.flatnonzero(~library.valid))
        with pytest.raises(NoValidSimulationsError) as caught:
            library.only_valid()
        assert caught.value.n_dropped == len(library)
        assert caught.value.reasons["a too high"] == len(library)


@pytest.fixture(scope="module")
def library():
    return gao_library(30, duration_s=8.0, progress=False, seed=2)


class TestNoise:
    def test_share_and_spectrum(self, library):
        noisy = library.noisy((0.5, 0.5), exponent=(2.0, 2.0), seed=3)
        before, after = library.signals["lfp"], noisy.signals["lfp"]
        added = after - before
        np.testing.assert_allclose(added.var(axis=1), 0.5 * before.var(axis=1), rtol=1e-4)
        power = (np.abs(np.fft.rfft(added)) ** 2).mean(axis=0)
        low, high = power[8:80].mean(), power[80:800].mean()  # 1–10 and 10–100 Hz
        assert low / high == pytest.approx(10.0**2, rel=0.3)

    def test_nothing_else_changes(self, library):
        noisy = library.noisy(seed=3)
        np.testing.assert_array_equal(noisy.theta, library.theta)
        assert noisy.provenance["treatments"][-1]["share"] == [0.0, 0.1]
        assert "noise" not in library.provenance
        part = noisy.signals["lfp"].var(axis=1) / library.signals["lfp"].var(axis=1)
        assert part.min() < 1.03
        assert 1.07 < part.max() < 1.15
        same(library.noisy((0.0, 0.0)), library)
        same(noisy, library.noisy(seed=3))
        # Simulation i's noise is its own, whichever others there are.
        np.testing.assert_array_equal(
            library.rows(np.arange(3)).noisy(seed=3).signals["lfp"], noisy.signals["lfp"][:3]
        )

    @pytest.mark.parametrize(
        "options", [{"share": (0.2, 0.1)}, {"share": (-0.1, 0.1)}, {"exponent": (np.nan, 1.0)}]
    )
    def test_bounds(self, library, options):
        with pytest.raises(ArgumentError, match=next(iter(options))):
            library.noisy(**options)


class TestFiles:
    def test_round_trip(self, tmp_path):
        library = make()
        back = SimulationLibrary.load(library.save(tmp_path / "library.npz"))
        same(library, back)
        assert back.provenance["seed"] == [4]
        assert back.prior.names == ("a", "b")
        assert back.digest == library.digest

    def test_tampered(self, tmp_path):
        library = make()
        path = library.save(tmp_path / "library.npz")
        arrays, header = load_arrays(path, kind="SimulationLibrary", version=1)
        theta = arrays["theta"].copy()
        theta[0, 0] += 1e-6
        arrays = {**arrays, "theta": theta}
        save_arrays(path, arrays, kind="SimulationLibrary", header=header, version=1)
        with pytest.raises(LibraryError, match="was changed"):
            SimulationLibrary.load(path)

    def test_foreign_newer_and_pickled(self, tmp_path):
        path = save_arrays(tmp_path / "x.npz", {"theta": np.zeros(2)}, kind="Other", header={})
        with pytest.raises(LibraryError):
            SimulationLibrary.load(path)
        path = save_arrays(
            tmp_path / "y.npz", {"theta": np.zeros(2)}, kind="SimulationLibrary", version=99
        )
        with pytest.raises(LibraryError):
            SimulationLibrary.load(path)
        np.savez(tmp_path / "z.npz", theta=np.array([{}], dtype=object))
        with pytest.raises(LibraryError):
            SimulationLibrary.load(tmp_path / "z.npz")
        with pytest.raises(LibraryError):
            SimulationLibrary.load(tmp_path / "missing.npz")

    def test_provenance_is_text(self):
        provenance = make().provenance
        assert json.loads(json.dumps(provenance)) == provenance


class TestJoin:
    def test_in_order(self):
        one, two = make(4, seed=1), make(6, seed=2)
        both = SimulationLibrary.join(one, two)
        assert len(both) == 10
        np.testing.assert_array_equal(both.theta[4:], two.theta)
        np.testing.assert_array_equal(both.signals["lfp"][:4], one.signals["lfp"])
        assert both.reasons == one.reasons + two.reasons
        assert both.provenance["n_sims"] == 10

    def test_refuses_what_does_not_belong_together(self):
        with pytest.raises(LibraryError, match="seed of its own"):
            SimulationLibrary.join(make(), make())
        with pytest.raises(LibraryError, match="rate_hz"):
            SimulationLibrary.join(make(), make(seed=1, rate_hz=5.0))
        with pytest.raises(LibraryError, match="prior"):
            SimulationLibrary.join(
                gao_library(2, duration_s=1.0, progress=False),
                shot_noise_library(2, progress=False, seed=1),
            )


class TestCut:
    def test_the_last_seconds(self):
        library = make()
        short = library.cut(2.0)
        assert short.duration_s == 2.0
        np.testing.assert_array_equal(short.signals["lfp"], library.signals["lfp"][:, -20:])

    @pytest.mark.parametrize("seconds", [7.0, 0.0, -1.0, np.nan])
    def test_not_longer_than_simulated(self, seconds):
        with pytest.raises(ArgumentError, match="duration_s"):
            make().cut(seconds)


class TestBadInput:
    @pytest.mark.parametrize(
        "options", [{"n": 0}, {"n": 2.5}, {"batch_size": 0}, {"n_workers": 0}, {"n_workers": -2}]
    )
    def test_numbers(self, options):
        with pytest.raises(ArgumentError, match=next(iter(options))):
            make(**options)

    def test_a_simulator_with_two_dimensions(self):
        with pytest.raises(ArgumentError, match=r"'lfp' of shape \(2, 3\)"):
            simulate_library(broken, PRIOR, 2, **_options())

    def test_unknown_signal(self):
        library = gao_library(2, duration_s=1.0, progress=False)
        with pytest.raises(UnknownNameError, match="did you mean 'lfp'"):
            library.features(FeatureSet(Catch22()), signal="lfq")


class TestShotNoise:
    def test_it_is_the_published_generator(self):
        # Written out with numpy's convolution, from the same uniform numbers.
        theta, n_neurons, n_times, width = 0.37, 6, 900, 50
        ours = shot_noise_rates(
            [theta], n_neurons=n_neurons, n_times=n_times, bin_width=width, seed=8
        )[0]
        uniforms = (
            Seed(8).child(0).generator().random((2, n_neurons, n_times), dtype=np.float32)
        ).astype(np.float64)
        kernel = np.exp(-np.arange(4 * width) / (width * (theta + 0.01)))
        counts = np.zeros(n_times // width)
        for drive, chance in zip(*uniforms, strict=True):
            smooth = np.convolve(drive, kernel, mode="same")
            smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
            counts += (chance < smooth - 0.9).reshape(-1, width).sum(axis=1)
        np.testing.assert_allclose(ours, counts / n_neurons, atol=1e-12)

    def test_batches_do_not_matter(self):
        both = shot_noise_rates([0.2, 0.9], n_times=400, seed=1)
        assert both.shape == (2, 4)
        np.testing.assert_array_equal(both[:1], shot_noise_rates([0.2], n_times=400, seed=1))
        threads = shot_noise_rates([0.2, 0.9], n_times=400, n_workers=3, seed=1)
        np.testing.assert_array_equal(both, threads)

    @pytest.mark.parametrize("bad", [-0.1, np.nan, np.inf])
    def test_bad_theta(self, bad):
        with pytest.raises(PriorError):
            shot_noise_rates([0.5, bad])


class TestGao:
    def test_more_inhibition_is_steeper(self):
        from scipy.signal import welch

        ratios = [2.0, 4.0, 6.0]
        freqs, power = welch(gao_lfp(ratios, duration_s=60.0, seed=2), 1000.0, nperseg=500)
        used = (freqs >= 30) & (freqs <= 50)
        slopes = np.polyfit(np.log10(freqs[used]), np.log10(power[:, used].T), 1)[0]
        assert slopes[0] > slopes[1] > slopes[2]

    def test_unit_variance(self):
        x = gao_lfp([3.0], duration_s=2.0)
        assert x.shape == (1, 2000)
        assert x.std() == pytest.approx(1.0)

    def test_bad_ratio(self):
        with pytest.raises(PriorError):
            gao_lfp([0.0])
