"""One simulator with one network, in a process of its own.

``python spiking_worker.py SIMULATOR NETWORK.npz '{"n_threads": 1, "dtype": "float64", …}'`` builds
the network, warms up, says so, and then answers every line ``SECONDS`` on its input with a line of
JSON: wall and CPU seconds of simulating that long, and the rates of the four groups.
"""

from __future__ import annotations

import importlib.util
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


class Lifnet:
    def __init__(self, net, options):
        from neuroloom.lifnet._engine import Cells, Connectivity, CountDrive

        n = len(net["threshold"])
        self.options, self.dt, self.net = options, options["dt"], net
        self.cells = Cells.create(
            n, tau_membrane=0.02, tau_synaptic=0.005, tau_refractory=0.005,
            threshold=net["threshold"],
        )  # fmt: skip
        steps = round(options["delay"] / self.dt)
        self.connectivity = Connectivity.from_csr(
            net["indptr"], net["indices"], net["weights"], delay_steps=steps
        )
        mean = [float(net["rate"]) * self.dt]
        self.drive = CountDrive.poisson(mean, np.zeros(n, int), np.full(n, float(net["j_ext"])))
        self.first, self.state = 0, None
        self.memory = self.connectivity.nbytes / self.connectivity.n_synapses

    def run(self, seconds):
        from neuroloom.lifnet._engine import simulate

        steps = round(seconds / self.dt)
        run = simulate(
            self.cells, self.connectivity, n_steps=steps, delta_t=self.dt, drives=[self.drive],
            state=self.state, first_step=self.first, dtype=self.options["dtype"],
            n_threads=self.options["n_threads"], seed=1,
        )  # fmt: skip
        self.first, self.state = self.first + steps, run.state
        return run.spike_ids


class Nest:
    def __init__(self, net, options):
        import nest

        self.nest = nest
        nest.set_verbosity("M_ERROR")
        nest.ResetKernel()
        dt, delay = options["dt"] * 1e3, options["delay"] * 1e3
        nest.SetKernelStatus({"resolution": dt, "local_num_threads": options["n_threads"]})
        n, c, tau = len(net["threshold"]), 250.0, 5.0
        self.cells = nest.Create(
            "iaf_psc_exp", n,
            params={
                "C_m": c, "tau_m": 20.0, "tau_syn_ex": tau, "tau_syn_in": tau, "E_L": 0.0,
                "V_m": 0.0, "V_reset": 0.0, "V_th": 1.5, "t_ref": 5.0, "I_e": 0.0,
            },
        )  # fmt: skip
        self.cells.set({"V_th": list(net["threshold"])})
        source = np.repeat(np.arange(n), np.diff(net["indptr"])) + 1
        nest.Connect(
            source, net["indices"].astype(int) + 1, "one_to_one",
            {"weight": net["weights"] * c / tau, "delay": np.full(len(source), delay),
             "synapse_model": "static_synapse"},
        )  # fmt: skip
        drive = nest.Create("poisson_generator", params={"rate": float(net["rate"])})
        nest.Connect(
            drive, self.cells, "all_to_all",
            {"weight": float(net["j_ext"]) * c / tau, "delay": delay},
        )  # fmt: skip
        self.recorder = nest.Create("spike_recorder")
        nest.Connect(self.cells, self.recorder)
        nest.Prepare()

    def run(self, seconds):
        before = self.recorder.n_events
        self.nest.Run(seconds * 1e3)
        return None if before is None else before

    def spikes(self, before):
        return np.asarray(self.recorder.events["senders"][before:]) - 1


class Brian2:
    def __init__(self, net, options):
        import brian2 as b

        self.b, self.options = b, options
        self.folder = tempfile.mkdtemp(prefix="brian2-bench-")
        b.prefs.core.default_float_dtype = getattr(np, options["dtype"])
        threads = options["n_threads"]
        b.prefs.devices.cpp_standalone.openmp_threads = 0 if threads == 1 else threads
        b.set_device("cpp_standalone", build_on_run=False, directory=self.folder)
        b.defaultclock.dt = options["dt"] * b.second
        n, taus = len(net["threshold"]), 0.005
        names = {"taum": 0.02 * b.second, "taus": taus * b.second}
        group = b.NeuronGroup(
            n,
            """dv/dt = -v/taum + g : 1 (unless refractory)
               dg/dt = -g/taus : Hz
               theta : 1 (constant)""",
            threshold="v >= theta", reset="v = 0", method="exact",
            # Brian2 counts the step of the spike itself, the others hold the reset 5 ms longer.
            refractory=5 * b.ms + options["dt"] * b.second,
            namespace=names,
        )  # fmt: skip
        group.theta = net["threshold"]
        source = np.repeat(np.arange(n), np.diff(net["indptr"]))
        synapses = b.Synapses(
            group, group, "w : Hz (constant)", on_pre="g_post += w",
            delay=options["delay"] * b.second,
        )  # fmt: skip
        synapses.connect(i=source, j=net["indices"].astype(int))
        synapses.w = net["weights"] / taus * b.Hz
        drive = b.PoissonInput(
            # Binomial counts: of so many sources that they are Poisson's, as everywhere else.
            group, "g", 320_000, float(net["rate"]) / 320_000 * b.Hz,
            weight=float(net["j_ext"]) / taus * b.Hz,
        )  # fmt: skip
        self.monitor = b.SpikeMonitor(group)
        self.net = b.Network(group, synapses, drive, self.monitor)
        # Standalone code has its duration compiled in: one run of it is what is timed.
        # CPU time of the steps alone: the program loads its arrays before them.
        b.device.insert_code("before_network_run", "const clock_t bench_clock = clock();")
        b.device.insert_code(
            "after_network_run",
            'std::ofstream("bench_cpu.txt") << double(clock() - bench_clock) / CLOCKS_PER_SEC;',
        )
        self.net.run(options["seconds"] * b.second)
        b.device.build(directory=self.folder, compile=True, run=False)

    def run(self, seconds):
        self.b.device.run(self.folder, with_output=False, run_args=[])
        return None

    def timed(self):
        cpu = float((Path(self.folder) / "bench_cpu.txt").read_text())
        return self.b.device._last_run_time, cpu

    def spikes(self, _):
        return np.asarray(self.monitor.i)


class Seed:
    def __init__(self, net, options):
        import torch

        # The one file: the package around it needs more than is installed here.
        file = "neuro_mod/core/spiking_net/core/lif_net.py"
        spec = importlib.util.spec_from_file_location(
            "lif_net", Path(options["seed_repository"]) / file
        )
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        LIFNet = module.LIFNet

        torch.set_num_threads(options["n_threads"])
        self.torch, self.dt, self.rate = torch, options["dt"], float(net["rate"])
        n = self.n = len(net["threshold"])
        weights = np.zeros((n, n))
        source = np.repeat(np.arange(n), np.diff(net["indptr"]))
        weights[net["indices"], source] = net["weights"]
        j = float(net["j_ext"]) * np.sqrt(n)
        self.model = LIFNet(
            torch.as_tensor(weights), [j, j, 0.0, 0.0], 0.02, 0.005, 0.005,
            torch.as_tensor(net["threshold"]), 0.0, self.dt,
        )  # fmt: skip
        self.generator = np.random.default_rng(1)

    def run(self, seconds):
        steps = round(seconds / self.dt)
        external = np.zeros((steps, 4, self.n))
        external[:, 0] = self.generator.poisson(self.rate * self.dt, (steps, self.n))
        zero = self.torch.zeros(self.n, dtype=self.torch.float64)
        _, _, spikes = self.model.forward(
            zero, zero.clone(), self.torch.zeros((steps, self.n), dtype=self.torch.float64),
            self.torch.as_tensor(external),
        )  # fmt: skip
        return np.nonzero(spikes.numpy())[1]


def peak_mb():
    """Return the most memory that this process has held."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # What getrusage says counts in the process that started this one.
    line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main():
    simulator, path, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    with np.load(path) as file:
        net = dict(file)
    started = time.perf_counter()
    worker = {"lifnet": Lifnet, "nest": Nest, "brian2": Brian2, "seed": Seed}[simulator](
        net, options
    )
    build = time.perf_counter() - started
    worker.run(options["warm_up"])
    print(json.dumps({"ready": True, "build_s": build}), flush=True)
    for line in sys.stdin:
        seconds = float(line)

        def cpu():
            return sum(
                resource.getrusage(who).ru_utime + resource.getrusage(who).ru_stime
                for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            )

        wall, used = time.perf_counter(), cpu()
        found = worker.run(seconds)
        wall, used = time.perf_counter() - wall, cpu() - used
        if simulator == "brian2":
            wall, used = worker.timed()  # by its own clocks
            seconds = options["seconds"]
        ids = found if simulator in ("lifnet", "seed") else worker.spikes(found)
        group = net["group"]
        counts = np.bincount(group[ids], minlength=4)
        rates = counts / np.bincount(group) / seconds
        answer = {
            "wall_per_s": wall / seconds,
            "cpu_per_s": used / seconds,
            "cpu_per_wall": used / wall,
            "rates_hz": rates.tolist(),
            "peak_mb": None if simulator == "brian2" else peak_mb(),
            "bytes_per_synapse": getattr(worker, "memory", None),
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
