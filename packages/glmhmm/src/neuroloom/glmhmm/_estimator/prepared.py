"""From users' data and parameters to packed ones and back."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em import em
from neuroloom.glmhmm._em.mstep import Model
from neuroloom.glmhmm._em.packing import Layout, Trials, lay_out, pack
from neuroloom.glmhmm._em.shapes import (
    as_arrays,
    double_precision,
    from_core,
    to_core,
)
from neuroloom.glmhmm._errors import (
    CollinearWarning,
    InputError,
    NotFittedError,
    SeparationWarning,
    fail,
    fail_type,
)
from neuroloom.glmhmm._estimator.configured import Configured
from neuroloom.glmhmm._families.families import Observations
from neuroloom.glmhmm._input.trials import Data, read, read_design
from neuroloom.glmhmm._model import settings
from neuroloom.glmhmm._start.initializers import initialize

_FITTED = ("coef_", "intercept_", "scale_", "initial_prob_", "transition_prob_")


class Prepared(Configured):
    """An estimator that can read data and parameters, and keep fitted ones."""

    def _check_fitted(self) -> None:
        missing = [name for name in _FITTED if not hasattr(self, name)]
        if missing:
            raise NotFittedError(
                f"this GLMHMM is not fitted; missing attributes: {missing}. Call fit first"
            )

    @property
    def _params(self) -> tuple[Any, ...]:
        self._check_fitted()
        return self.coef_, self.intercept_, self.scale_, self.initial_prob_, self.transition_prob_

    def _read(self, X: Any, y: Any, session_starts: Any) -> Data:
        return read(X, y, session_starts, self.missing)  # type: ignore[arg-type]

    def _check_data(self, data: Data) -> None:
        """Check what a fit needs beyond the data's form."""
        family = self.observation_model
        family.check(data.y, data.observed)
        settings.n_outputs(family, data.y)
        self.n_features_in_ = data.x.shape[1]
        seen = data.y[data.observed]
        if type(family).__name__ == "BernoulliObservations" and (seen == seen[:1]).all():
            warnings.warn(
                f"y holds only one value, {np.ravel(seen)[0]:g}: "
                "the intercepts have no finite optimum",
                SeparationWarning,
                stacklevel=3,
            )
        x = data.x[data.observed]
        full = np.column_stack([x, np.ones(len(x))])
        if len(x) >= full.shape[1] and np.linalg.matrix_rank(full.T @ full) < full.shape[1]:
            warnings.warn(
                "X has columns that are linear combinations of others or of the intercept; "
                "the weights are not unique",
                CollinearWarning,
                stacklevel=3,
            )

    def _inputs(self, transition_inputs: Any, data: Data) -> NDArray[np.float64] | None:
        if transition_inputs is None:
            return None
        u = read_design(transition_inputs).matrix
        if len(u) != len(data.kept):
            raise fail("transition_inputs", f"{len(data.kept)} trials", f"{len(u)}")
        if not np.isfinite(u[data.kept]).all():
            raise fail("transition_inputs", "finite values", "NaN or infinity")
        return u[data.kept]

    def _pack(
        self, data: Data, inputs: NDArray[np.float64] | None, *, full: bool = False
    ) -> tuple[Layout, Trials, Model]:
        layout = lay_out(data.starts)
        trials = as_arrays(pack(layout, data.x, data.y, data.starts, data.observed, inputs))
        model = self._model(layout.split, inputs is not None, full=full)
        return layout, trials, model

    def _model(self, split: bool, driven: bool, *, full: bool = False) -> Model:
        named = self.__dict__["solver_name"]
        kwargs = self.solver_kwargs
        wide = getattr(self, "n_features_in_", 0) > 200 and self.regularizer.smooth
        return Model(
            self.observation_model,
            self.inverse_link_function,
            split=split,
            smooth=self.regularizer.smooth,
            driven=driven,
            solver=named or ("LBFGS" if wide else "newton"),
            full=full,
            solver_tol=float(kwargs.get("tol", 1e-8)),
            solver_maxiter=int(kwargs.get("maxiter", kwargs.get("maxsteps", 500))),
        )

    def _prior(self, data: Data) -> em.Prior:
        k = self.n_states
        shape = (k, settings.n_outputs(self.observation_model, data.y))
        design = data.design
        penalty = self.regularizer.build(
            self.__dict__["regularizer_strength"], design.widths, design.structure, shape
        )
        initial, transition = self.dirichlet_initial_proba, self.dirichlet_transition_proba
        prior = em.Prior(
            penalty,
            np.ones(k) if initial is None else initial,
            np.ones((k, k)) if transition is None else transition,
            np.ones(()),
        )
        return as_arrays(prior)  # type: ignore[no-any-return]

    def _initialize(self, data: Data) -> tuple[Any, ...]:
        x, y, starts = (
            data.x[data.observed],
            data.y[data.observed],
            data.starts[data.observed].copy(),
        )
        starts[:1] = True
        X = x if data.design.structure is None else data.design.unflatten(x.T)
        if data.design.structure is not None:
            X = jax.tree.map(lambda a: a.T, X)
        link, family = self.inverse_link_function, self.observation_model
        found = initialize(
            self.n_states,
            X,
            y,
            starts,
            self.seed,
            link,
            family,
            self.hmm_initialization_funcs,
            self.model_initialization_funcs,
        )
        return found

    def _to_core(self, params: Any, data: Data) -> em.Parameters:
        """Return user parameters checked and in the programs' layout."""
        if not isinstance(params, (tuple, list)):
            raise fail_type(
                "init_params", "a 5-tuple (coef, intercept, scale, initial, transition)", params
            )
        if len(params) != 5:
            raise fail(
                "init_params", "5 parts (coef, intercept, scale, initial, transition)", len(params)
            )
        coef, intercept, scale, initial, transition = params
        k = self.n_states
        outputs = self._outputs(data.y)
        n_features = data.x.shape[1]
        structure = data.design.structure
        if structure is not None:
            try:
                leaves = structure.flatten_up_to(coef)
            except ValueError as error:
                raise InputError(f"init_params: expected a coef like X, {error}") from error
            coef = np.concatenate([np.asarray(leaf, dtype=np.float64) for leaf in leaves])
        coef = np.asarray(coef, dtype=np.float64)
        if coef.shape != (n_features, *outputs, k):
            raise fail(
                "init_params", f"a coef of shape {(n_features, *outputs, k)}", f"shape {coef.shape}"
            )
        for name, value in (("an intercept", intercept), ("a scale", scale)):
            if np.shape(value) != (*outputs, k) and not (
                name == "a scale" and np.shape(value) == (k,)
            ):
                raise fail(
                    "init_params", f"{name} of shape {(*outputs, k)}", f"shape {np.shape(value)}"
                )
        for name, value in (("coef", coef), ("intercept", intercept), ("scale", scale)):
            if not np.isfinite(np.asarray(value, dtype=np.float64)).all():
                raise fail("init_params", f"a finite {name}", "NaN or infinity")
        if (np.asarray(scale) <= 0).any():
            raise fail("init_params", "a scale above 0", f"{np.min(scale)}")
        core = to_core(
            coef,
            intercept,
            scale,
            settings.probabilities("initial_prob", initial, (k,)),
            settings.probabilities("transition_prob", transition, (k, k)),
        )
        self._check_rates(core, data)
        return core

    def _check_rates(self, core: em.Parameters, data: Data) -> None:
        link = self.inverse_link_function
        if not self.observation_model.positive_mean or link in settings.INTO_UNIT:
            return
        x = data.x[data.observed]
        eta = core.weights[..., :-1] @ x.T + core.weights[..., -1:]
        with double_precision():
            rate = np.asarray(link(jax.numpy.asarray(eta)))
        if not (rate >= 0).all() or not np.isfinite(rate).all():
            row = int(np.argwhere(~((rate >= 0) & np.isfinite(rate)))[0][-1])
            raise fail(
                "init_params",
                "positive finite rates at the start",
                f"{rate[..., row].min():g} in row {row}",
            )

    def _outputs(self, y: NDArray[np.float64]) -> tuple[int, ...]:
        if self.observation_model.couples:
            return (self.observation_model.n_outputs(y),)
        return () if y.ndim == 1 else (y.shape[1],)

    def _base(self, data: Data) -> float:
        if type(self.observation_model).base is Observations.base:
            return 0.0
        seen = data.y[data.observed]
        return float(np.sum(np.asarray(self.observation_model.base(jax.numpy.asarray(seen)))))

    def _set_fitted(self, parameters: em.Parameters, data: Data) -> None:
        single = data.y.ndim == 1 and not self.observation_model.couples
        coef, intercept, scale, initial, transition = from_core(parameters, single)
        self.coef_ = data.design.unflatten(coef)
        self.intercept_ = intercept
        self.scale_ = scale if self.observation_model.has_scale else np.ones_like(scale)
        self.initial_prob_ = initial
        self.transition_prob_ = transition
        drive = np.array(parameters.drive, dtype=np.float64)
        if drive.shape[-1]:
            self.transition_coef_ = drive.transpose(2, 0, 1)
        elif hasattr(self, "transition_coef_"):
            del self.transition_coef_
        self.dof_resid_ = self._dof(parameters, data)

    def _dof(self, parameters: em.Parameters, data: Data) -> float:
        k = self.n_states
        weights = np.asarray(parameters.weights)
        name = type(self.regularizer).__name__
        if name in ("Lasso", "ElasticNet", "GroupLasso"):
            n_weights = int(np.count_nonzero(weights[..., :-1]))
        elif name == "UnRegularized":
            n_weights = int(np.linalg.matrix_rank(data.x[data.observed])) * weights[..., 0].size
        else:
            n_weights = weights[..., :-1].size
        n = data.n_trials
        return float(n - n_weights - weights[..., -1].size - (k - 1) - k * (k - 1))
