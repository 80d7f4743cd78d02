"""One run of the default network: outputs, a picture and metadata in ``simulations/test_sim/``."""

from neuroloom.lifnet import load_config
from neuroloom.lifnet.execution.stagers import StageSNNSimulation


def main() -> None:
    """Run, save and draw."""
    config = load_config("configs/default_snn_params.yaml").with_settings(save=True, plot=True)
    stager = StageSNNSimulation(config)
    outputs = stager.execute(plot_arg="spikes")
    print(f"{int(outputs['spikes'].sum())} spikes, written to {stager.directory}")


if __name__ == "__main__":
    main()
