"""Other processes compute what this one would: the same links, the same bits."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import jax.numpy as jnp
import joblib
import numpy as np
import pytest

from neuroloom import shared
from neuroloom.glmhmm import GLMHMM
from neuroloom.glmhmm._families.bernoulli import BernoulliObservations
from neuroloom.glmhmm._families.links import LINKS
from neuroloom.glmhmm._families.mixed import Part
from neuroloom.glmhmm._model.parameters import Model
from neuroloom.shared import parallel
from neuroloom.shared.jobs import fingerprint
from neuroloom.shared.parallel._send import cloudpickle  # joblib's or its own, as it has it


def sent(value):
    return cloudpickle.loads(cloudpickle.dumps(value))


def of_ones_own(eta):
    return 1 / (1 + jnp.exp(-eta))


@pytest.mark.parametrize("name", LINKS)
def test_a_named_link_is_itself_in_another_process(name):
    family = BernoulliObservations()
    model = Model(family, LINKS[name], full=True)
    assert sent(model) == model
    assert hash(sent(model)) == hash(model)
    assert sent(Part("choice", family, LINKS[name])).link is LINKS[name]


def test_a_link_of_ones_own_is_sent_as_it_is():
    model = Model(BernoulliObservations(), of_ones_own)
    assert sent(model).link(0.0) == 0.5


@pytest.mark.parametrize("n_init", [4, 30])
def test_the_starts_are_shared_among_workers(n_init):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 2)), rng.binomial(1, 0.5, 400).astype(float)

    def fitted():
        model = GLMHMM(2, n_init=n_init, seed=0, tol=1e-2)
        model.fit(X, y, session_starts=range(0, 400, 50))
        return fingerprint([model.coef_, model.transition_prob_, model.restarts_])

    here = fitted()
    with joblib.parallel_config("threading", n_jobs=3):
        assert fitted() == here


LARGE = """
import numpy as np
from neuroloom.glmhmm import GLMHMM
from neuroloom.shared import parallel
from neuroloom.shared.jobs import fingerprint
from neuroloom.shared.parallel._send import cloudpickle  # joblib's or its own, as it has it

rng = np.random.default_rng(3)
n = 21600
x = rng.normal(size=(n, 2))
side = np.where((np.arange(n) // 60) % 2 == 0, 3 * x[:, 0], 1.5 + 0.2 * x[:, 1])
y = (rng.random(n) < 1 / (1 + np.exp(-side))).astype(float)
model = GLMHMM(2, regularizer_strength=0.25, tol=1e-3, seed=1, n_init=1)
model.fit(x, y, session_starts=np.arange(n) % 120 == 0)
digest = fingerprint([model.coef_, model.intercept_, model.transition_prob_])
"""


def pools_and_share(item):
    jnp.ones(item + 1).sum().block_until_ready()
    names = [(task / "comm").read_text() for task in Path("/proc/self/task").iterdir()]
    return Counter(name for name in names if "XLA" in name), parallel.n_cores()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are read from /proc")
def test_jax_has_as_many_threads_in_a_worker_as_that_has_cores():
    # JAX 0.10 has one pool; 0.12 also has one that compiles and one that executes, each as large as
    # the first. Sampled with a size of 1, one thread of them all was running, on average.
    before = os.environ.get("NPROC")
    for pools, n_cores in shared.map(pools_and_share, range(4), n_workers=2, progress=False):
        assert pools
        assert max(pools.values()) <= n_cores
    assert os.environ.get("NPROC") == before


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs two cores and a way to take one away",
)
def test_a_machine_with_one_core_gives_the_bits_of_one_with_more():
    here: dict[str, str] = {}
    exec(LARGE, here)
    core = min(os.sched_getaffinity(0))
    script = f"import os\nos.sched_setaffinity(0, {{{core}}})\n{LARGE}\nprint(digest)"
    there = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert there.stdout.strip() == here["digest"], there.stderr
