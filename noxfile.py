"""Everything that is run on the workspace; ``python tools/run.py`` sets this up and calls it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
TOWNCRIER = "towncrier>=24.8"
TYPE_CHECKERS = ["mypy>=1.18,<2", "pyright[nodejs]>=1.1.400"]
BUILT: set[str] = set()  # wheels of this call
UNPINNED = {"PIP_CONSTRAINT": None, "UV_CONSTRAINT": None}  # for a session's own environment
PACKAGES = ["shared", "tasks", "glmhmm", "mi", "lifnet", "circuit-inference"]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["alone", "together", "lint"]
nox.options.error_on_external_run = True

# Tests start hundreds of processes, and each would compile all that it imports: half of their time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

every_package = nox.parametrize("package", PACKAGES, ids=PACKAGES)


def find_links() -> str:
    """Return where pip was told to look for wheels, empty if nowhere."""
    if found := os.environ.get("PIP_FIND_LINKS"):
        return found
    pip = [sys.executable, "-m", "pip", "config", "get", "global.find-links"]
    return subprocess.run(pip, capture_output=True, text=True).stdout.strip()


# uv does not read pip's settings, and an open torch range takes a CUDA build of several gigabytes.
os.environ["PIP_CONSTRAINT"] = os.environ["UV_CONSTRAINT"] = str(ROOT / "constraints.txt")
if links := find_links():
    os.environ.setdefault("UV_FIND_LINKS", links)
else:
    os.environ.setdefault("UV_TORCH_BACKEND", "cpu")
# Tests share few cores: workers are processes, not BLAS threads.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
for variable in THREADS:
    os.environ.setdefault(variable, "1")
os.environ.setdefault("MPLBACKEND", "agg")


def folder(package: str) -> Path:
    return ROOT / "shared" if package == "shared" else ROOT / "packages" / package


def module(package: str) -> str:
    return package.replace("-", "_")


def sources(package: str) -> list[str]:
    """Return the folders to install for a package: shared, then itself."""
    return [str(folder(name)) for name in dict.fromkeys(["shared", package])]


def test_group(package: str) -> list[str]:
    project = nox.project.load_toml(folder(package) / "pyproject.toml")
    return nox.project.dependency_groups(project, "test")


def build_wheels(session: nox.Session, *packages: str) -> list[str]:
    """Return the wheels of shared and the packages, each built once by one call of nox."""
    wheels = []
    for package in dict.fromkeys(["shared", *packages]):
        out = ROOT / ".nox" / "wheels" / package
        if package not in BUILT:
            shutil.rmtree(out, ignore_errors=True)
            build = ("uv", "build", "--quiet", "--wheel", "--out-dir", str(out))
            session.run(*build, str(folder(package)), external=True)
            BUILT.add(package)
        wheels += map(str, out.glob("*.whl"))
    return wheels


def report(session: nox.Session, tests: str) -> tuple[str, ...]:
    """Return pytest's options that keep what it ran, which ``tools/ran.py`` counts."""
    name = re.sub(r"[^a-z-]+", "-", f"{session.name}-{tests}").strip("-")
    path = ROOT / ".nox" / "ran" / f"{name}.xml"
    return (f"--junit-xml={path}", "-o", f"junit_suite_name={tests}")


def run_tests(session: nox.Session, package: str, *options: str, examples: bool = True) -> None:
    """Run a package's tests, and its docstrings' examples as installed, from its own folder."""
    tests = ["tests"]
    if examples:
        # Found and not imported, which takes seconds.
        ask = "import sys; from importlib.util import find_spec as f; print(f(sys.argv[1]).origin)"
        found = session.run("python", "-c", ask, f"neuroloom.{module(package)}", silent=True)
        assert isinstance(found, str)
        tests += [str(Path(found.strip().splitlines()[-1]).parent), "--doctest-modules"]
    session.chdir(folder(package))
    # Named, or pytest takes the workspace's for it: the doctests lie outside the package's folder.
    settings = ("-c", "pyproject.toml")
    session.run(
        *("python", "-m", "pytest", *settings, "-n", "2", "--dist", "worksteal", "-q"),
        *(*tests, *report(session, package), *options, *session.posargs),
    )
    session.chdir(ROOT)


@nox.session
@every_package
def alone(session: nox.Session, package: str) -> None:
    """Test a package on wheels, with nothing installed but what it declares."""
    session.install(*build_wheels(session, package), *test_group(package))
    run_tests(session, package)


def install_all(session: nox.Session, *more: str) -> None:
    editable = [part for package in PACKAGES for part in ("-e", str(folder(package)))]
    session.install(*editable, *more)


@nox.session
def together(session: nox.Session) -> None:
    """Test all packages in one environment, and the pipelines that lead through several."""
    tests = {requirement for package in PACKAGES for requirement in test_group(package)}
    core = nox.project.load_toml(folder("shared") / "pyproject.toml")["project"]
    # Wheels, not links to the sources: type checkers read what users get.
    session.install(
        *build_wheels(session, *PACKAGES),
        *sorted(tests),
        *core["optional-dependencies"]["dask"],
        *core["optional-dependencies"]["mne"],
        *TYPE_CHECKERS,
        TOWNCRIER,
    )
    # Other arguments, what takes its time and docstrings' examples show in `alone` what they show.
    session.env["PYTHONPATH"] = str(ROOT / "tools" / "plugins")
    chosen = ("-m", "not slow or together", "-p", "first_arguments")
    for package in PACKAGES:
        run_tests(session, package, *chosen, examples=False)
    options = ("-q", "-n", "2", "--dist", "worksteal", "-c", "tests/pytest.ini")
    session.run(
        *("python", "-m", "pytest", *options, "tests", *report(session, "workspace")),
        *session.posargs,
    )


@nox.session
@every_package
def newest(session: nox.Session, package: str) -> None:
    """Test a package on the newest of all that it depends on, whatever is pinned here."""
    session.env.update(UNPINNED)
    session.install("--upgrade", *build_wheels(session, package), *test_group(package))
    run_tests(session, package)


def floors(package: str, extras: set[str]) -> dict[str, str]:
    """Return the oldest version of each library that a package says it works with."""
    project = nox.project.load_toml(folder(package) / "pyproject.toml")["project"]
    more = [line for name in sorted(extras) for line in project["optional-dependencies"][name]]
    asked = (re.match(r"([\w-]+)>=([\w.]+)", line) for line in [*project["dependencies"], *more])
    return {m[1]: m[2] for m in asked if m and not m[1].startswith("neuroloom-")}


@nox.session
@every_package
def lowest(session: nox.Session, package: str) -> None:
    """Test a package, with its extras, on the oldest versions that it says it works with."""
    project = nox.project.load_toml(folder(package) / "pyproject.toml")["project"]
    extras = set(project.get("optional-dependencies", {})) - {"simulate"}  # lifnet: in `together`
    options = ["--resolution", "lowest-direct"]
    session.env.update(UNPINNED)
    if os.environ.get("UV_FIND_LINKS"):
        extras.discard("vision")  # a torchvision from elsewhere does not load beside this torch
        # A local version sorts higher than the plain one, which would be the CUDA build.
        constraint = Path(session.create_tmp()) / "torch.txt"
        constraint.write_text(f"torch=={floors(package, extras).get('torch', '2.13')}+cpu\n")
        options += ["--constraint", str(constraint)]
    itself = str(folder(package)) + (f"[{','.join(sorted(extras))}]" if extras else "")
    # Asked of the core's folder, what an extra needs of the core is as direct as the rest.
    core = [] if package == "shared" else [f"{folder('shared')}{'[nwb]' * ('nwb' in extras)}"]
    session.install(*options, *core, itself, *test_group(package))
    oldest = floors(package, extras)
    ask = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
    found = session.run("python", "-c", ask, *oldest, silent=True)
    assert isinstance(found, str)
    for (name, floor), got in zip(oldest.items(), found.split(), strict=True):
        if not re.match(rf"{re.escape(floor)}(\.|\+|$)", got):
            session.error(f"{name}>={floor} is proved by no run: the rest goes with {got} at least")
    run_tests(session, package, "-W", "default")  # old versions warn of what newer ones changed


@nox.session
@every_package
def released(session: nox.Session, package: str) -> None:
    """Test a package on the newest neuroloom-shared of the index, and on the oldest it asks for."""
    if package == "shared":
        session.skip("shared is what the others are tested against here")
    project = nox.project.load_toml(folder(package) / "pyproject.toml")["project"]
    core = next(d for d in project["dependencies"] if d.startswith("neuroloom-shared"))
    floor = core.partition(">=")[2].partition(",")[0]
    tested = set()
    for wanted in (core, f"neuroloom-shared=={floor}"):
        try:
            session.install("--reinstall-package=neuroloom-shared", wanted, silent=True)
        except nox.command.CommandFailed:
            session.error(f"{wanted} cannot be had from the index: release it first")
        session.install(str(folder(package)), wanted, *test_group(package))
        ask = "from importlib.metadata import version as v; print(v('neuroloom-shared'))"
        found = session.run("python", "-c", ask, silent=True)
        if found not in tested:
            run_tests(session, package)
        tested.add(found)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, style, types and the walls between packages."""
    install_all(session, "ruff>=0.14,<0.15", "import-linter>=2.3", TYPE_CHECKERS[0])
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("lint-imports", "--config", "pyproject.toml", "--no-cache")
    session.run("mypy", "--config-file", "pyproject.toml")


@nox.session
def build(session: nox.Session) -> None:
    """Build all twelve artefacts and check them."""
    session.install("twine>=6", "check-wheel-contents>=0.6")
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    for package in PACKAGES:
        session.run(
            "uv", "build", "--quiet", "--out-dir", str(dist), str(folder(package)), external=True
        )
    artefacts = sorted(p for p in dist.iterdir() if p.suffix in (".whl", ".gz"))
    if len(artefacts) != 2 * len(PACKAGES):
        session.error(f"expected {2 * len(PACKAGES)} artefacts in dist/, got {len(artefacts)}")
    session.run("twine", "check", "--strict", *map(str, artefacts))
    wheels = [str(path) for path in artefacts if path.suffix == ".whl"]
    # W009: every wheel holds one portion of the namespace; W004: which has no __init__.py.
    session.run("check-wheel-contents", "--ignore", "W004,W009", *wheels)
    session.run("python", "tools/artefacts.py", *map(str, artefacts))


@nox.session(venv_backend="none")
def resolve(session: nox.Session) -> None:
    """Find the newest set of wheels for every distribution, its extras and every Python."""
    session.env.update(UNPINNED)
    build_wheels(session, *PACKAGES)
    links = [f"--find-links={ROOT / '.nox' / 'wheels' / package}" for package in PACKAGES]
    # nflows, which sbi needs, has never had a wheel; it is pure Python.
    options = ("--quiet", "--all-extras", "--only-binary=:all:", "--no-binary=nflows", *links)
    for version in PYTHONS:
        for package in PACKAGES:
            found = session.run(
                *("uv", "pip", "compile", f"--python-version={version}", *options),
                *("--no-header", "--no-annotate", str(folder(package) / "pyproject.toml")),
                external=True,
                silent=True,
                log=False,
            )
            assert isinstance(found, str)
            engines = re.findall(r"^((?:numpy|pandas|torch|jax)==\S+)$", found, re.MULTILINE)
            session.log(f"Python {version}, {package}: {', '.join(engines)}")


@nox.session
def rehearsal(session: nox.Session) -> None:
    """Install each distribution by name from an index on this machine, and run its example."""
    session.install("pypiserver>=2.3", "setuptools<81")  # pypiserver reads pkg_resources
    dist = Path(session.create_tmp()) / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir()
    for wheel in build_wheels(session, *PACKAGES):
        shutil.copy(wheel, dist)
    out = ROOT / "benchmark-results" / "rehearsal.json"
    session.run("python", "tools/rehearsal.py", str(dist), "--out", str(out), *session.posargs)


@nox.session
@every_package
def changelog(session: nox.Session, package: str) -> None:
    """Move the fragments in changelog.d into CHANGELOG.md, under the version in _version.py."""
    session.install(TOWNCRIER)
    tag = session.run("python", "tools/release.py", "tag", package, silent=True)
    assert isinstance(tag, str)
    session.chdir(folder(package))
    session.run("towncrier", "build", "--yes", "--version", tag.strip().rpartition("-v")[2])


@nox.session
@every_package
def release_check(session: nox.Session, package: str) -> None:
    """Check that a package is ready for its release: version, changelog, licence, contents.

    What was checked lies in dist/<package>, to be published as it is.
    """
    session.install("twine>=6", "check-wheel-contents>=0.6")
    session.run("python", "tools/release.py", "check", package)
    dist = ROOT / "dist" / package
    shutil.rmtree(dist, ignore_errors=True)
    build = ("uv", "build", "--quiet", "--out-dir", str(dist))
    session.run(*build, str(folder(package)), external=True)
    artefacts = sorted(p for p in dist.iterdir() if p.suffix in (".whl", ".gz"))
    wheels = [str(path) for path in artefacts if path.suffix == ".whl"]
    session.run("twine", "check", "--strict", *map(str, artefacts))
    session.run("check-wheel-contents", "--ignore", "W004,W009", *wheels)
    session.run("python", "tools/artefacts.py", *map(str, artefacts))
    session.run("python", "tools/pages.py", "check", *wheels)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure which lines the tests reach, over all packages."""
    tests = {requirement for package in PACKAGES for requirement in test_group(package)}
    install_all(session, *sorted(tests), "coverage[toml]>=7.6")
    session.env["COVERAGE_FILE"] = str(ROOT / ".coverage")
    session.run("coverage", "erase")
    options = [
        "--cov=neuroloom",
        "--cov-append",
        "--cov-report=",
        f"--cov-config={ROOT}/pyproject.toml",
    ]
    for package in PACKAGES:
        run_tests(session, package, *options)
    session.run("python", "-m", "pytest", "-q", "-c", "tests/pytest.ini", "tests", *options)
    session.run("coverage", "report", "--skip-covered", "--sort=cover")
    session.run("coverage", "html", "-d", "htmlcov")


@nox.session(reuse_venv=True)
def docs(session: nox.Session) -> None:
    """Build the site; every warning is an error, every tutorial is run."""
    install_all(
        session,
        "sphinx>=9,<10",
        "myst-nb>=1.3",
        "furo>=2025.7",
        "sphinx-copybutton>=0.5.2",
        "sphinx-design>=0.6",
        "sphinx-gallery>=0.19",
        # The pipelines page reads NWB and EEG.
        *("pynwb>=3.0", "mne>=1.9"),
    )
    session.env["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # show the figures
    session.run("python", "tools/inventories.py", "--check")
    session.run(
        *("sphinx-build", "-W", "--keep-going", "-n", "-j", "2"),
        *("-b", "html", "docs", "docs/_build/html"),
    )
    session.run("python", "tools/check_names.py")


@nox.session(venv_backend="none")
def look(session: nox.Session) -> None:
    """Look at every page of the built site in Chromium, at 1280 and 390 px."""
    session.run("python", "tools/check_site.py", *session.posargs)


@nox.session(venv_backend="none")
def benchmarks_page(session: nox.Session) -> None:
    """Write docs/benchmarks.md from what `bench` left in benchmark-results."""
    session.run("python", "tools/benchmarks_page.py", *session.posargs)


@nox.session(reuse_venv=True)
def demo(session: nox.Session) -> None:
    """Take the guided tour over all five packages; writes report/report.html."""
    install_all(session)
    session.run("python", "tools/demo.py", *session.posargs)


def run_figures(session: nox.Session, package: str, script: str) -> None:
    """Run a package's benchmark or proof script, which writes JSON."""
    path = folder(package) / "benchmarks" / f"{script}.py"
    if not path.is_file():
        session.skip(f"{package} has no {path.relative_to(ROOT)}")
    results = ROOT / "benchmark-results"
    results.mkdir(exist_ok=True)
    # circuit-inference[simulate] runs its models on lifnet.
    simulator = ["./packages/lifnet"] if package == "circuit-inference" else []
    session.install(*sources(package), *simulator, *test_group(package))
    session.env.update(dict.fromkeys(THREADS))  # as many as there are
    session.run(
        "python", str(path), "--out", str(results / f"{script}-{package}.json"), *session.posargs
    )


@nox.session(reuse_venv=True)
@every_package
def bench(session: nox.Session, package: str) -> None:
    """Measure a package beside its peers; writes benchmark-results/bench-<package>.json."""
    run_figures(session, package, "bench")


@nox.session(reuse_venv=True)
@every_package
def prove(session: nox.Session, package: str) -> None:
    """Run a package's slow proofs; writes benchmark-results/prove-<package>.json."""
    run_figures(session, package, "prove")


@nox.session(reuse_venv=True)
def scale(session: nox.Session) -> None:
    """Run long jobs on every backend, kill and resume them, and compare the bits."""
    install_all(session, "distributed>=2024.8")
    # Where ray has no wheel for this Python, its column says so.
    session.run("uv", "pip", "install", "ray>=2.40", success_codes=[0, 1, 2], external=True)
    out = ROOT / "benchmark-results" / "scale.json"
    session.run("python", "tools/scale.py", "--out", str(out), *session.posargs)


@nox.session(reuse_venv=True)
@nox.parametrize("package", ["tasks"], ids=["tasks"])
def upstream(session: nox.Session, package: str) -> None:
    """Run NeuroGym's notebooks and tests with the imports changed.

    NEUROLOOM_NEUROGYM_SRC (or the first argument) names a checkout of its repository.
    """
    script = folder(package) / "benchmarks" / "upstream.py"
    results = ROOT / "benchmark-results"
    results.mkdir(exist_ok=True)
    # One of the notebooks makes a number of an array of one, which is an error from numpy 2.4 on.
    peers = ("ipython", "keras>=3", "numpy<2.4", "sb3-contrib", "stable-baselines3", "tomlkit")
    session.install(*sources(package), *test_group(package), *peers, "torch")
    page = ROOT / "docs" / package / "coming-from-neurogym.md"
    out = ["--out", str(results / f"upstream-{package}.json"), "--page", str(page)]
    session.run("python", str(script), *session.posargs, *out)
