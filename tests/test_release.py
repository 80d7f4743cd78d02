"""What starts CI and a release, tried on small repositories and on an index of this machine."""

from __future__ import annotations

import functools
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import tomllib
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PACKAGES = ["shared", "tasks", "glmhmm", "mi", "lifnet", "circuit-inference"]
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text("utf-8"))
    for path in sorted((ROOT / ".github/workflows").glob("*.yml"))
}
JOBS = [
    pytest.param(name, job, id=f"{name}-{key}")
    for name, flow in WORKFLOWS.items()
    for key, job in flow["jobs"].items()
]
STEPS = [
    pytest.param(step["run"], id=f"{name}-{key}-{number}")
    for name, flow in WORKFLOWS.items()
    for key, job in flow["jobs"].items()
    for number, step in enumerate(job["steps"])
    if "run" in step
]


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    command = ["git", *who, *arguments]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def release(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "tools/release.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Make a repository of six packages of version 0.1.0 that hold nothing but their names."""
    root = tmp_path / "workspace"
    (root / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "tools/release.py", root / "tools")
    for package in PACKAGES:
        folder = root / "shared" if package == "shared" else root / "packages" / package
        source = folder / "src/neuroloom" / package.replace("-", "_")
        source.mkdir(parents=True)
        (source / "_version.py").write_text('__version__ = "0.1.0"\n')
        own = [] if package == "shared" else ["neuroloom-shared>=0.1,<0.2"]
        project = f"[project]\nname = 'neuroloom-{package}'\ndependencies = {own}\n"
        (folder / "pyproject.toml").write_text(project)
        (folder / "LICENSE").touch()
        (folder / "changelog.d").mkdir()
        (folder / "CHANGELOG.md").write_text(f"# Changelog of neuroloom-{package}\n")
    git(root, "init", "-q")
    (root / "packages/tasks/moves.py").write_text("".join(f"x{i} = {i}\n" for i in range(50)))
    git(root, "add", "-A")
    git(root, "commit", "-qm", "start")
    return root


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("git mv packages/tasks/moves.py packages/mi/moves.py", ["tasks", "mi"]),
        ("cp packages/tasks/moves.py packages/lifnet/", ["lifnet"]),
        ("git rm -q packages/tasks/moves.py", ["tasks"]),
        ("touch packages/tasks/ä.py", ["tasks"]),
        ("touch 'packages/glmhmm/two words.py'", ["glmhmm"]),
        ("touch $'packages/mi/two\\nlines.py'", ["mi"]),
        ("touch $'packages/mi/latin-\\xe4.py'", ["mi"]),
        ("git mv packages/tasks/moves.py shared/moves.py", PACKAGES),
        ("git mv packages/tasks/moves.py moves.py", ["tasks"]),
        ("touch README.md", []),
    ],
)
def test_a_change_concerns_every_place_it_touches(
    workspace: Path, change: str, expected: list[str]
) -> None:
    base = git(workspace, "rev-parse", "HEAD")
    subprocess.run(["bash", "-ec", change], cwd=workspace, check=True)
    git(workspace, "add", "-A")
    git(workspace, "commit", "-qm", "change")
    answer = release(workspace, "changed", base)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == expected


@pytest.mark.parametrize("base", ["", "0" * 40, "--output=x"])
def test_an_unknown_base_takes_every_package(workspace: Path, base: str) -> None:
    answer = release(workspace, "changed", base)
    assert json.loads(answer.stdout) == PACKAGES
    assert "not in this history" in answer.stderr


@pytest.mark.parametrize(
    ("changelog", "waiting", "ready"),
    [
        ("", False, False),
        ("", True, False),
        ("## neuroloom-mi 0.1.0 (2026-11-20)\n\n- x\n", True, False),
        ("## neuroloom-mi 0.1.0 (2026-11-20)\n\n- x\n", False, True),
        ("## 0.1.0\n\nNo significant changes.\n", False, True),
        ("## 0.1.0\n", False, False),
        ("## 0.1.0\n\n### Fixed\n\n## 0.0.9\n\n- x\n", False, False),
        ("## 0.1.0\n\n### Fixed\n\n- x\n\n## 0.0.9\n\n- It reads 0.1.0.\n", False, True),
        ("## 0.1.1\n\n- x\n\n## 0.1.0\n\n- x\n", False, False),
        ("It reads the files of 0.1.0.\n", False, False),
        ("## 10.1.0\n", False, False),
        ("## 0.1.0.1\n", False, False),
    ],
)
def test_a_release_has_its_changelog(
    workspace: Path, changelog: str, waiting: bool, ready: bool
) -> None:
    folder = workspace / "packages/mi"
    with (folder / "CHANGELOG.md").open("a") as file:
        file.write(changelog)
    if waiting:
        (folder / "changelog.d/+new.added.md").touch()
    answer = release(workspace, "check", "mi")
    assert answer.returncode == int(not ready)
    assert ("changelog(<package>)" in answer.stdout) is not ready


@pytest.mark.parametrize(
    "name", ["+new.added.md", "12.fixed", "+new.added.rst", "deeper/+a.added.md"]
)
def test_no_fragment_is_left_behind(workspace: Path, name: str) -> None:
    folder = workspace / "packages/mi"
    (folder / "CHANGELOG.md").write_text("## 0.1.0\n\n- x\n")
    (folder / "changelog.d/.gitignore").touch()
    assert release(workspace, "check", "mi").returncode == 0
    (folder / "changelog.d" / name).parent.mkdir(exist_ok=True)
    (folder / "changelog.d" / name).touch()
    answer = release(workspace, "check", "mi")
    assert answer.returncode == 1
    assert Path(name).name in answer.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_the_changelog_takes_every_fragment(workspace: Path, package: str) -> None:
    pytest.importorskip("towncrier")
    where = "shared" if package == "shared" else f"packages/{package}"
    folder = workspace / where
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / where / name, folder)
    if (ROOT / where / "changelog.d").exists():
        shutil.copytree(ROOT / where / "changelog.d", folder / "changelog.d", dirs_exist_ok=True)
    for kind in ("added", "changed", "fixed"):
        (folder / f"changelog.d/+one.{kind}.md").write_text(f"One {kind} thing\nof two lines.\n")
    told = [" ".join(p.read_text("utf-8").split()) for p in folder.glob("changelog.d/*.md")]
    git(workspace, "add", "-A")
    assert release(workspace, "check", package).returncode == 1
    command = [sys.executable, "-m", "towncrier", "build", "--yes", "--version", "0.1.0"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    log = " ".join((folder / "CHANGELOG.md").read_text("utf-8").split())
    assert not [words for words in told if words not in log]
    answer = release(workspace, "check", package)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_a_tag_that_is_taken_is_refused_before_anything_is_published(workspace: Path) -> None:
    (workspace / "packages/mi/CHANGELOG.md").write_text("## 0.1.0\n\n- x\n")
    git(workspace, "tag", "neuroloom-mi-v0.1.00")
    git(workspace, "tag", "neuroloom-tasks-v0.1.0")
    assert release(workspace, "check", "mi").returncode == 0
    git(workspace, "tag", release(workspace, "tag", "mi").stdout.strip())
    answer = release(workspace, "check", "mi")
    assert answer.returncode == 1
    assert "neuroloom-mi-v0.1.0 exists" in answer.stdout


@pytest.mark.parametrize(
    ("core", "extra", "ready"),
    [
        (["neuroloom-shared>=0.1,<0.2"], [], True),
        (["neuroloom-shared>=0.1.3,<0.2"], [], True),
        (["neuroloom-shared>=0.1.4,<0.2"], [], True),
        (["neuroloom-shared>=0.1.5,<0.2"], [], False),  # no such core
        (["neuroloom-shared>=0.0.9,<0.2"], [], False),
        (["neuroloom-shared>=0.1,<0.3"], [], False),
        (["neuroloom-shared>=0.1"], [], False),
        (["neuroloom-shared"], [], False),
        ([], [], False),
        (["neuroloom-shared>=0.1,<0.2", "neuroloom-lifnet>=0.2,<0.3"], [], False),
        (["neuroloom-shared>=0.1,<0.2"], ["neuroloom-lifnet>=0.2,<0.3"], True),
        (["neuroloom-shared>=0.1,<0.2"], ["neuroloom-shared[nwb]>=0.1,<0.2"], True),
        (["neuroloom-shared>=0.1,<0.2"], ["neuroloom-lifnet>=0.1,<0.2"], False),
        (["neuroloom-shared>=0.1,<0.2"], ["neuroloom-lifnets>=0.1,<0.2"], False),
        (["neuroloom-shared>=0.1,<0.2"], ["neuroloom_lifnet>=0.1"], False),
        (["neuroloom-shared>=0.1,<0.2"], ["Neuroloom.lifnet"], False),
    ],
)
def test_a_package_asks_for_what_its_siblings_are(
    workspace: Path, core: list[str], extra: list[str], ready: bool
) -> None:
    for package, number in (("shared", "0.1.4"), ("lifnet", "0.2.0")):
        path = workspace / ("shared" if package == "shared" else f"packages/{package}")
        (path / f"src/neuroloom/{package}/_version.py").write_text(f'__version__ = "{number}"\n')
    folder = workspace / "packages/circuit-inference"
    (folder / "CHANGELOG.md").write_text("## 0.1.0\n\n- x\n")
    (folder / "pyproject.toml").write_text(
        f"[project]\nname = 'x'\ndependencies = {core}\n"
        f"[project.optional-dependencies]\nmore = {extra}\n"
    )
    answer = release(workspace, "check", "circuit-inference")
    assert answer.returncode == int(not ready), answer.stdout + answer.stderr
    assert ("neuroloom" in answer.stdout.partition(": ")[2].lower()) is not ready


@pytest.mark.parametrize("number", ["0.1", "0.1.0rc1", "v0.1.0", "0.1.0.1", ""])
def test_a_version_is_three_numbers(workspace: Path, number: str) -> None:
    path = workspace / "packages/mi/src/neuroloom/mi/_version.py"
    path.write_text(f'__version__ = "{number}"\n')
    for question in ("check", "tag"):
        answer = release(workspace, question, "mi")
        assert answer.returncode == 1
        assert answer.stdout == ""
        assert 'expected a line __version__ = "X.Y.Z"' in answer.stderr


@functools.cache
def python_with_pip() -> str:
    """Return a Python that has pip, which environments made by uv lack."""
    base = getattr(sys, "_base_executable", sys.executable)
    for python in (sys.executable, base, str(ROOT / ".nox/runner/bin/python")):
        command = [python, "-m", "pip", "--version"]
        if Path(python).exists() and subprocess.run(command, capture_output=True).returncode == 0:
            return python
    pytest.skip("no Python with pip is at hand")


def fake_wheel(folder: Path, package: str) -> Path:
    name = f"neuroloom_{package.replace('-', '_')}"
    path, info = folder / f"{name}-0.1.0-py3-none-any.whl", f"{name}-0.1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: neuroloom-{package}\nVersion: 0.1.0\n",
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path: Path) -> Iterator[tuple[str, dict[str, tuple[int, str, bytes]]]]:
    """Serve pages by their path: status, kind, content; what has no page is answered by 404."""
    pages: dict[str, tuple[int, str, bytes]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, content = pages.get(self.path, (404, "text/plain", b""))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/simple/", pages
        server.shutdown()
        thread.join()


def ask(root: Path, url: str, question: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    environment |= {"PIP_INDEX_URL": url, "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0"}
    environment |= {"PIP_TIMEOUT": "5", "PIP_NO_CACHE_DIR": "1", "no_proxy": "127.0.0.1"}
    command = [python_with_pip(), "-c", f"import release; print(release.{question})"]
    return subprocess.run(
        command, cwd=root / "tools", env=environment, capture_output=True, text=True
    )


Index = tuple[str, dict[str, tuple[int, str, bytes]]]


def test_the_index_tells_what_is_published(workspace: Path, index: Index) -> None:
    url, pages = index
    assert ask(workspace, url, "on_index('mi')").stdout == "False\n"  # no such project
    wheel = fake_wheel(workspace, "mi")
    pages[f"/{wheel.name}"] = (200, "application/octet-stream", wheel.read_bytes())
    sdist = "neuroloom_mi-0.1.0.tar.gz"

    def listed(*names: str) -> tuple[int, str, bytes]:
        return 200, "text/html", "".join(f'<a href="/{n}">{n}</a><br>' for n in names).encode()

    pages["/simple/neuroloom-mi/"] = listed("neuroloom_mi-0.0.9-py3-none-any.whl")
    assert ask(workspace, url, "on_index('mi')").stdout == "False\n"  # another version
    pages["/simple/neuroloom-mi/"] = listed(wheel.name, sdist)
    answer = ask(workspace, url, "on_index('mi')")
    assert answer.stdout == "True\n", answer.stderr
    # What a publishing that broke has left is neither out nor to be built anew.
    for others in ([], ["neuroloom_mi-0.1.0.post1.tar.gz"], ["neuroloom_mi-0.0.9.tar.gz"]):
        pages["/simple/neuroloom-mi/"] = listed(wheel.name, *others)
        answer = ask(workspace, url, "on_index('mi')")
        assert answer.returncode == 1
        assert answer.stdout == ""
        assert "neuroloom-mi==0.1.0 is out in part" in answer.stderr


@pytest.mark.parametrize("status", [403, 500, 503])
def test_an_index_in_trouble_is_no_answer(workspace: Path, index: Index, status: int) -> None:
    url, pages = index
    pages["/simple/neuroloom-shared/"] = (status, "text/plain", b"")
    answer = ask(workspace, url, "pending()")
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert "no clear answer about neuroloom-shared==0.1.0" in answer.stderr


def test_a_page_that_is_no_index_is_no_answer(workspace: Path, index: Index) -> None:
    url, pages = index
    pages["/simple/neuroloom-shared/"] = (200, "image/png", b"")
    assert ask(workspace, url, "pending()").returncode == 1


def test_an_index_out_of_reach_is_no_answer(workspace: Path) -> None:
    answer = ask(workspace, "http://127.0.0.1:9/simple/", "pending()")
    assert answer.returncode == 1
    assert answer.stdout == ""


@pytest.mark.parametrize(
    ("waiting", "expected"), [(PACKAGES, ["shared"]), (["mi", "tasks"], ["mi", "tasks"]), ([], [])]
)
def test_the_core_goes_first(waiting: list[str], expected: list[str]) -> None:
    code = f"import release; release.pending = lambda: {waiting}; release.main(['next'])"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "tools", capture_output=True, text=True, check=True
    )
    assert json.loads(answer.stdout) == expected


STUB = """#!/bin/sh
echo call >> "$CALLS"
[ "$(wc -l < "$CALLS")" -eq "$FAILS" ] && exit 3
echo answer
"""


def dry_run(tmp_path: Path, script: str, fails: int) -> tuple[int, int, str]:
    """Run a step with its programs replaced, one of which fails: status, calls, step's output."""
    folder = tmp_path / str(fails)
    for program in ("python", "gh", "git", ".nox/runner/bin/uv"):
        path = folder / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(STUB)
        path.chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(folder / "calls")}
    environment |= {"FAILS": str(fails), "GITHUB_OUTPUT": str(folder / "output")}
    (folder / "output").touch()
    bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]  # as `shell: bash`
    answer = subprocess.run(bash, cwd=folder, env=environment, capture_output=True)
    calls = len((folder / "calls").read_text().splitlines())
    return answer.returncode, calls, (folder / "output").read_text()


@pytest.mark.parametrize("script", STEPS)
def test_a_failing_program_fails_its_step(tmp_path: Path, script: str) -> None:
    status, calls, _ = dry_run(tmp_path, script, fails=0)
    assert status == 0
    assert calls > 0
    for number in range(1, calls + 1):
        status, _, output = dry_run(tmp_path, script, fails=number)
        assert status == 3, f"the step goes on after its program number {number} failed"
        assert output == ""


@pytest.mark.parametrize("script", STEPS)
def test_no_text_from_outside_is_written_into_a_script(script: str) -> None:
    assert "${{" not in script


def test_no_workflow_gives_rights_to_what_outsiders_send() -> None:
    known = {"push", "pull_request", "workflow_dispatch", "schedule"}
    for flow in WORKFLOWS.values():
        assert set(flow[True]) <= known  # YAML reads `on` as true


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_job_has_a_limit_and_pinned_actions(name: str, job: dict) -> None:  # type: ignore[type-arg]
    assert 0 < job["timeout-minutes"] <= 120
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}
    assert WORKFLOWS[name]["defaults"]["run"]["shell"] == "bash"
    for step in job["steps"]:
        if "uses" in step:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_only_publishing_has_the_identity_and_runs_nothing_else() -> None:
    rights = {
        (name, key): job["permissions"]
        for name, flow in WORKFLOWS.items()
        for key, job in flow["jobs"].items()
        if "permissions" in job
    }
    assert rights == {
        ("release", "publish"): {"id-token": "write"},
        ("release", "tag"): {"contents": "write"},
        ("pages", "publish"): {"pages": "write", "id-token": "write"},
    }
    for flow in ("release", "pages"):
        steps = WORKFLOWS[flow]["jobs"]["publish"]["steps"]
        assert not any("run" in step for step in steps)
    assert [step["uses"].partition("@")[0] for step in steps] == ["actions/deploy-pages"]
    jobs = WORKFLOWS["release"]["jobs"]
    for key, sessions in CHECKS.items():
        assert key in jobs["publish"]["needs"]
        assert jobs[key]["strategy"]["matrix"] == jobs["publish"]["strategy"]["matrix"]
        assert "continue-on-error" not in jobs[key]
        commands = " ".join(step.get("run", "") for step in jobs[key]["steps"])
        assert re.findall(r'"(\w+)\(\$PACKAGE\)"', commands) == sessions
        assert not any({"if", "continue-on-error"} & set(step) for step in jobs[key]["steps"])


def test_what_is_published_was_built_where_no_test_had_run() -> None:
    jobs = WORKFLOWS["release"]["jobs"]
    kept = {
        (key, step["with"]["name"].partition("-")[0])
        for key, job in jobs.items()
        for step in job["steps"]
        if "upload-artifact" in step.get("uses", "")
    }
    assert kept == {("build", "dist"), ("publish", "published")}
    checkout = jobs["build"]["steps"][0]["with"]
    assert checkout["fetch-depth"] == 0  # or no tag is seen


def test_what_is_out_gets_its_tag_though_the_next_one_failed() -> None:
    tag = WORKFLOWS["release"]["jobs"]["tag"]
    assert tag["strategy"]["fail-fast"] is False
    assert tag["if"] == "${{ !cancelled() && needs.publish.result != 'skipped' }}"
    first = tag["steps"][0]  # fails where the package's own publishing left no mark
    assert first["uses"].startswith("actions/download-artifact@")
    steps = WORKFLOWS["release"]["jobs"]["publish"]["steps"]
    marks = [s["with"]["name"] for s in steps if "upload-artifact" in s["uses"]]
    assert marks == [first["with"]["name"]] == ["published-${{ matrix.package }}"]
    assert steps[-2]["uses"].startswith("pypa/gh-action-pypi-publish@")


def test_what_broke_goes_on_where_it_broke() -> None:
    jobs = WORKFLOWS["release"]["jobs"]
    publishing = next(s for s in jobs["publish"]["steps"] if s["uses"].startswith("pypa/"))
    assert publishing["with"] == {"skip-existing": True}  # the wheel is out, the sdist is not
    assert jobs["publish"]["needs"] == ["pending", "check", "build"]  # whose artefacts stay


GH = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in *matching-refs*) printf '%s' "$TAGS" ;; esac
"""


@pytest.mark.parametrize(
    ("there", "sets"),
    [
        ("", True),
        ("refs/tags/neuroloom-mi-v0.1.0\n", False),
        ("refs/tags/neuroloom-mi-v0.1.00\nrefs/tags/neuroloom-mi-v0.1.0.1\n", True),
        ("refs/tags/neuroloom-mi-v0.1.0.1\nrefs/tags/neuroloom-mi-v0.1.0\n", False),
    ],
)
def test_a_tag_is_set_once(tmp_path: Path, there: str, sets: bool) -> None:
    for program, text in (("python", "#!/bin/sh\necho neuroloom-mi-v0.1.0\n"), ("gh", GH)):
        (tmp_path / program).write_text(text)
        (tmp_path / program).chmod(0o755)
    script = WORKFLOWS["release"]["jobs"]["tag"]["steps"][-1]["run"]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(tmp_path / "calls")}
    environment |= {"TAGS": there, "GITHUB_REPOSITORY": "a/b", "GITHUB_SHA": "abc"}
    bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    assert subprocess.run(bash, cwd=tmp_path, env=environment).returncode == 0
    first, *more = (tmp_path / "calls").read_text().splitlines()
    assert first.startswith("api repos/a/b/git/matching-refs/tags/neuroloom-mi-v0.1.0 ")
    wanted = "api repos/a/b/git/refs -f ref=refs/tags/neuroloom-mi-v0.1.0 -f sha=abc"
    assert more == [wanted] * sets


def test_a_fork_releases_nothing_and_shows_no_pages() -> None:
    guard = "${{ !github.event.repository.fork && github.ref == 'refs/heads/main' }}"
    for name in ("release", "pages"):
        jobs = WORKFLOWS[name]["jobs"]
        first = [job for job in jobs.values() if "needs" not in job]
        assert [job["if"] for job in first] == [guard]
        for key, job in jobs.items():
            # A job that needs another is left out with it, unless its own condition says otherwise.
            asked = job.get("if", "")
            assert "always()" not in asked, key
            assert "!cancelled()" not in asked or "result != 'skipped'" in asked, key


def test_a_push_to_main_is_never_left_out_for_the_next_one() -> None:
    group = WORKFLOWS["ci"]["concurrency"]["group"]
    assert group == "ci-${{ github.event_name == 'pull_request' && github.ref || github.sha }}"


CHECKS = {"check": ["alone", "lowest", "released"], "build": ["release_check"]}

ADDRESS = "https://example.org/lab/neuroloom"


@pytest.fixture(scope="module")
def addressed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the workspace with an address written into it."""
    root = tmp_path_factory.mktemp("addressed") / "workspace"
    out = shutil.ignore_patterns(
        ".git", ".nox", ".*cache", "__pycache__", "dist", "_build", "benchmark-results", "report"
    )
    shutil.copytree(ROOT, root, ignore=out)
    command = [sys.executable, "tools/pages.py", "write", ADDRESS, "abc123"]
    subprocess.run(command, cwd=root, check=True)
    return root


@pytest.mark.parametrize("package", PACKAGES)
def test_a_page_with_its_address_leads_somewhere(addressed: Path, package: str) -> None:
    folder = addressed / ("shared" if package == "shared" else f"packages/{package}")
    text = (folder / "README.md").read_text("utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", re.sub(r"(?ms)^```.*?^```$", "", text)):
        assert target.startswith("https://")
        if target.startswith(ADDRESS):
            kind, path = re.fullmatch(rf"{ADDRESS}/(raw|blob|tree)/abc123/(.+)", target).groups()  # type: ignore[union-attr]
            assert (kind == "tree") == (addressed / path).is_dir()
            assert (kind == "raw") == path.endswith((".png", ".svg"))
            assert (addressed / path).exists()
    before = tomllib.loads((ROOT / folder.relative_to(addressed) / "pyproject.toml").read_text())
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    urls = project["project"].pop("urls")
    assert before["project"].pop("urls").keys() == urls.keys()
    assert project == before
    for name in ("Source", "Documentation", "Changelog"):
        assert (addressed / urls[name].partition("/abc123/")[2]).exists()


def test_one_repository_is_named_everywhere(addressed: Path) -> None:
    for root, address, ref in ((ROOT, None, "main"), (addressed, ADDRESS, "abc123")):
        citation = yaml.safe_load((root / "CITATION.cff").read_text("utf-8"))
        address = address or citation["repository-code"]
        assert citation["repository-code"] == address
        for package in PACKAGES:
            where = "shared" if package == "shared" else f"packages/{package}"
            project = tomllib.loads((root / where / "pyproject.toml").read_text("utf-8"))
            assert project["project"]["urls"]["Source"] == f"{address}/tree/{ref}/{where}"


def test_a_second_address_replaces_the_first(addressed: Path, tmp_path: Path) -> None:
    again = tmp_path / "workspace"
    shutil.copytree(addressed, again)
    home = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["repository-code"]
    command = [sys.executable, "tools/pages.py", "write", home, "main"]
    subprocess.run(command, cwd=again, check=True)
    for name in ("CITATION.cff", "packages/mi/README.md", "packages/mi/pyproject.toml"):
        assert (again / name).read_text("utf-8") == (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("address", ["", "/", "http://example.org/a/b", "https://a b/c"])
def test_no_address_writes_nothing(addressed: Path, address: str) -> None:
    before = (addressed / "CITATION.cff").read_bytes()
    command = [sys.executable, "tools/pages.py", "write", address, "main"]
    answer = subprocess.run(command, cwd=addressed, capture_output=True, text=True)
    assert answer.returncode == 1
    assert (addressed / "CITATION.cff").read_bytes() == before


LINKS = [
    '[a](docs/a.md "its title")',
    "[![a](https://example.org/a.png)](docs/a.md)",
    "[a][b]\n\n[b]: docs/a.md",
    '<img alt="a" src="a.png">',
    "<a href='docs/a.md'>a</a>",
]


@pytest.mark.parametrize(
    ("page", "good"),
    [
        ("Project-URL: Source, https://example.org\n\n[a](https://example.org) [b](#b)\n", True),
        ("Project-URL: Source, https://example.org\n\n```\nx[0](y)\n```\n", True),
        ("Project-URL: Source, https://example.org\n\n[a](docs/a.md)\n", False),
        ("Project-URL: Source, https://example.org\n\n![two\nlines](a.png)\n", False),
        ("\n[a](https://example.org)\n", False),
        *((f"Project-URL: Source, https://example.org\n\n{link}\n", False) for link in LINKS),
    ],
)
def test_a_wheel_whose_links_are_dead_is_refused(tmp_path: Path, page: str, good: bool) -> None:
    wheel = tmp_path / "a-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a-1.dist-info/METADATA", f"Metadata-Version: 2.4\nName: a\n{page}")
    command = [sys.executable, str(ROOT / "tools/pages.py"), "check", str(wheel)]
    assert subprocess.run(command, capture_output=True).returncode == int(not good)


@pytest.mark.parametrize(
    ("name", "inside", "good"),
    [
        ("neuroloom_mi-0.2.0", "0.2.0", True),
        ("neuroloom_mi-0.2.0", "0.1.0", False),
        ("neuroloom_mi-0.2.0.post1", "0.2.0", False),
        ("neuroloom_tasks-0.2.0", "0.2.0", False),
    ],
)
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_an_artefact_is_named_what_it_says_it_is(
    tmp_path: Path, kind: str, name: str, inside: str, good: bool
) -> None:
    files = {f"neuroloom/mi/{file}": "" for file in ("__init__.py", "py.typed")}
    files["neuroloom/mi/_version.py"] = f'"""The version."""\n\n__version__ = "{inside}"\n'
    if kind == "wheel":
        path = tmp_path / f"{name}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for file, text in {**files, f"{name}.dist-info/licenses/LICENSE": ""}.items():
                wheel.writestr(file, text)
    else:
        path = tmp_path / f"{name}.tar.gz"
        files = {f"src/{file}": text for file, text in files.items()}
        with tarfile.open(path, "w:gz") as archive:
            for file, text in {**files, "LICENSE": "", "tests/test_it.py": ""}.items():
                entry = tarfile.TarInfo(f"{name}/{file}")
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text.encode()))
    command = [sys.executable, str(ROOT / "tools/artefacts.py"), str(path)]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == int(not good), answer.stdout


def test_the_citation_has_no_version_that_a_release_would_leave_behind() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert not {"version", "date-released"} & citation.keys()


def test_every_list_of_packages_is_whole() -> None:
    projects = [ROOT / "shared/pyproject.toml", *ROOT.glob("packages/*/pyproject.toml")]
    names = {
        tomllib.loads(path.read_text("utf-8"))["project"]["name"].removeprefix("neuroloom-")
        for path in projects
    }
    assert names == set(PACKAGES) == {path.parent.name for path in projects}
    for file in ("noxfile.py", "tools/release.py", "tools/rehearsal.py"):
        listed = re.search(r"^PACKAGES = (\[.*\])$", (ROOT / file).read_text("utf-8"), re.MULTILINE)
        assert listed is not None
        assert set(json.loads(listed[1])) == names, file
    weekly = WORKFLOWS["weekly"]["jobs"]["newest"]["strategy"]["matrix"]["package"]
    assert set(weekly) == names
