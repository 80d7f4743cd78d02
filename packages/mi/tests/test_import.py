import subprocess
import sys


def test_import_brings_no_heavy_library():
    heavy = (
        "pandas matplotlib sklearn statsmodels scipy.stats scipy.special scipy.optimize jax numba"
    )
    code = (
        "import sys, neuroloom.mi\n"
        f"print([name for name in {heavy.split()} if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
