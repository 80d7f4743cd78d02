import subprocess
import sys


def test_import_brings_no_heavy_library():
    heavy = "torch numba pandas matplotlib sklearn scipy"
    code = (
        "import sys, neuroloom.lifnet\n"
        f"print([name for name in {heavy.split()} if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
