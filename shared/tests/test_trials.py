"""The contract of a table of trials, and the verbs on it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroloom.shared import DataError, Epochs, Signal, SpikeTrains, Trials
from neuroloom.shared.data import MEANING, Clock

NAN = float("nan")
TRIALS = Trials(
    {
        "choice": [1, 0, NAN, 1],
        "action": [2, 1, 0, 2],
        "stimulus": [0.5, -0.5, 0.2, 0.1],
        "correct": [True, True, False, True],
        "reward": [1, 0, 0, 1],
        "reaction_time": [0.3, 0.2, NAN, 0.4],
        "session": [1, 1, 1, 1],
        "subject": ["a", "a", "b", "b"],
        "start": [0, 1, 0, 2.0],
        "stop": [1, 2, 1.5, 3],
    }
)
KEYS = st.integers(-3, 3) | st.sampled_from([2**53, 2**53 + 1]) | st.text("ab", max_size=1)


def choices(values: Any) -> Any:
    return TRIALS.assign(choice=values).contract("choice")["choice"]


class TestContract:
    def test_all_of_it_in_plain_dtypes(self) -> None:
        table = TRIALS.contract()
        assert list(table) == list(MEANING)
        floats = ["choice", "stimulus", "correct", "reward", "reaction_time", "start", "stop"]
        assert all(table[name].dtype == np.float64 for name in floats)
        np.testing.assert_array_equal(table["choice"], [1, 0, NAN, 1])
        assert list(TRIALS.contract("stimulus", "choice")) == ["stimulus", "choice"]

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([True, False, None, True], [1, 0, NAN, 1]),
            (pd.array([1, 0, None, 1], dtype="Int64"), [1, 0, NAN, 1]),
            (pd.array([True, None, False, True], dtype="boolean"), [1, NAN, 0, 1]),
            (pd.Series([1, 0, NAN, 1], dtype="float32"), [1, 0, NAN, 1]),
            (np.array([2, 1, 0, 2], dtype=np.uint8), [2, 1, 0, 2]),
            ([1, 1, 1, 1], [1, 1, 1, 1]),
            ([None] * 4, [NAN] * 4),
        ],
    )
    def test_choices_as_numbers(self, values: Any, expected: list[float]) -> None:
        np.testing.assert_array_equal(choices(values), expected)

    def test_choices_as_labels(self) -> None:
        found = choices(["right", None, "left", "right"])
        assert found.cat.categories.tolist() == ["left", "right"]
        assert found.isna().tolist() == [False, True, False, False]
        ordered = pd.Categorical(["r", "l", None, "r"], categories=["r", "l"])
        assert choices(ordered).cat.categories.tolist() == ["r", "l"]

    @given(st.lists(st.sampled_from([-1, 0, 1, 2, 0.5, NAN]), min_size=4, max_size=4))
    def test_minus_one_and_guessed_codes_never_pass(self, values: list[float]) -> None:
        known = [x for x in values if x == x]
        fine = all(x >= 0 and x == int(x) for x in known)
        fine &= len(set(known)) < 2 or 0 in known
        if fine:
            np.testing.assert_array_equal(choices(values), values)
        else:
            with pytest.raises(DataError, match=r"choice: expected choices numbered from 0"):
                choices(values)

    def test_the_error_shows_values_counts_and_the_call(self) -> None:
        for large in (1000, 1e20, 2**53):
            with pytest.raises(DataError, match=r"choices numbered from 0 to n − 1, n at most"):
                choices([0, 1, 1, large])
        assert choices([0, 1, 1, 999]).tolist() == [0, 1, 1, 999]
        with pytest.raises(DataError, match=r"\{'-1': 2, '1': 2\} .*trials.recode\('choice'"):
            choices([-1, 1, 1, -1])

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({"choice": ["left", 0, 1, 1]}, r"choice: expected labels or numbers, not both"),
            ({"choice": [np.inf, 0, 1, 1]}, r"choice: expected finite .*inf in row 0"),
            ({"stimulus": ["low", 0, 1, 1]}, r"stimulus: expected signed numbers.* got 'low'"),
            ({"correct": [2, 0, 1, 1]}, r"correct: expected True, False.* got 2"),
            ({"reaction_time": [-0.1, 0, 1, 1]}, r"reaction_time: expected seconds.*-0.1 in row 0"),
            ({"stop": [1, 0.5, 1.5, 3]}, r"stop: expected times from start on, got start 1"),
            ({"start": [0.9, 0.5, 0, 2]}, r"start: expected trials in order.*start 0.5"),
        ],
    )
    def test_refused(self, columns: dict[str, Any], message: str) -> None:
        with pytest.raises(DataError, match=message):
            TRIALS.assign(**columns).contract()

    def test_slips(self) -> None:
        slip = Trials({"choise": [1], "session": [1]})
        with pytest.raises(DataError, match=r"too, got .*; did you mean 'choise'"):
            slip.contract("choice")
        with pytest.raises(DataError, match=r"columns: expected one of .* did you mean 'choice'"):
            slip.contract("choise")
        for call in (slip.contract, slip.require, slip.split):
            with pytest.raises(DataError, match=r"columns: expected names as text, got \['choice"):
                call(["choice"])  # type: ignore[arg-type]
        with pytest.raises(DataError, match=r"session: expected one of .* did you mean 'session'"):
            Trials({"session": [1]}, session="sesion")
        with pytest.raises(DataError, match="on: expected names of columns, got 3"):
            slip.join(slip, on=3)  # type: ignore[arg-type]

    def test_columns_that_are_missing_or_none_of_its(self) -> None:
        with pytest.raises(DataError, match=r"table: expected the columns \['action'\] too"):
            Trials({"choice": [1]}).contract("action")
        with pytest.raises(DataError, match=r"columns: expected .* got 'coherence'"):
            TRIALS.contract("coherence")

    def test_told(self) -> None:
        with pytest.warns(UserWarning, match=r"stimulus: expected positive where 1 is right"):
            TRIALS.assign(stimulus=[-0.5, 0.5, 0, -0.1]).contract()
        with pytest.warns(UserWarning, match=r"reaction_time: .*milliseconds"):
            TRIALS.assign(reaction_time=[300, 200, NAN, 400]).contract("reaction_time")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            one_sided = TRIALS.assign(stimulus=[-0.5, -0.5, 0, -0.1])  # strengths without a side
            one_sided.contract()

    def test_sessions_under_another_name(self) -> None:
        found = Trials({"day": [1, 2], "mouse": ["a", "a"]}, session="day", subject="mouse")
        assert found.contract().to_dict("list") == {"session": [1, 2], "subject": ["a", "a"]}


class TestRecode:
    def test_every_value_needs_a_code(self) -> None:
        sides = Trials({"choice": ["left", "right", "none", None]})
        codes = {"left": 0, "right": 1, "none": None}
        found = sides.recode("choice", codes).contract("choice")["choice"]
        np.testing.assert_array_equal(found, [0, 1, NAN, NAN])
        with pytest.raises(DataError, match=r"codes: .*every value of 'choice', got none for \["):
            sides.recode("choice", {"left": 0, "right": 1})

    @pytest.mark.parametrize("missing", [None, NAN, pd.NA, pd.NaT])
    def test_what_is_missing_may_have_a_code(self, missing: Any) -> None:
        trials = Trials({"choice": pd.Series([1, None, 0], dtype=object)})
        assert trials.recode("choice", {1: 1, 0: 0, missing: 2}).table["choice"].tolist() == [
            1,
            2,
            0,
        ]
        found = trials.recode("choice", {1: missing, 0: 0}).table["choice"]
        np.testing.assert_array_equal(found, [NAN, NAN, 0.0])
        if missing is not None:
            with pytest.raises(DataError, match="codes: expected one code for what is missing"):
                trials.recode("choice", {1: 1, 0: 0, missing: 2, None: 3})

    def test_codes_keep_all_digits(self) -> None:
        codes = {"a": 2**53 + 1, "b": None}
        found = Trials({"choice": ["a", "b"]}).recode("choice", codes).table["choice"]
        assert found.tolist() == [2**53 + 1, None]

    def test_slips(self) -> None:
        with pytest.raises(DataError, match=r"none for .'left'.; did you mean 'lefd'"):
            Trials({"choice": ["left"]}).recode("choice", {"lefd": 0})
        with pytest.raises(DataError, match=r"choice: expected values that can be looked up"):
            Trials({"choice": [["left"]]}).recode("choice", {"left": 0})

    def test_of_the_international_brain_laboratory(self) -> None:
        # −1 is the rightward choice there, 1 the leftward one, 0 none.
        found = Trials({"choice": [-1, 0, 1]}).recode("choice", "ibl").contract("choice")
        np.testing.assert_array_equal(found["choice"], [1, NAN, 0])
        with pytest.raises(DataError, match=r'codes: expected a mapping of old to new, or "ibl"'):
            TRIALS.recode("choice", "bpod")


class TestSessions:
    def test_subjects_with_one_label_stay_apart(self) -> None:
        assert [len(x) for x in TRIALS.sessions()] == [2, 2]
        assert TRIALS.session_numbers().tolist() == [0, 0, 1, 1]
        assert TRIALS.session_starts().tolist() == [True, False, True, False]
        assert [x.subject for x in TRIALS.sessions()] == ["subject", "subject"]

    def test_interrupted_sessions_have_no_neighbours(self) -> None:
        mixed = Trials({"session": [1, 2, 1]})
        assert [len(x) for x in mixed.sessions()] == [2, 1]
        with pytest.raises(DataError, match=r"session: .*in one piece.*\[1\] again in row 2"):
            mixed.session_starts()

    def test_without_a_column(self) -> None:
        assert Trials({"x": [1, 2]}).session_starts().tolist() == [True, False]
        assert Trials({"x": []}).session_starts().tolist() == []
        with pytest.raises(DataError, match=r"subject: expected a value in every row"):
            Trials({"subject": ["a", None]})


class TestVerbs:
    def test_epochs_know_their_trial(self) -> None:
        first = TRIALS.select(subject="a")
        assert first.epochs() == Epochs([0, 1], [1, 2], {"trial": [0, 1]})
        assert first.epochs("start", window=(-0.1, 0.2)).start.tolist() == [-0.1, 0.9]
        assert first.epochs().index([0.5, 1.0, 2.5]).tolist() == [0, 1, -1]
        with pytest.raises(DataError, match=r"trials: expected one session"):
            TRIALS.epochs()
        with pytest.raises(DataError, match=r"reaction_time: expected a time in every row"):
            TRIALS.select(subject="b").epochs("reaction_time", window=(0, 1))

    def test_select(self) -> None:
        assert len(TRIALS.select(choice=1)) == 2
        assert TRIALS.select([3, 0]).table["reward"].tolist() == [1, 1]
        assert len(TRIALS.select(TRIALS.table["reward"] > 0, subject=["b"])) == 1
        assert len(TRIALS.select(stimulus=lambda s: abs(s) > 0.3)) == 2
        with pytest.raises(DataError, match=r"trials: expected indices from 0 to 3"):
            TRIALS.select([9])

    def test_columns_in_another_order_are_refused(self) -> None:
        trials = Trials({"rt": [0.3, 0.1, 0.2]})
        column = trials.table["rt"]
        for call in (
            lambda x: trials.assign(again=x),
            lambda x: trials.select(x > 0.15),
            lambda x: Trials({"a": [1, 2, 3]}, session=x),
        ):
            assert len(call(column)) >= 2
            assert len(call(column.sort_values().reset_index(drop=True))) >= 2
            assert len(call(column.set_axis([2, 4, 9]))) >= 2  # rows of a larger table
            for moved in (column.sort_values(), column.set_axis([4, 9, 2])):
                with pytest.raises(DataError, match="values in the order of the rows, got another"):
                    call(moved)

    def test_properties_in_another_order_are_refused(self) -> None:
        table = SpikeTrains([0.1], [0], 2, properties={"depth": [9.0, 1.0]}).unit_table()
        sorted_one = table["depth"].sort_values()
        for columns in (table.sort_values("depth"), {"depth": sorted_one}):
            with pytest.raises(DataError, match="values in the order of the rows, got another"):
                SpikeTrains([0.1], [0], 2, properties=columns)

    def test_join_keeps_every_trial_in_its_place(self) -> None:
        pupil = Trials({"subject": ["b", "a"], "start": [2.0, 1.0], "pupil": [3.5, 3.1]})
        found = TRIALS.join(pupil, on=["subject", "start"])
        np.testing.assert_array_equal(found.table["pupil"], [NAN, 3.1, NAN, 3.5])
        assert found.subject == "subject"
        beside = TRIALS.join(pd.DataFrame({"x": range(4)}))
        assert beside.table["x"].tolist() == [0, 1, 2, 3]

    @given(
        st.lists(KEYS, min_size=1, max_size=8),
        st.lists(st.tuples(KEYS, st.integers(-(2**63), 2**63 - 1)), max_size=8),
    )
    def test_join_against_a_plain_loop(self, ours: list[Any], theirs: list[Any]) -> None:
        rows = dict(theirs)  # the last of equal keys
        rows = {key: value for key, value in rows.items() if key in ours}
        trials = Trials({"key": pd.Series(ours, dtype=object)})
        values = pd.Series(list(rows.values()), dtype=np.int64)
        other = Trials({"key": pd.Series(list(rows), dtype=object), "value": values})
        found = trials.join(other, on="key")
        assert found.table["key"].tolist() == ours
        column = found.table["value"]
        for key, value, gone in zip(ours, column, column.isna(), strict=True):
            assert gone == (key not in rows)
            assert gone or int(value) == rows[key]

    def test_join_tells_large_keys_apart(self) -> None:
        big = 2**53
        trials = Trials({"id": [big, big + 1]})
        found = trials.join(Trials({"id": [float(big)], "x": [1]}), on="id")
        assert found.table["id"].tolist() == [big, big + 1]
        np.testing.assert_array_equal(found.table["x"], [1.0, NAN])
        with pytest.raises(DataError, match="rows of these trials, got none with"):
            trials.join(Trials({"id": [str(big)], "x": [1]}), on="id")
        one_for_all = Trials({"s": [1, 1, 2]}).join(Trials({"s": [1, 2], "rig": [7, 8]}), on="s")
        assert one_for_all.table["rig"].tolist() == [7, 7, 8]
        with pytest.raises(DataError, match="on: expected columns of labels, got lists"):
            Trials({"s": [[1]]}).join(Trials({"s": [[1]], "x": [1]}), on="s")

    @pytest.mark.parametrize(
        ("other", "on", "message"),
        [
            ({"x": [1]}, None, r"other: expected 4 rows \(or give on=\), got 1"),
            ({"reward": [1] * 4}, None, r"other: expected columns that the trials do not have"),
            ({"start": [9.0], "x": [1]}, "start", r"rows of these trials, got none with"),
            ({"start": [1.0, 1.0], "x": [1, 2]}, "start", r"one row for each .* several for"),
            ({"x": [1]}, "start", r"table: expected the columns \['start'\] too"),
        ],
    )
    def test_join_refused(self, other: Any, on: Any, message: str) -> None:
        with pytest.raises(DataError, match=message):
            TRIALS.join(Trials(other), on)

    def test_behaviour_at_a_moment_of_each_trial(self) -> None:
        wheel = Signal(np.arange(100.0), 10.0)
        found = TRIALS.assign(wheel=wheel.at(TRIALS.table["start"])[:, 0])
        assert found.table["wheel"].tolist() == [0, 10, 0, 20]

    def test_on_another_clock(self) -> None:
        found = TRIALS.on_clock(Clock(10.0, 0.5)).table
        assert found["start"].tolist() == [10, 11.5, 10, 13]
        assert found["reaction_time"][0] == pytest.approx(0.45)
        assert found["reward"].tolist() == [1, 0, 0, 1]

    def test_the_table_is_a_copy(self) -> None:
        table = TRIALS.table
        table.loc[0, "reward"] = 99
        del table["choice"]
        assert TRIALS.table["reward"][0] == 1
        assert "choice" in TRIALS.columns


class TestLabelsOfEachTrial:
    @pytest.mark.parametrize("labels", [["a", "a", "b"], np.array([3, 3, 1]), pd.Series(["x"] * 3)])
    def test_they_become_the_column(self, labels: Any) -> None:
        trials = Trials({"choice": [0, 1, 0]}, session=labels, subject=[1, 1, 1])
        assert trials.table["session"].tolist() == list(labels)
        assert (trials.session, trials.subject) == ("session", "subject")
        assert len(list(trials.sessions())) == len(set(labels))

    @pytest.mark.parametrize("labels", [["a"], [["a", "b", "c"]], ["a", None, "b"], 5])
    def test_others_are_refused(self, labels: Any) -> None:
        with pytest.raises(DataError, match="session: expected"):
            Trials({"choice": [0, 1, 0]}, session=labels)

    def test_a_column_of_that_name_is_not_replaced(self) -> None:
        with pytest.raises(DataError, match="session: expected no labels"):
            Trials({"session": [0, 1]}, session=[1, 1])


@pytest.mark.parametrize("on", [None, "trial"])
def test_what_is_known_of_joined_columns_comes_along(on: str | None) -> None:
    about = {"time_columns": ["go", "trial"], "duration_columns": ["held"], "of": "the others"}
    ours = Trials({"trial": [0, 1], "cue": [1.0, 2.0]}, metadata={"time_columns": ["cue"]})
    other = {"go": [1.5, 2.5], "held": [0.25, 0.5], "gone": [0, 0]}
    theirs = Trials({**other, **({"trial": [0, 1]} if on else {})}, metadata=about)
    joined = ours.join(theirs, on=on)
    assert joined.metadata == {"time_columns": ["cue", "go"], "duration_columns": ["held"]}
    moved = joined.on_clock(Clock(10.0, 1.0)).table
    assert moved["go"].tolist() == [13.0, 15.0]
    assert moved["held"].tolist() == [0.5, 1.0]
    assert ours.join(theirs.table, on=on).metadata == ours.metadata


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"a": [1], "b": [1, 2]}, r"columns of one length, got values in each: {'a': 1, 'b': 2}"),
        ({"a": 1, "b": "x"}, r"a value per row, got one value as \['a', 'b'\]; put .* into lists"),
        ({"a": np.ones((2, 3)), "b": [1, 2]}, r"one value per row, got shapes {'a': \(2, 3\)}; "),
        (7, r"columns: a DataFrame, or a mapping .* got int that is no table; "),
        ("abc", r"columns: a DataFrame, or a mapping .* got str that is no table; "),
    ],
)
def test_what_is_no_table_is_told_by_its_columns(table: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"table: expected .*{message}"):
        Trials(table)


def test_an_interrupted_session_is_told_by_its_label() -> None:
    trials = Trials({"session": [1, 1, 1], "subject": ["a", "b", "a"]})
    with pytest.raises(DataError, match=r"got \['a', 1\] again in row 2; sort the trials"):
        trials.session_starts()


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, NAN]), max_size=6), st.integers(0, 6))
def test_trials_are_in_order_whatever_starts_are_missing(starts: list[float], cut: int) -> None:
    session = [int(i >= cut) for i in range(len(starts))]
    trials = Trials({"start": np.array(starts, dtype=float), "session": session})
    pairs = [(i, j) for j in range(len(starts)) for i in range(j) if session[i] == session[j]]
    if any(starts[j] < starts[i] for i, j in pairs):
        with pytest.raises(DataError, match=r"start: expected trials in order.*in row \d"):
            trials.contract()
    else:
        assert len(trials.contract()) == len(starts)


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA, pd.NaT])
def test_rows_without_a_key_belong_to_no_trial(missing: Any) -> None:
    trials = Trials({"day": [1, 1, 2], "key": pd.Series(["a", missing, "b"], dtype=object)})
    other = pd.DataFrame({"day": [2, 1], "key": ["b", "a"], "x": [20, 10]})
    found = trials.join(other, on=["day", "key"]).table["x"]
    np.testing.assert_array_equal(found, [10, np.nan, 20])
    lost = pd.DataFrame({"day": [1], "key": pd.Series([missing], dtype=object), "x": [3]})
    with pytest.raises(DataError, match=r"other: expected values of .*none in row 0.*dropna"):
        trials.join(lost, on=["day", "key"])
