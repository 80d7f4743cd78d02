"""Torch as this package needs it, whatever the caller has set, and left as it was."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

# Modules draw from torch's one global generator: threads take turns.
GENERATOR = threading.RLock()


class _Held:
    """What the caller had set, kept from the first thread that comes to the last that goes."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.dtype = torch.float32
        self.threads = 1

    def take(self) -> None:
        with self.lock:
            if not self.users:
                self.dtype, self.threads = torch.get_default_dtype(), torch.get_num_threads()
                torch.set_default_dtype(torch.float32)
            self.users += 1
        torch.set_num_threads(1)  # each thread has its own number

    def give(self) -> None:
        with self.lock:
            self.users -= 1
            if not self.users:
                torch.set_default_dtype(self.dtype)
                torch.set_num_threads(self.threads)


_HELD = _Held()


def _on_cpu() -> AbstractContextManager[object]:
    """Return a context in which new tensors lie on the CPU.

    torch passes every call through Python within a device's context, which takes longer than small
    networks do: where tensors lie on the CPU anyhow, there is none.
    """
    return nullcontext() if torch.empty(0).device.type == "cpu" else torch.device("cpu")


@contextmanager
def own_torch() -> Iterator[None]:
    """Compute in float32, on one thread, on the CPU unless told otherwise, with gradients.

    The default dtype and device, the number of threads, the gradient mode and autocast are the
    caller's again afterwards. Generators are not touched.
    """
    _HELD.take()
    try:
        with (
            _on_cpu(),
            torch.inference_mode(False),
            torch.enable_grad(),
            torch.autocast("cpu", enabled=False),
        ):
            yield
    finally:
        _HELD.give()
