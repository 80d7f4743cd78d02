"""What the pages print is run as it is printed."""

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from problems import drawn, known

import neuroloom.glmhmm as nmo
from neuroloom.glmhmm._cli.options import parser

ROOT = Path(__file__).parents[3]
PAGES = ("docs/glmhmm/how-to.md", "docs/glmhmm/index.md", "packages/glmhmm/README.md")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.together,  # pynapple
    pytest.mark.skipif(not (ROOT / PAGES[0]).is_file(), reason="not in a checkout"),
    pytest.mark.filterwarnings("ignore"),  # of what such small tables are too small for
]


def _there(page):
    return (ROOT / page).is_file()


def blocks(language):
    """Return the pages' blocks in a language, with the headings above them."""
    out = []
    for page in PAGES:
        if not _there(page):
            continue
        heading = page
        for part in re.split(r"(?m)^(?=## )", (ROOT / page).read_text(encoding="utf-8")):
            heading = part.splitlines()[0].removeprefix("## ") if part.startswith("## ") else page
            found = re.findall(rf"(?ms)^```{language}\n(.*?)^```", part)
            out += [
                pytest.param(heading, text, id=f"{heading} {i}") for i, text in enumerate(found)
            ]
    return out


def shell_lines():
    """Return the commands that the pages print, in blocks and between back-ticks."""
    text = "\n".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES if _there(page))
    return sorted(set(re.findall(r"(?m)(?:^|`)(neuroloom-glmhmm fit [^`\n]+)", text)))


def table(n=480):
    """Return a table with the names that the pages use."""
    X, y, starts, _ = drawn(known(), n, session=60)
    won = ((X[:, 0] > 0) == (y == 1)).astype(int)
    contrast = np.clip(np.abs(X[:, 0]), 0.1, 1)
    return pd.DataFrame(
        {
            "session": np.cumsum(starts) - 1,
            "stimulus": X[:, 0],
            "contrast": X[:, 0],
            "choice": y.astype(int),
            "reward": won,
            "left": np.where(X[:, 0] < 0, contrast, np.nan),
            "right": np.where(X[:, 0] < 0, np.nan, contrast),
            "animal": np.where(np.arange(n) < n // 2, "ada", "bob"),
            "day": np.cumsum(starts) - 1,
        }
    )


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What the pages take as given: trials, regressors, a fitted model, files."""
    nap = pytest.importorskip("pynapple")
    pytest.importorskip("pyarrow")  # tables of ALF
    folder = tmp_path_factory.mktemp("pages")
    trials = table()
    trials.drop(columns=["left", "right"]).to_csv(folder / "trials.csv", index=False)
    alf = pd.DataFrame(
        {
            "contrastLeft": trials.left,
            "contrastRight": trials.right,
            "choice": 1 - 2 * trials.choice,
            "feedbackType": 2 * trials.reward - 1,
        }
    )
    alf.to_parquet(folder / "_ibl_trials.table.pqt")
    rng = np.random.default_rng(0)
    X = np.column_stack([trials.stimulus, rng.normal(size=len(trials))])
    y = trials.choice.to_numpy().astype(float)
    starts = np.append(True, np.diff(trials.session) != 0)
    model = nmo.GLMHMM(2, tol=1e-4).fit(X, y, session_starts=starts)
    t = np.arange(len(X), dtype=float)
    given = {
        "np": np, "pd": pd, "nmo": nmo, "trials": trials, "X": X, "y": y, "starts": starts,
        "session": trials.session.to_numpy(), "subject": trials.animal.to_numpy(),
        "u": rng.normal(size=(len(X), 1)), "Z": rng.normal(size=(len(X), 2)), "choice": y,
        "rt": np.exp(rng.normal(size=len(X)) / 4), "model": model, "mouse": model,
        "reference": model, "X_tsdframe": nap.TsdFrame(t=t, d=X), "y_tsd": nap.Tsd(t=t, d=y),
    }  # fmt: skip
    return folder, given


# Minutes long; what they show is tested on smaller data elsewhere.
LONG = (
    "Go from a CSV to a figure",
    "Find the best optimum",
    "Fit a cohort as published",
    "Search hyperparameters with scikit-learn",
)

# Where a heading is about responses of its own.
RESPONSES = {
    "Fit choices among several options": lambda g: {"y": np.arange(len(g["y"])) % 4},
    "Fit without regressors": lambda g: {"y": g["y"] + np.random.default_rng(1).normal(size=480)},
    "Track states during the experiment": lambda g: {
        "session": list(zip(g["X"][:20], g["y"][:20], strict=True))
    },
}


def test_headings_that_are_named_here_are_on_the_pages():
    headings = {b.values[0] for b in blocks("python")}
    assert headings >= {*LONG, *RESPONSES}


@pytest.mark.parametrize("line", shell_lines())
def test_options_of_the_shell(line):
    """The options are the command's; what it writes is tested on smaller data elsewhere."""
    options = parser().parse_args(shlex.split(line)[1:])
    assert options.table.name in ("trials.csv", "bins.csv")


@pytest.mark.parametrize(
    ("heading", "text"), [b for b in blocks("python") if b.values[0] not in LONG]
)
def test_python(heading, text, names, monkeypatch):
    folder, given = names
    monkeypatch.chdir(folder)
    space = {**given, **RESPONSES.get(heading, lambda g: {})(given)}
    exec(compile(text, heading, "exec"), space)
