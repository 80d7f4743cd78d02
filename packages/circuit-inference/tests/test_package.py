import subprocess
import sys

import neuroloom.circuit_inference as package


def test_all_is_sorted_and_true():
    assert package.__all__ == sorted(package.__all__)
    assert all(hasattr(package, name) for name in package.__all__)


def test_import_brings_no_heavy_library():
    heavy = "torch sbi sklearn numba statsmodels specparam mne neuroloom.lifnet skops"
    code = (
        "import sys, neuroloom.circuit_inference\n"
        f"print([m for m in {heavy.split()} if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
