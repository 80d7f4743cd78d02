import subprocess
import sys


def test_import_brings_no_heavy_library():
    heavy = "jax sklearn pandas matplotlib optax scipy"
    code = (
        "import sys, neuroloom.glmhmm\n"
        f"print([name for name in {heavy.split()} if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
