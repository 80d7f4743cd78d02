"""The seed's `FieldPotential`: a thin layer over proxies, kernels and forward models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._forward.kernels import dipole_kernels
from neuroloom.circuit_inference._forward.proxies import proxy
from neuroloom.circuit_inference._forward.volume_conduction import (
    RADII_UM,
    four_sphere,
    infinite_medium_magnetic,
)
from neuroloom.circuit_inference._ncpi.kernel_parameters import kernel_pathways, of
from neuroloom.circuit_inference._recordings.topomap import electrode_positions
from neuroloom.circuit_inference.errors import ArgumentError, ShapeError, unknown

Array = NDArray[np.float64]


class FieldPotential:
    """Field potentials of a simulated network, by ncpi 0.2.6's names.

    Parameters
    ----------
    kernel : bool
        The seed's switch for LFPykernels. Kernels here are analytic and need nothing installed.
    nyhead : bool
        The seed's switch for the New York head, which is not shipped: M/EEG use the four-sphere
        head and an infinite medium.
    MEEG : {"EEG", "MEG"}, optional
        What `compute_MEEG` returns.
    CDM_shape : int
        Number of samples of the current dipole moment; other lengths work too.

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
        if MEEG not in (None, "EEG", "MEG"):
            raise unknown("MEEG", MEEG, ["EEG", "MEG"])
        self.kernel = kernel
        self.nyhead = nyhead
        self.MEEG = MEEG
        self.CDM_shape = CDM_shape
        self.H_YX: dict[str, dict[str, Array]] = {}

    def compute_proxy(
        self,
        method: str,
        sim_data: Mapping[str, ArrayLike],
        sim_step: float | None = None,
        *,
        excitatory_only: bool | None = None,
        compat: Literal["ncpi"] | None = None,
    ) -> Array:
        """Return a proxy; see `proxy` for methods, shapes and errors."""
        return proxy(
            method, sim_data, sim_step=sim_step, excitatory_only=excitatory_only, compat=compat
        )

    def create_kernel(
        self,
        MC_folder: str | None,
        output_path: str | None,
        params: Any,
        biophys: Sequence[str] | None,
        dt: float,
        tstop: float,
        electrodeParameters: Mapping[str, Any] | None = None,
        CDM: bool = True,
    ) -> dict[str, dict[str, Array]]:
        """Return kernels by pathway ``"Y:X"``, each a mapping of probe to kernel.

        The cable equation of ball-and-stick cells is solved (`neuroloom.circuit_inference.forward`)
        instead of NEURON's; morphologies and `biophys` are not read: cells are those of ncpi's
        example, with its linearised membranes. Connection probabilities are taken per pair
        ``[X][Y]``.

        Parameters
        ----------
        MC_folder, biophys, tstop
            The seed's; unused.
        output_path : str, optional
            Folder with ``spikes.h5``, for the mean rates; 2 and 5 Hz if not given.
        params : object
            With the seed's attributes ``population_names``, ``population_sizes``,
            ``connectionProbability``, ``synapseParameters``, ``delayArguments``,
            ``synapsePositionArguments``, ``MC_params`` and ``tau``; where they are given also
            ``multapseArguments``, ``populationParameters``, ``extSynapseParameters`` and
            ``netstim_interval``, ncpi's own values otherwise.
        dt : float
            Time step in ms.
        electrodeParameters : mapping, optional
            Contacts: ``z`` (µm) and ``sigma`` (S/m) add the probe ``GaussCylinderPotential``: the
            dipole's potential on the axis, in an infinite medium.
        CDM : bool
            Add the probe ``KernelApproxCurrentDipoleMoment``, shape (3, n_kernel), in nA µm.

        Raises
        ------
        ArgumentError
            If `CDM` is not a boolean, or `params` lacks an attribute.
        """
        if not isinstance(CDM, bool):
            raise ArgumentError(f"CDM: expected True or False, got {CDM!r}")
        pathways = kernel_pathways(params, output_path)
        kernels = dipole_kernels(pathways, dt_ms=dt, tau_ms=float(of(params, "tau")))
        self.H_YX = {}
        for name, along_z in kernels.items():
            probes: dict[str, Array] = {}
            if CDM:
                moment = np.zeros((3, along_z.size))
                moment[2] = along_z
                probes["KernelApproxCurrentDipoleMoment"] = moment
            if electrodeParameters is not None:
                probes["GaussCylinderPotential"] = _on_axis(along_z, electrodeParameters)
            self.H_YX[name] = probes
        return self.H_YX

    def compute_MEEG(
        self,
        CDM: ArrayLike,
        location: ArrayLike | None = None,
        cMEG: bool = False,
        *,
        sensors: ArrayLike | None = None,
    ) -> Array:
        """Return scalp potentials (mV, four spheres) or magnetic fields (nA/µm) of a dipole.

        Parameters
        ----------
        CDM : array_like, shape (n_times,) or (3, n_times)
            Current dipole moment in nA µm. One row is a radial dipole where the head is ncpi's
            (``nyhead`` or no location), and one along z otherwise.
        location : array_like, shape (3,), optional
            Of the dipole: in mm from the centre of the New York head with ``nyhead``, as ncpi
            takes it, otherwise in µm from the centre of the spheres. If not given, there is one
            dipole 1 mm below the surface of the brain under each of the 20 electrodes of the
            10-20 system, each by itself.
        cMEG : bool
            Magnetic field whatever `MEEG` says.
        sensors : array_like, shape (n_sensors, 3), optional
            In µm. If not given: the electrodes above the dipoles, or the vertex (0, 0, 90000)
            where the location is in µm.

        Returns
        -------
        ndarray, shape (n_sensors, n_times), or (n_sensors, 3, n_times) for magnetic fields
            Without location or sensors one row per 10-20 electrode, in the order of ncpi's
            dipoles: Fp1 Fp2 F7 F3 Fz F4 F8 T3 C3 Cz C4 T4 T5 P3 Pz P4 T6 O1 Oz O2.

        Raises
        ------
        ShapeError
            If the moment has another shape.
        ArgumentError
            If the location is so near to or far from the centre that its unit must be another.

        Notes
        -----
        In four concentric spheres a radial dipole looks the same under every electrode: the 20
        rows are equal. The New York head, which tells them apart, is not shipped.
        """
        moment = np.asarray(CDM, dtype=np.float64)
        if not (moment.ndim == 1 or (moment.ndim == 2 and moment.shape[0] == 3)):
            raise ShapeError(f"CDM: expected shape (n_times,) or (3, n_times), got {moment.shape}")
        magnetic = cMEG or self.MEEG == "MEG"
        if location is None and sensors is None and not magnetic:
            places = np.array([_under(direction) for direction in ten_twenty_directions()])
            rows = [
                four_sphere(_radial(moment, place), place, _above(place)[None])[0]
                for place in places
            ]
            return np.stack(rows)
        place = self._place(location)
        if self.nyhead and location is not None:
            moment = _radial(moment, place)
            where = _above(place)[None] if sensors is None else sensors
        else:
            moment = _along_z(moment)
            where = np.array([[0.0, 0.0, RADII_UM[-1]]]) if sensors is None else sensors
        if magnetic:
            return infinite_medium_magnetic(moment, place, where)
        return four_sphere(moment, place, where)

    def _place(self, location: ArrayLike | None) -> Array:
        if location is None:
            return np.array([0.0, 0.0, _DEPTH_UM])
        place = np.asarray(location, dtype=np.float64)
        if place.shape != (3,) or not np.isfinite(place).all():
            raise ShapeError(f"location: expected three finite coordinates, got {location!r}")
        far = float(np.linalg.norm(place))
        if self.nyhead:
            if not 1.0 <= far <= 150.0:
                raise ArgumentError(
                    f"location: expected mm in the New York head, 1 to 150 from its centre, got "
                    f"{far:g}: µm?"
                )
            # The head is no sphere: what lies beyond the brain's sphere is moved below its surface.
            return place / far * min(1000.0 * far, _DEPTH_UM)
        if far < 1000.0:
            raise ArgumentError(
                f"location: expected µm from the centre of the head, got {far:g}: mm? "
                "FieldPotential(nyhead=True) takes mm"
            )
        return place

    def __repr__(self) -> str:
        return (
            f"FieldPotential(kernel={self.kernel!r}, nyhead={self.nyhead!r}, MEEG={self.MEEG!r}, "
            f"CDM_shape={self.CDM_shape!r})"
        )


def _on_axis(along_z: Array, electrode: Mapping[str, Any]) -> Array:
    """Return the potential (mV per spike) at heights z of a dipole smeared by 100 µm."""
    z = np.asarray(electrode["z"], dtype=np.float64)
    sigma = float(electrode.get("sigma", 0.3))
    smear = 100.0  # µm: a population is no point; keeps the field finite inside it
    gain = z / (4 * np.pi * sigma * (z**2 + smear**2) ** 1.5)
    return np.asarray(gain[:, None] * along_z[None, :])


_DEPTH_UM = RADII_UM[0] - 1000.0  # 1 mm below the surface of the brain


# Another order than that of ncpi's maps.
_SITES = (
    *("Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T3", "C3", "Cz", "C4", "T4"),
    *("T5", "P3", "Pz", "P4", "T6", "O1", "Oz", "O2"),
)


def ten_twenty_directions() -> Array:
    """Return unit vectors to ncpi's 20 electrodes, shape (20, 3): x right, y front, z up."""
    flat = electrode_positions(_SITES)
    angle = np.linalg.norm(flat, axis=1) * np.pi / 2
    side = flat / np.maximum(np.linalg.norm(flat, axis=1), 1e-12)[:, None]
    return np.column_stack([side * np.sin(angle)[:, None], np.cos(angle)])


def _under(direction: Array) -> Array:
    return np.asarray(direction * _DEPTH_UM)


def _above(place: Array) -> Array:
    return np.asarray(place / np.linalg.norm(place) * RADII_UM[-1])


def _along_z(moment: Array) -> Array:
    if moment.ndim == 2:
        return moment
    return np.stack([np.zeros_like(moment), np.zeros_like(moment), moment])


def _radial(moment: Array, place: Array) -> Array:
    """Return a moment along the radius; three rows are taken as they are."""
    if moment.ndim == 2:
        return moment
    return np.asarray((place / np.linalg.norm(place))[:, None] * moment)
