"""What `neuroloom.lifnet` holds at its top; imported when a name of it is first used."""

from neuroloom.lifnet import (
    analysis as analysis,
)
from neuroloom.lifnet import (
    clustered as clustered,
)
from neuroloom.lifnet import (
    engine as engine,
)
from neuroloom.lifnet import (
    errors as errors,
)
from neuroloom.lifnet import (
    models as models,
)
from neuroloom.lifnet import (
    network as network,
)
from neuroloom.lifnet import (
    plots as plots,
)
from neuroloom.lifnet import (
    theory as theory,
)
from neuroloom.lifnet._analysis._analyzer import Analyzer as Analyzer
from neuroloom.lifnet._clustered._clustered_network import ClusteredNetwork as ClusteredNetwork
from neuroloom.lifnet._config._load import (
    copy_configs as copy_configs,
)
from neuroloom.lifnet._config._load import (
    load_config as load_config,
)
from neuroloom.lifnet._config._load import (
    save_config as save_config,
)
from neuroloom.lifnet._config._load import (
    shipped_configs as shipped_configs,
)
from neuroloom.lifnet._config._schema import Config as Config
from neuroloom.lifnet._engine import Record as Record
from neuroloom.lifnet._engine import Simulation as Simulation
from neuroloom.lifnet._errors import LifnetError as LifnetError
from neuroloom.lifnet._execution._mean_field_stagers import (
    FullMeanFieldStager as FullMeanFieldStager,
)
from neuroloom.lifnet._execution._mean_field_stagers import (
    ReducedMeanFieldStager as ReducedMeanFieldStager,
)
from neuroloom.lifnet._execution._repeater import Repeater as Repeater
from neuroloom.lifnet._execution._snn_stager import StageSNNSimulation as StageSNNSimulation
from neuroloom.lifnet._execution._sweep import (
    MeanFieldBaseSweepRunner as MeanFieldBaseSweepRunner,
)
from neuroloom.lifnet._execution._sweep import (
    SNNBaseSweepRunner as SNNBaseSweepRunner,
)
from neuroloom.lifnet._lif_net import LIFNet as LIFNet
from neuroloom.lifnet._network import (
    Bernoulli as Bernoulli,
)
from neuroloom.lifnet._network import (
    CurrentInput as CurrentInput,
)
from neuroloom.lifnet._network import (
    Delta as Delta,
)
from neuroloom.lifnet._network import (
    Exponential as Exponential,
)
from neuroloom.lifnet._network import (
    FixedIndegree as FixedIndegree,
)
from neuroloom.lifnet._network import (
    Network as Network,
)
from neuroloom.lifnet._network import (
    Normal as Normal,
)
from neuroloom.lifnet._network import (
    PoissonInput as PoissonInput,
)
from neuroloom.lifnet._network import (
    Population as Population,
)
from neuroloom.lifnet._network import (
    Projection as Projection,
)
from neuroloom.lifnet._theory._continuation import bifurcation_diagram as bifurcation_diagram
from neuroloom.lifnet._theory._fixed_points import fixed_points as fixed_points
from neuroloom.lifnet._theory._landscape import landscape as landscape
from neuroloom.lifnet._theory._mean_field import LIFMeanField as LIFMeanField
from neuroloom.lifnet._version import __version__ as __version__
