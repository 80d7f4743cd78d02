"""The seed's `FieldPotential`: a thin door onto proxies, kernels and forward models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._proxies import proxy


class FieldPotential:
    """Field potentials of a simulated network, by ncpi 0.2.6's names.

    Parameters
    ----------
    kernel : bool
        Whether kernels will be made.
    nyhead : bool
        Whether the New York head will be used.
    MEEG : str, optional
        ``"EEG"`` or ``"MEG"``.
    CDM_shape : int
        Number of samples of the current dipole moment.

    Examples
    --------
    >>> potential = FieldPotential(kernel=False)
    >>> potential.compute_proxy(method="FR", sim_data={"FR": [[1, 2], [3, 4]]}, sim_step=None)
    array([2., 3.])
    """

    def __init__(
        self,
        kernel: bool = True,
        nyhead: bool = False,
        MEEG: str | None = None,
        CDM_shape: int = 15500,
    ) -> None:
        self.kernel = kernel
        self.nyhead = nyhead
        self.MEEG = MEEG
        self.CDM_shape = CDM_shape

    def compute_proxy(
        self,
        method: str,
        sim_data: Mapping[str, ArrayLike],
        sim_step: float | None = None,
        *,
        excitatory_only: bool | None = None,
        compat: Literal["ncpi"] | None = None,
    ) -> NDArray[np.float64]:
        """Return a proxy; see `proxy` for methods, shapes and errors."""
        return proxy(
            method, sim_data, sim_step=sim_step, excitatory_only=excitatory_only, compat=compat
        )

    def __repr__(self) -> str:
        options: dict[str, Any] = vars(self)
        return f"FieldPotential({', '.join(f'{k}={v!r}' for k, v in options.items())})"
