"""What joblib's backends can do, and what each needs."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any, Literal

from joblib.parallel import get_active_backend

from neuroloom.shared.checks import did_you_mean, fail
from neuroloom.shared.parallel._ray import Dealt
from neuroloom.shared.parallel._threads import inside_map, n_cores
from neuroloom.shared.parallel._watch import Work

_BACKENDS = ("loky", "threading", "multiprocessing", "sequential", "dask", "ray")
Kind = Literal["here", "processes", "dask", "ray"]


def progress_bar(**options: Any) -> Any:
    """Return tqdm's bar for a notebook or a terminal."""
    with warnings.catch_warnings():
        # A notebook without widgets gets the plain bar; tqdm's remark on it helps nobody.
        warnings.filterwarnings("ignore", message="IProgress not found")
        tqdm = importlib.import_module("tqdm.auto").tqdm
    return tqdm(**options)


def kind_of(backend: Any) -> Kind:
    """Return where a joblib backend computes."""
    module = type(backend).__module__
    if any(base.__name__ == "DaskDistributedBackend" for base in type(backend).__mro__):
        return "dask"
    if module.startswith("ray."):
        return "ray"
    shared = getattr(backend, "supports_sharedmem", False)
    return "here" if shared else "processes"


def open_work(n_workers: int | None, backend: str | None) -> tuple[Work, Kind, bool]:
    """Return the engine, where it computes, and whether results come one by one.

    Inside an item of another map, on the same machine, no more workers are started than the item
    has cores.
    """
    options: dict[str, Any] = {} if backend is None else {"backend": backend}
    try:
        work = _work(n_workers, **options)
    except ValueError as error:  # joblib lists the backends that are known
        expected = "a joblib backend (ray's after ray.util.joblib.register_ray())"
        near = did_you_mean(backend, _BACKENDS)
        raise fail("backend", expected, f"{backend!r}: {error}{near}") from error
    kind = kind_of(work._backend)
    if kind in ("here", "processes") and inside_map():
        most = n_cores()
        n = 1 if most == 1 else min(work._backend.effective_n_jobs(work.n_jobs), most)
        work = Work(n_jobs=n, **options) if n > 1 else Work(n_jobs=1, backend="sequential")
        kind = kind_of(work._backend)
    if kind == "dask":
        work._backend = _patient(work._backend)
    if kind == "ray":
        if work._backend.effective_n_jobs(work.n_jobs) == 1:
            warnings.warn(
                "ray has one worker for this map, and joblib computes it in the calling process; "
                "give ray more CPUs, or n_jobs=-1",
                RuntimeWarning,
                stacklevel=5,  # who calls the map
            )
        work.dealt = Dealt()
        work.dealt.attend(work._backend)
    stepwise = bool(getattr(work._backend, "supports_return_generator", False))
    if kind == "here" and work._backend.effective_n_jobs(work.n_jobs) == 1:
        stepwise = True
    work.return_as = "generator_unordered" if stepwise else "list"
    work.return_generator, work.return_ordered = stepwise, not stepwise
    if kind in ("dask", "ray"):
        work.pre_dispatch = "all"  # a cluster may grow, and takes what is waiting
    return work, kind, stepwise


def _work(n_workers: int | None, **options: Any) -> Work:
    """Return the engine; on ray with all of its CPUs if nobody gives a number, as on dask."""
    work = Work(n_jobs=n_workers, **options)
    if kind_of(work._backend) == "ray" and n_workers is None and get_active_backend()[1] is None:
        ray: Any = importlib.import_module("ray")
        if not ray.is_initialized():
            ray.init()
        work.n_jobs = -1
    return work


def n_surrounding_workers() -> int:
    """Return how many workers a surrounding ``joblib.parallel_config`` gives, 1 if there is none.

    For code that is quick enough by itself on one machine and goes to a cluster only if asked to.
    A cluster counts two or more, however small it is now; inside an item of a
    `neuroloom.shared.map` there are no others.

    Examples
    --------
    >>> import joblib
    >>> with joblib.parallel_config(backend="threading", n_jobs=3):
    ...     n_surrounding_workers()
    3
    """
    if inside_map():
        return 1
    work = _work(None)
    far = kind_of(work._backend) in ("dask", "ray")
    n = int(work._backend.effective_n_jobs(work.n_jobs))
    return max(n, 2) if far else max(n, 1)


def n_cores_each(work: Work, kind: Kind) -> int:
    """Return how many cores an item may use: a worker's share of this machine.

    In a cluster it is one: dask and ray give a worker as many items at a time as it has cores, and
    how many this machine has says nothing of others.
    """
    if kind in ("dask", "ray"):
        return 1
    return max(1, n_cores() // max(1, int(work._backend.effective_n_jobs(work.n_jobs))))


def _patient(backend: Any) -> Any:
    """Return a dask backend that computes in the cluster, however small that is now.

    joblib computes in the calling process if a backend has one core: with a cluster that grows,
    all the work would stay on the login node.
    """
    # Not a copy: those of joblib's backend forget the client and the options they were given.
    patient = type(backend)(client=backend.client, **backend.submit_kwargs)
    patient.data_futures = backend.data_futures
    count: Callable[[], int] = lambda: sum(backend.client.ncores().values())  # noqa: E731

    told = False

    def effective_n_jobs(n_jobs: int) -> int:
        nonlocal told
        n = count()
        if n == 0 and not told:  # the map and joblib ask in turn
            told = True
            warnings.warn(
                "the dask cluster has no workers yet; the items wait in its scheduler",
                RuntimeWarning,
                stacklevel=2,
            )
        return max(n, 2)

    def submit(func: Any, callback: Callable[[Any], object] | None = None) -> Any:
        future = backend_submit(func, callback)
        if callback is not None:
            # joblib tells its loop of results alone: after a KilledWorker it would wait for ever.
            future.add_done_callback(lambda done: done.exception() and callback(done.exception()))
        return future

    backend_submit = patient.submit
    patient.effective_n_jobs, patient.submit = effective_n_jobs, submit
    return patient
