"""Every printed block of the documentation runs, in order, in a folder of its own."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import matplotlib as mpl
import pytest

from neuroloom.lifnet.__main__ import main

ROOT = Path(__file__).parents[3]
PAGES = [
    "packages/lifnet/README.md",
    "docs/lifnet/index.md",
    pytest.param("docs/lifnet/how-to.md", marks=pytest.mark.together),  # distributed
]
BLOCK = re.compile(r"```(python|\{code-cell\} ipython3|)\n(.*?)```", re.S)


def shell(text: str, monkeypatch) -> None:
    """Do what a block of commands does, as far as it is about this package."""
    for line in text.replace("\\\n", " ").splitlines():
        for command in line.split("#")[0].split("&&"):
            words = shlex.split(command)
            if words[:1] == ["neuroloom-lifnet"]:
                assert main(words[1:]) == 0, command
            elif words[:1] == ["cd"]:
                monkeypatch.chdir(words[1])
            elif words[:1] == ["cp"]:
                shutil.copy(*words[1:])


@pytest.mark.filterwarnings("ignore:.*non-interactive")
@pytest.mark.parametrize("page", [*PAGES, pytest.param("docs/lifnet/tutorial.md",
                                                       marks=pytest.mark.slow)])  # fmt: skip
def test_every_block_runs(page, tmp_path, monkeypatch):
    if not (ROOT / page).is_file():
        pytest.skip("the documentation is not beside the tests")
    mpl.use("agg")
    monkeypatch.chdir(tmp_path)
    text = (ROOT / page).read_text()
    if "distributed" in text:
        local_cluster(monkeypatch)
    names: dict = {}
    blocks = BLOCK.findall(text)
    assert any(kind for kind, _ in blocks)
    for kind, text in blocks:
        if kind:
            lines = [line for line in text.splitlines() if not line.startswith("%")]
            exec(compile("\n".join(lines), page, "exec"), names)
        elif "neuroloom-lifnet " in text and "  " not in text.split("neuroloom-lifnet", 1)[1][:40]:
            shell(text, monkeypatch)


def local_cluster(monkeypatch) -> None:
    """Let a scheduler that is named be one in this process."""
    distributed = pytest.importorskip("distributed")
    client = distributed.Client
    monkeypatch.setattr(
        distributed,
        "Client",
        lambda address: client(processes=False, n_workers=1, dashboard_address=None),
    )
