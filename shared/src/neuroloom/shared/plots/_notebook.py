"""The figure that a notebook shows once; imports matplotlib."""

from __future__ import annotations

import io

import matplotlib as mpl
import matplotlib.figure
import matplotlib.pyplot as plt


class Figure(mpl.figure.Figure):  # the name is what `repr` says
    """A figure that is shown once where it is the last value of a notebook's cell.

    The inline backend shows every figure that pyplot knows at the end of the cell, and IPython
    the value: ``raster(spikes).figure`` would come twice.
    """

    def _ipython_display_(self) -> None:
        if "inline" in mpl.get_backend():
            plt.close(self)
        # IPython goes on with the picture in the formats that its user chose.
        raise NotImplementedError

    def _repr_png_(self) -> bytes | None:
        # Only where no backend shows anything, neither inline nor in a window.
        if mpl.get_backend().lower() != "agg":
            return None
        picture = io.BytesIO()
        self.savefig(picture, format="png")
        return picture.getvalue()
