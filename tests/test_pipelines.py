"""Roads that lead through several packages, on the data types that they share."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuroloom import circuit_inference, glmhmm, lifnet, mi, tasks
from neuroloom.shared import Epochs, SpikeTrains, load, save


@pytest.fixture(scope="module")
def run():
    network = lifnet.ClusteredNetwork.from_config(seed=1)
    return network.simulate(duration=6.0, seed=2)


def test_spikes_of_a_network_go_into_mutual_information(run, tmp_path):
    spikes = run.to_spike_trains()
    assert isinstance(spikes, SpikeTrains)
    save(tmp_path / "spikes.npz", spikes)
    spikes = load(tmp_path / "spikes.npz")
    start, stop = next(iter(run.populations.values()))
    window = Epochs(1.0, 6.0)
    kept = spikes.restrict(window)

    def counts(members):
        mine = np.isin(kept.units, members)
        one = SpikeTrains(kept.times[mine], np.zeros(mine.sum(), dtype=int), 1, window)
        return one.counts(0.05).values

    evens, odds = np.arange(start, stop, 2), np.arange(start + 1, stop, 2)
    same = mi.run(counts(evens), counts(odds), random_seed=0, verbose=False)
    # The halves of one cluster follow the same state; shifted by half the recording they do not.
    shifted = np.roll(counts(odds), 50, axis=0)
    apart = mi.run(counts(evens), shifted, random_seed=0, verbose=False)
    assert same.mi_estimate > apart.mi_estimate + 0.1


def test_trials_of_a_task_go_into_a_glm_hmm():
    trials = tasks.ideal_trials("PerceptualDecisionMaking-v0", 3000, seed=1, cohs=(0, 3.2, 6.4))
    table = trials.require("coh", "ground_truth", "choice")
    side = 2 * table["ground_truth"].to_numpy() - 1
    stimulus = (table["coh"].to_numpy() * side)[:, None]
    choice = table["choice"].to_numpy()  # 0 or 1, as the contract of trials has it
    model = glmhmm.GLMHMM(1, regularizer_strength=1e-3).fit(stimulus, choice)
    weight = float(np.asarray(model.coef_).squeeze())
    # An observer that knows the noise follows a logistic curve well: no bias, the right slope.
    predicted = 1 / (1 + np.exp(-(stimulus[:, 0] * weight + float(np.squeeze(model.intercept_)))))
    observed = pd.Series(choice).groupby(stimulus[:, 0]).mean()
    fitted = pd.Series(predicted).groupby(stimulus[:, 0]).mean()
    assert weight > 0
    np.testing.assert_allclose(fitted, observed, atol=0.05)


def test_rates_of_a_network_become_features_of_a_field_potential(run):
    rates = run.population_rates(bin_width=0.005).values
    proxy = circuit_inference.FieldPotential(kernel=False).compute_proxy(
        method="FR", sim_data={"FR": rates.T}, sim_step=None
    )
    frame = pd.DataFrame({"Data": [np.asarray(proxy)]})
    features = circuit_inference.Features(method="catch22").compute_features(frame)
    values = np.asarray(features["Features"].iloc[0])
    assert values.shape == (22,)
    assert np.isfinite(values).all()


def test_the_pipelines_of_the_site_are_ten_of_fewer_than_25_lines():
    page = (Path(__file__).parent.parent / "docs" / "pipelines.md").read_text("utf-8")
    parts = re.split(r"(?m)^## ", page)[1:]
    cells = {
        part.partition("\n")[0]: re.findall(r"(?s)```{code-cell} ipython3\n(.*?)```", part)
        for part in parts
    }
    assert sorted(map(len, cells.values())) == [1] * len(cells)
    lengths = [len([x for x in code.splitlines() if x.strip()]) for (code,) in cells.values()]
    assert len(lengths) >= 10
    assert max(lengths) < 25
    # Each is a script of its own but for the files: it imports what it uses.
    assert all("import" in code for (code,) in cells.values())
