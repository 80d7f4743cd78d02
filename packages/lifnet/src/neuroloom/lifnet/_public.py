"""What `neuroloom.lifnet` holds at its top; imported when a name of it is first used."""

from neuroloom.lifnet import analysis, clustered, engine, errors, models, network, plots, theory
from neuroloom.lifnet._analysis._analyzer import Analyzer
from neuroloom.lifnet._clustered._clustered_network import ClusteredNetwork
from neuroloom.lifnet._config._load import (
    copy_configs,
    load_config,
    save_config,
    shipped_configs,
)
from neuroloom.lifnet._config._schema import Config
from neuroloom.lifnet._engine import Record, Simulation
from neuroloom.lifnet._errors import LifnetError
from neuroloom.lifnet._execution._mean_field_stagers import (
    FullMeanFieldStager,
    ReducedMeanFieldStager,
)
from neuroloom.lifnet._execution._repeater import Repeater
from neuroloom.lifnet._execution._snn_stager import StageSNNSimulation
from neuroloom.lifnet._execution._sweep import MeanFieldBaseSweepRunner, SNNBaseSweepRunner
from neuroloom.lifnet._lif_net import LIFNet
from neuroloom.lifnet._network import (
    Bernoulli,
    CurrentInput,
    Delta,
    Exponential,
    FixedIndegree,
    Network,
    Normal,
    PoissonInput,
    Population,
    Projection,
)
from neuroloom.lifnet._theory._continuation import bifurcation_diagram
from neuroloom.lifnet._theory._fixed_points import fixed_points
from neuroloom.lifnet._theory._landscape import landscape
from neuroloom.lifnet._theory._mean_field import LIFMeanField
from neuroloom.lifnet._version import __version__

__all__ = [
    "Analyzer",
    "Bernoulli",
    "ClusteredNetwork",
    "Config",
    "CurrentInput",
    "Delta",
    "Exponential",
    "FixedIndegree",
    "FullMeanFieldStager",
    "LIFMeanField",
    "LIFNet",
    "LifnetError",
    "MeanFieldBaseSweepRunner",
    "Network",
    "Normal",
    "PoissonInput",
    "Population",
    "Projection",
    "Record",
    "ReducedMeanFieldStager",
    "Repeater",
    "SNNBaseSweepRunner",
    "Simulation",
    "StageSNNSimulation",
    "__version__",
    "analysis",
    "bifurcation_diagram",
    "clustered",
    "copy_configs",
    "engine",
    "errors",
    "fixed_points",
    "landscape",
    "load_config",
    "models",
    "network",
    "plots",
    "save_config",
    "shipped_configs",
    "theory",
]
