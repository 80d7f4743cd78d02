"""The example of ncpi 0.2.6's README, with nothing but its import changed."""

import json
import os
import re
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_it_runs(data, tmp_path):
    text = data.parent / "seeds" / "circuit-inference-ncpi-readme.txt"
    if not text.is_file():
        pytest.skip("no README of the seed beside NEUROLOOM_DATA")
    code = re.search(r"```python\n(.*?)```", text.read_text(), re.DOTALL).group(1)
    assert code.count("import ncpi\n") == 1
    code = code.replace("import ncpi\n", "import neuroloom.circuit_inference as ncpi\n")
    # Fewer samples, to be done in seconds; the whole of it is in benchmarks/.
    assert "n_samples = 1000" in code
    code = code.replace("n_samples = 1000", "n_samples = 150")
    code += (
        "    import json\n"
        "    print(json.dumps([type(predictions).__name__, len(predictions), "
        "float(np.corrcoef(np.ravel(predictions), θ_test)[0, 1])]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 0, done.stderr
    kind, n, r = json.loads(done.stdout.splitlines()[-1])
    assert (kind, n) == ("list", 15)
    assert r > 0.2  # 135 rows teach little; with 900 it is 0.77
    assert not list(tmp_path.iterdir())  # ncpi leaves ./data
