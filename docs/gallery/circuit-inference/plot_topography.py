"""
Where on the scalp is a value large?
====================================

Values at the electrodes of the 10–20 system as a scalp map.
"""

import numpy as np

import neuroloom.circuit_inference as ci

names = "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2".split()
places = ci.plots.electrode_positions(names)
values = 1.2 + 0.4 * places[:, 1] + 0.05 * np.random.default_rng(0).standard_normal(19)
ci.plots.topomap(values, names, label="aperiodic exponent")
