"""The published result on the ten IBL mice (Ashwood et al. 2022)."""

import numpy as np
import pytest

from neuroloom.glmhmm import GLMHMM


@pytest.fixture(scope="module")
def three_states(ibl):
    model = GLMHMM(
        n_states=3, regularizer_strength=0.25, missing="mask", n_init=12, seed=1, tol=1e-4
    )
    return model.fit(ibl["X"], ibl["y"], session_starts=ibl["starts"])


@pytest.mark.slow
def test_one_engaged_state_and_two_of_opposite_bias(three_states):
    stimulus = three_states.coef_[0]
    engaged = int(np.argmax(stimulus))
    assert stimulus[engaged] > 5.5
    biased = np.delete(three_states.intercept_, engaged)
    assert biased.min() < -1
    assert biased.max() > 1
    assert np.diag(three_states.transition_prob_).min() > 0.94


def test_violations_are_masked(three_states, ibl):
    posterior = three_states.smooth_proba(ibl["X"], ibl["y"], ibl["starts"])
    assert np.isfinite(posterior).all()
    assert len(posterior) == 46_620
    per_trial = three_states.log_likelihood_per_trial(ibl["X"], ibl["y"], ibl["starts"])
    np.testing.assert_allclose(per_trial[np.isnan(ibl["y"])], 0, atol=1e-12)


def test_violations_are_an_error_by_default(ibl):
    with pytest.raises(ValueError, match=r"row \d+ \(session"):
        GLMHMM(n_states=2).fit(ibl["X"], ibl["y"], session_starts=ibl["starts"])
