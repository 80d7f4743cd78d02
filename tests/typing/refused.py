"""Slips that type checkers find: each line with ``# error`` is reported, no other one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import neuroloom.glmhmm as nmo
from neuroloom import mi, shared

x = np.zeros((9, 2))
mi.run(x, x, mode="estimat")  # error
mi.run(x, x, "lags")  # error
mi.run(x, x, "lag", sweep_grid={})  # error
mi.run(x, x, "sweep", sweep_grid={}).mi_estimate + 1.0  # error
mi.run(x, x, n_permutation=9)  # error
mi.run(x, x, lag_range=range(3))  # error
mi.run(x, x, estimator="kgs")  # error
mi.run(x, x, output_units="bit")  # error
mi.run(x, x, mode="sweep", sweep_grid={"embedding_dim": [2]}).mi_estimate + 1.0  # error
nmo.GLMHMM(2, observation_model="Bernouli")  # error
nmo.GLMHMM(2, regularizer="Rigde")  # error
nmo.GLMHMM(2, solver_name="Newton")  # error
nmo.GLMHMM(2, n_inits=3)  # error
shared.load(Path("s.npz"), shared.SpikeTrains).count(0.5)  # error
shared.load(Path("s.npz"), dict)  # error
