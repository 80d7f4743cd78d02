"""Train a stable-baselines3 agent on random dots through the gymnasium door.

``python reinforcement_ppo.py [out.json]`` needs ``neuroloom-tasks[rl]``. The agent sees one step
at a time and keeps nothing, so the best it can do is to answer by a single look.
"""

from __future__ import annotations

import json
import sys
import time

import gymnasium
from scipy.stats import norm
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

import neuroloom.tasks as tasks

TASK = "perceptualdecisionmaking.roitman02-v0"
COHS = (0, 6.4, 12.8, 25.6, 51.2)


def main() -> None:
    start = time.perf_counter()
    envs = make_vec_env(
        lambda: gymnasium.make(f"neuroloom/{TASK}", cohs=COHS, trials_per_episode=20),
        n_envs=8,
        seed=1,
    )
    agent = PPO(
        "MlpPolicy", envs, n_steps=256, batch_size=256, learning_rate=1e-3, gamma=0.8, seed=1
    )
    agent.learn(60_000)
    # Streams of another seed: none of these trials was trained on.
    trials = tasks.run_trials(TASK, agent, 4000, cohs=COHS, seed=2).table
    chance = tasks.run_trials(TASK, "random", 4000, cohs=COHS, seed=2).table
    task = tasks.get_task(TASK)
    sigma = task.sigma / task.dt**0.5
    one_look = sum(norm.cdf(coh / 100 / (2**0.5 * sigma)) for coh in COHS) / len(COHS)
    result = {
        "agent": float(trials["correct"].mean()),
        "random_actions": float(chance["correct"].mean()),
        "coin_flips": 0.5,
        "best_by_one_look": float(one_look),
        "reward_per_trial": float(trials["reward"].mean()),
        "seconds": time.perf_counter() - start,
    }
    print(json.dumps(result, indent=1))
    if len(sys.argv) > 1:
        with open(sys.argv[1], "w") as file:
            json.dump(result, file, indent=1)


if __name__ == "__main__":
    main()
