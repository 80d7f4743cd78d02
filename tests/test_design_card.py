"""The design card holds: what is built on what, and who depends on whom."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent
FOLDERS = {
    "shared": ROOT / "shared",
    **{
        name: ROOT / "packages" / name
        for name in ("circuit-inference", "glmhmm", "lifnet", "mi", "tasks")
    },
}
CARD = {
    *("numpy", "torch", "jax", "jaxlib", "optax", "gymnasium", "scikit-learn", "pandas"),
    *("matplotlib", "hatchling"),
}
TOP = [
    *("pyproject.toml", "packages", "shared", "tests", "docs", "tools", "noxfile.py", "README.md"),
    ".github",
]
PROJECTS: dict[str, dict[str, Any]] = {
    name: tomllib.loads((folder / "pyproject.toml").read_text()) for name, folder in FOLDERS.items()
}


def requirements(name: str) -> dict[str, Requirement]:
    """Return what a distribution needs in any case, by name."""
    needed = map(Requirement, PROJECTS[name]["project"]["dependencies"])
    return {requirement.name: requirement for requirement in needed}


def extras(name: str) -> dict[str, list[Requirement]]:
    optional = PROJECTS[name]["project"].get("optional-dependencies", {})
    return {extra: [Requirement(line) for line in lines] for extra, lines in optional.items()}


def test_every_package_of_the_card_is_a_declared_dependency() -> None:
    declared = {needed for name in PROJECTS for needed in requirements(name)}
    for project in PROJECTS.values():
        declared |= {Requirement(line).name for line in project["build-system"]["requires"]}
    assert declared >= CARD


def test_glmhmm_names_jaxlib_and_optax() -> None:
    assert {"jax", "jaxlib", "optax"} <= requirements("glmhmm").keys()


@pytest.mark.parametrize("path", TOP)
def test_the_top_level_of_the_card_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_there_are_exactly_the_packages_of_the_card() -> None:
    found = {path.parent.name for path in (ROOT / "packages").glob("*/pyproject.toml")}
    assert found == set(FOLDERS) - {"shared"}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_distribution_is_built_by_hatchling_with_a_version_of_its_own(name: str) -> None:
    project = PROJECTS[name]
    assert project["build-system"]["build-backend"] == "hatchling.build"
    assert project["project"]["name"] == f"neuroloom-{name}"
    assert project["project"]["license"] == "MIT"
    assert project["project"]["dynamic"] == ["version"]
    version = FOLDERS[name] / project["tool"]["hatch"]["version"]["path"]
    assert version.parent.name == name.replace("-", "_")
    (number,) = re.findall(r'^__version__ = "(.+)"$', version.read_text(), re.MULTILINE)
    assert Version(number).release


@pytest.mark.parametrize("name", sorted(set(FOLDERS) - {"shared"}))
def test_a_package_depends_on_the_core_by_range_and_on_no_sibling(name: str) -> None:
    needed = requirements(name)
    core = needed["neuroloom-shared"].specifier
    current = FOLDERS["shared"] / "src/neuroloom/shared/_version.py"
    (number,) = re.findall(r'"(.+)"', current.read_text().split("__version__")[1])
    assert number in core
    assert {bound.operator for bound in core} == {">=", "<"}
    assert [other for other in needed if other.startswith("neuroloom")] == ["neuroloom-shared"]


def test_the_one_exception_is_an_extra() -> None:
    siblings = {
        (name, extra, requirement.name)
        for name in FOLDERS
        for extra, needed in extras(name).items()
        for requirement in needed
        if requirement.name.startswith("neuroloom")
    }
    assert {s for s in siblings if s[2] != "neuroloom-shared" and s[2] != f"neuroloom-{s[0]}"} == {
        ("circuit-inference", "simulate", "neuroloom-lifnet")
    }


def test_the_core_is_light() -> None:
    assert requirements("shared").keys() == {
        *("joblib", "matplotlib", "numpy", "pandas", "threadpoolctl", "tqdm")
    }


@pytest.mark.parametrize("name", FOLDERS)
def test_every_requirement_has_a_floor(name: str) -> None:
    for requirement in requirements(name).values():
        assert {bound.operator for bound in requirement.specifier} & {">=", "=="}, str(requirement)


@pytest.mark.parametrize("topic", ["neuroloom-", "[simulate]"])
def test_deviations_from_the_card_are_written_down(topic: str) -> None:
    notes = (ROOT / "docs" / "decisions").glob("*.md")
    assert any(topic in note.read_text() for note in notes)
