"""
What is the psychometric curve of a trained network?
====================================================

A small gated network learns random dots from batches of the task. Its choices on held-out trials
are compared with those of the ideal observer.
"""

import torch

from neuroloom import tasks

options = {"env": "PerceptualDecisionMaking-v0", "align": "trial", "output": "torch", "seed": 1}
data = tasks.Dataset(batch_size=32, **options)
torch.manual_seed(1)
network, readout = torch.nn.GRU(data.plan.n_channels, 16), torch.nn.Linear(16, data.plan.n_actions)
optimizer = torch.optim.Adam([*network.parameters(), *readout.parameters()], lr=1e-2)
for batch in (data.batch() for _ in range(200)):
    answer = readout(network(batch.inputs)[0][-1])
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(answer, batch.target[-1]).backward()
    optimizer.step()

test = tasks.Dataset(batch_size=4000, split="test", **options).batch()
correct = readout(network(test.inputs)[0][-1]).argmax(1) == test.target[-1]
table = {"coh": test.conditions["coh"][0], "correct": correct.numpy()}
ideal = tasks.ideal_trials("PerceptualDecisionMaking-v0", 8000, seed=1)
ax = tasks.psychometric(ideal).plot(label="ideal observer", color="black")
tasks.psychometric(table).plot(ax=ax, label="network after 200 batches", color="C1")
ax.set(xlabel="coherence (%)", ylabel="fraction correct")
ax.legend()
