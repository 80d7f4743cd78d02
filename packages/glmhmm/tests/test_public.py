import subprocess
import sys

import neuroloom.glmhmm as nmo


def test_all_is_sorted_and_complete():
    assert nmo.__all__ == sorted(nmo.__all__)
    assert all(hasattr(nmo, name) for name in nmo.__all__)
    public = {name for name in vars(nmo) if not name.startswith("_")}
    assert public == set(nmo.__all__) - {"__version__"}


def test_doors_of_the_reference():
    from neuroloom.glmhmm.glm_hmm import GLMHMM
    from neuroloom.glmhmm.glm_hmm.initialize_parameters import InitFunctionGLM
    from neuroloom.glmhmm.hmm.initialize_parameters import InitFunctionHMM

    assert nmo.glm_hmm.GLMHMM is GLMHMM is nmo.GLMHMM
    assert InitFunctionGLM.__call__
    assert InitFunctionHMM.__call__
    for name in ("Bernoulli", "Poisson", "Gamma", "NegativeBinomial", "Gaussian"):
        kind = getattr(nmo.observation_models, f"{name}Observations")
        assert repr(kind()) == f"{name}Observations()"


def test_import_is_light_and_touches_nothing():
    code = (
        "import sys, jax; before = jax.config.jax_enable_x64; import neuroloom.glmhmm;"
        "assert jax.config.jax_enable_x64 == before;"
        "assert not {'pynapple', 'torch', 'matplotlib.pyplot_'} & set(sys.modules);"
        "from jax._src import xla_bridge; assert not xla_bridge._backends"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
