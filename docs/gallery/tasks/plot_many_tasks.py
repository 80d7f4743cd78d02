"""
How does one network see twenty tasks?
======================================

A batch of mixed tasks, as used to train a network: channels over time, of which the last twenty
are the rule.
"""

import numpy as np

from neuroloom import tasks
from neuroloom.shared import axes

data = tasks.Dataset(tasks.mix("yang19"), batch_size=4, seq_len=120, seed=1)
batch = data.batch()
ax = axes()
ax.set(xlabel="step", ylabel="channel")
image = ax.imshow(np.asarray(batch.inputs)[:, 0].T, aspect="auto", cmap="Greys", origin="lower")
ax.figure.colorbar(image, label="input")
