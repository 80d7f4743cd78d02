"""What choices mean is told or evident; tables of several laboratories."""

import warnings

import numpy as np
import pandas as pd
import pytest

from neuroloom import shared
from neuroloom.glmhmm import design_matrix
from neuroloom.glmhmm._estimator.reading import unpack
from neuroloom.glmhmm.errors import GLMHMMWarning
from neuroloom.shared.convert import from_alf

RIGHT = np.array([1, 0, 1, 1, 0, 0, 1, 0, 1, 0], dtype=bool)
NONE = np.arange(10) == 7
SIDE = np.where(RIGHT, 1.0, -1.0)


def table(choice, **more):
    return pd.DataFrame({"stimulus": SIDE, "choice": choice, "reward": 1, "session": 1, **more})


def expected(none=True):
    return np.where(NONE, np.nan, RIGHT.astype(float)) if none else RIGHT.astype(float)


@pytest.mark.parametrize(
    ("column", "none"),
    [
        (RIGHT.astype(int), False),
        (RIGHT.astype(float), False),
        (RIGHT, False),
        (np.where(NONE, np.nan, RIGHT), True),
        (pd.array(np.where(NONE, None, RIGHT), dtype="boolean"), True),
        (pd.array(np.where(NONE, None, RIGHT.astype(int)), dtype="Int64"), True),
        (np.where(RIGHT, "right", "left"), False),
        (np.where(NONE, None, np.where(RIGHT, "R", "L")), True),
        (np.where(RIGHT, "lick", "hold"), False),
        (pd.Categorical(np.where(RIGHT, "right", "left")), False),
        (np.where(RIGHT, "1", "0"), False),
        (np.where(RIGHT, b"right", b"left").astype(object), False),
    ],
)
def test_evident_codes(column, none):
    found = design_matrix(table(column))
    np.testing.assert_array_equal(found.y, expected(none))
    assert set(found.codes) == {"left", "right"}


@pytest.mark.parametrize(
    ("column", "codes", "none"),
    [
        (np.where(NONE, 0, np.where(RIGHT, -1, 1)), "ibl", True),
        (np.where(NONE, 0, np.where(RIGHT, 1, -1)), {"left": -1, "right": 1, "none": 0}, True),
        (np.where(RIGHT, 2, 1), {"left": 1, "right": 2}, False),
        (np.where(NONE, -1, RIGHT), {"left": 0, "right": 1, "none": -1}, True),
        (
            np.where(NONE, "miss", np.where(RIGHT, "right", "left")),
            {"left": "left", "right": "right", "none": ["miss", "abort"]},
            True,
        ),
        (np.where(RIGHT, "A", "B"), {"left": "B", "right": "A"}, False),
        (np.where(RIGHT, b"A", b"B").astype(object), {"left": b"B", "right": "A"}, False),
        (np.where(RIGHT, "2", "1"), {"left": "1", "right": 2}, False),
        (
            np.where(NONE, "miss", np.where(RIGHT, "1", "0")),
            {"left": 0, "right": 1, "none": "miss"},
            True,
        ),
        (np.where(NONE, np.nan, np.where(RIGHT, 3, 7)), {"left": 7.0, "right": 3.0}, True),
    ],
)
def test_told_codes(column, codes, none):
    found = design_matrix(table(column), codes=codes)
    np.testing.assert_array_equal(found.y, expected(none))


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        (np.where(RIGHT, 1, -1), "-1 (5 trials)"),
        (np.where(NONE, 0, np.where(RIGHT, 1, -1)), "0 (1 trials)"),
        (np.where(RIGHT, 2, 1), "2 (5 trials)"),
        (np.where(NONE, -1, RIGHT), 'codes={"left": 0, "right": 1, "none": -1}'),
        (np.where(RIGHT, -1, 0), "-1 (5 trials)"),
        (np.full(10, -1), "-1 (10 trials)"),
        (np.where(NONE, "miss", np.where(RIGHT, "right", "left")), "'miss' (1 trials)"),
        (np.full(10, "left"), "'left' (10 trials)"),
        (RIGHT * 0.5, "0.5 (5 trials)"),
        (RIGHT * 1j, "1j (5 trials)"),
    ],
)
def test_codes_that_must_be_told(column, shown):
    with pytest.raises(ValueError, match="choice: expected") as caught:
        design_matrix(table(column))
    assert shown in str(caught.value)
    assert "codes=" in str(caught.value)


def test_codes_that_cannot_be():
    good = table(RIGHT.astype(int))
    for codes, match in (
        ("bpod", "codes"),
        ({"left": 0}, "codes"),
        ({"left": 0, "right": 0}, "each value once"),
        ({"left": 0, "right": 2}, "on 5 trials"),
        ({0: "left", 1: "right"}, "codes"),
    ):
        with pytest.raises(ValueError, match=match):
            design_matrix(good, codes=codes)
    with pytest.raises(ValueError, match="violation"):
        design_matrix(good, codes={"left": 0, "right": 1}, violation=-1)


def alf(**more):
    left, right = SIDE < 0, SIDE > 0
    choice = np.where(NONE, 0, np.where(RIGHT, -1, 1))
    return pd.DataFrame(
        {
            "contrastLeft": np.where(left, 0.5, np.nan),
            "contrastRight": np.where(right, 0.25, np.nan),
            "choice": choice,
            "feedbackType": np.where(RIGHT, 1, -1),
            **more,
        }
    )


def test_trials_of_the_ibl_go_in_as_they_are():
    found = design_matrix(alf(), standardize=False)
    np.testing.assert_array_equal(found.y, expected())
    assert found.features[0] == "contrast"
    np.testing.assert_array_equal(found.X[:, 0], np.where(SIDE > 0, 0.25, -0.5))
    assert found.codes == {"left": [1], "right": [-1], "none": [0]}
    assert any("ibl" in note for note in found.notes)
    assert any("feedbackType" in note for note in found.notes)
    by_hand = table(expected()).assign(stimulus=found.X[:, 0], reward=RIGHT.astype(int))
    np.testing.assert_array_equal(design_matrix(by_hand, standardize=False).X, found.X)
    sides = design_matrix(alf(), stimulus=["contrastLeft", "contrastRight"], standardize=False)
    np.testing.assert_array_equal(sides.X[:, 0], np.where(SIDE < 0, 0.5, 0.0))
    # Recoded choices beside the contrasts could mean either: they must be told.
    with pytest.raises(ValueError, match="contrastLeft"):
        design_matrix(alf().assign(choice=RIGHT.astype(int)))
    told = design_matrix(alf().assign(choice=RIGHT.astype(int)), codes={"left": 0, "right": 1})
    np.testing.assert_array_equal(told.y, expected(none=False))


def test_trials_of_the_ibl_are_the_same_through_the_core_and_as_they_are():
    raw = alf().assign(choice=np.where(NONE, 0, np.where(RIGHT, -1, 1)))
    read = from_alf(raw)
    assert set(read.table["choice"].dropna()) <= {0, 1}
    through, direct = design_matrix(read), design_matrix(raw)
    np.testing.assert_array_equal(through.y, direct.y)
    np.testing.assert_allclose(through.X, direct.X, rtol=1e-12)
    # Codes of the file in the contract's place are not read as choices.
    with pytest.raises(ValueError, match="choice"):
        design_matrix(raw.assign(action=raw["choice"]))


def test_subjects_with_equal_session_labels_are_kept_apart():
    two = table(RIGHT.astype(int), subject=["ada"] * 5 + ["bob"] * 5)
    found = design_matrix(two)
    np.testing.assert_array_equal(np.flatnonzero(found.session_starts), [0, 5])
    assert found.X[5, 1] == 0  # no choice before, though the session's label is the same
    assert found.subject.tolist() == two.subject.tolist()
    one = design_matrix(two, subject=None)
    assert one.session_starts.sum() == 1
    again = design_matrix(shared.Trials(two, session="session"))
    np.testing.assert_array_equal(again.session_starts, found.session_starts)
    assert design_matrix(two.drop(columns="session")).session_starts.sum() == 2
    assert design_matrix(dict(two)).X.shape == found.X.shape


def test_a_missing_reward_counts_only_beside_a_choice():
    nothing = table(np.where(NONE, np.nan, RIGHT)).assign(reward=np.where(NONE, np.nan, 1))
    assert np.isfinite(design_matrix(nothing).X).all()
    with pytest.raises(ValueError, match="row 2"):
        design_matrix(nothing.assign(reward=np.where(np.arange(10) == 2, np.nan, 1)))


@pytest.mark.parametrize(
    ("reward", "sign", "warned"),
    [(1, 1, False), (0, -1, False), (np.where(RIGHT, 1, 2), 1, True), (RIGHT - 1, -1, True)],
)
def test_rewards_that_tell_nothing_are_told(reward, sign, warned):
    trials = table(RIGHT.astype(int)).assign(reward=reward)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = design_matrix(trials)
    np.testing.assert_array_equal(found.X[:, 2], sign * found.X[:, 1])
    assert any("so that win_stay_lose_switch is the choice before" in n for n in found.notes)
    assert [c.category for c in caught] == [GLMHMMWarning] * warned
    if warned:
        assert "(5 trials)" in str(caught[0].message)
    mixed = design_matrix(trials.assign(reward=RIGHT * 1))
    assert not any("reward" in n for n in mixed.notes)


@pytest.mark.parametrize(
    ("ones", "codes", "note"),
    [
        (("hold", "lick"), {"left": ["hold"], "right": ["lick"]}, "'hold' is 0 and 'lick' 1"),
        (("lick", "nolick"), {"left": ["lick"], "right": ["nolick"]}, "'lick' is 0 and 'nolick' 1"),
        (("Left", "R"), {"left": ["Left"], "right": ["R"]}, None),
    ],
)
def test_which_of_two_labels_is_which_is_said(ones, codes, note):
    found = design_matrix(table(np.where(RIGHT, ones[1], ones[0])))
    np.testing.assert_array_equal(found.y, expected(none=False))
    assert found.codes == codes
    assert [n for n in found.notes if "choices" in n] == (
        [f"choices: {note}, by the alphabet; codes= turns them round"] if note else []
    )


def test_a_fit_of_a_table_says_which_label_is_which():
    trials = shared.Trials(table(np.where(RIGHT, "lick", "hold")).assign(stimulus=SIDE * 0.5))
    with pytest.warns(GLMHMMWarning, match="'hold' is 0 and 'lick' 1"):
        _, y, _ = unpack(trials, None, None)
    np.testing.assert_array_equal(y, expected(none=False))
    unpack(shared.Trials(table(np.where(RIGHT, "right", "left"))), None, None)  # nothing to say


@pytest.mark.parametrize(
    ("labels", "call"),
    [
        (["left", "miss"], 'codes={"left": …, "right": …'),  # a miss is no choice to the right
        (["right", "straight"], 'codes={"left": …, "right": …'),
        (["Left", "left"], 'codes={"left": …, "right": …'),
        (["A", "a"], 'codes={"left": …, "right": …'),
        (["Left", "right", "left"], "codes={'left': ['Left', 'left'], 'right': 'right'}"),
        (
            ["L", "Right", "left", "none"],
            "codes={'left': ['L', 'left'], 'right': 'Right', 'none': 'none'}",
        ),
        (["A", "a", "B"], "codes={'left': ['A', 'a'], 'right': 'B'}"),
    ],
)
def test_labels_of_which_one_may_be_no_side_are_asked_for(labels, call):
    column = np.resize(labels, 10)
    with pytest.raises(ValueError, match="choice: expected") as caught:
        design_matrix(table(column))
    assert call in str(caught.value)


def test_a_violation_that_is_a_choice_is_refused_by_its_name():
    for value in (0, 1, True, "1"):
        with pytest.raises(ValueError, match="violation: expected a value beside 0 and 1"):
            design_matrix(table(RIGHT.astype(int)), violation=value)
    with pytest.raises(ValueError, match="at least one choice"):
        design_matrix(table(np.full(10, -1)), violation=-1)


def test_contrasts_on_both_sides_have_no_difference():
    both = alf()
    both.loc[[3, 6], ["contrastLeft", "contrastRight"]] = [0.25, 0.5]
    with pytest.raises(ValueError, match="2 rows with contrasts on both, the first of them row 3"):
        design_matrix(both)
    told = design_matrix(both, stimulus=["contrastLeft", "contrastRight"], standardize=False)
    np.testing.assert_array_equal(told.X[:, :2], both[["contrastLeft", "contrastRight"]].fillna(0))
    # Nothing on either side is a trial of contrast zero; a word is no contrast.
    none = alf(contrastLeft=0.0).assign(contrastRight=np.where(SIDE > 0, 0.25, 0.0))
    signed = design_matrix(none, standardize=False).X[:, 0]
    np.testing.assert_array_equal(signed, np.where(SIDE > 0, 0.25, 0.0))
    with pytest.raises(ValueError, match="contrastLeft: expected numbers, got 'dim' in row 1"):
        design_matrix(alf().assign(contrastLeft=np.where(SIDE < 0, "dim", None)))
