"""Pictures of agents at work."""

from neuroloom.tasks._neurogym.plotting import (
    plot_env,
    plot_env_1dbox,
    plot_env_3dbox,
    visualize_run,
)
from neuroloom.tasks._neurogym.run_env import run_env
from neuroloom.tasks._neurogym.training_curves import (
    order_by_suffix,
    plot_rew_across_training,
    put_together_files,
)

__all__ = [
    "order_by_suffix",
    "plot_env",
    "plot_env_1dbox",
    "plot_env_3dbox",
    "plot_rew_across_training",
    "put_together_files",
    "run_env",
    "visualize_run",
]
