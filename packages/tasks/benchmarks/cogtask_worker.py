"""braintools.cogtask's side of the benchmark: reads one JSON job a line, answers with a rate.

Run by ``bench.py`` in a virtual environment that has braintools. A batch is drawn by one function
that is compiled once, which is the fastest way found to draw it: `Task.batch_sample` compiles anew
for every place in the stream.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import brainunit
import jax
from braintools import cogtask


def drawer(name: str, batch_size: int) -> Any:
    """Return what draws a batch of trials at steps of 100 ms, from a key."""
    task = getattr(cogtask, name)(dt=100 * brainunit.ms)
    draw = jax.jit(jax.vmap(lambda key: task.sample_trial(key=key)[:2], out_axes=1))
    return lambda key: draw(jax.random.split(key, batch_size))


def run(draw: Any, seconds: float) -> dict[str, Any]:
    """Draw for at least so many seconds, and say how many steps a second."""
    jax.block_until_ready(draw(jax.random.PRNGKey(0)))
    count, n, start, cpu = 0, 0, time.perf_counter(), time.process_time()
    while True:
        n += 1
        _, target = jax.block_until_ready(draw(jax.random.PRNGKey(n)))
        count += target.size
        wall = time.perf_counter() - start
        if wall >= seconds:
            return {"rate": count / wall, "cpu": (time.process_time() - cpu) / wall}


def main() -> None:
    made: dict[tuple[str, int], Any] = {}
    for line in sys.stdin:
        job = json.loads(line)
        key = job["task"], job["batch_size"]
        try:
            if key not in made:
                made[key] = drawer(*key)
            answer = run(made[key], job["seconds"])
        except Exception as error:  # what it cannot do is a finding, and said as one
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
