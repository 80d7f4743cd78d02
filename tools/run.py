"""Set up the workspace's own nox and hand it the work; needs nothing but Python and git.

python tools/run.py demo             a guided tour over all five packages
python tools/run.py test             test every package alone, then all of them together
python tools/run.py lint             format, types, style and the walls between packages
python tools/run.py -s "alone(mi)"   anything else goes to nox as it stands
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNNER = ROOT / ".nox" / "runner"
REQUIREMENTS = "nox[uv]>=2025.5"
SHORT = {"test": ["-s", "alone", "together"]}


def set_up() -> Path:
    """Return the folder of the runner's programs, made on the first call."""
    programs = RUNNER / ("Scripts" if os.name == "nt" else "bin")
    stamp = RUNNER / "ready"
    if stamp.is_file() and stamp.read_text() == REQUIREMENTS:
        return programs
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        minor = f"{sys.version_info.major}.{sys.version_info.minor}"
        sys.exit(
            f"This Python has no ensurepip, so it cannot make environments. Install it first "
            f"(Debian and Ubuntu: apt-get install python{minor}-venv), then run this again."
        )
    print(f"Setting up nox in {RUNNER.relative_to(ROOT)} (once) …", flush=True)
    venv.create(RUNNER, clear=True, with_pip=True)
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet", REQUIREMENTS]
    subprocess.run(pip, check=True)
    stamp.write_text(REQUIREMENTS)
    return programs


def main(arguments: list[str]) -> int:
    """Run nox on the arguments, one of the short words first or nox's own options."""
    if sys.version_info < (3, 11):  # noqa: UP036 — this file is what an old Python meets first
        sys.exit(f"neuroloom needs Python 3.11 or newer, this is {sys.version.split()[0]}.")
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    word, *rest = arguments
    if not word.startswith("-"):
        arguments = SHORT.get(word, ["-s", word]) + (["--", *rest] if rest else [])
    programs = set_up()
    path = os.pathsep.join([str(programs), os.environ.get("PATH", "")])
    nox = [str(programs / "python"), "-m", "nox", "--noxfile", str(ROOT / "noxfile.py")]
    return subprocess.run([*nox, *arguments], cwd=ROOT, env={**os.environ, "PATH": path}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
