"""NWB files, read and written with pynwb."""
