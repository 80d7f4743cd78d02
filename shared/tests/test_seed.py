"""Named random streams."""

from __future__ import annotations

import hashlib
import pickle
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroloom.shared import DataError, Seed, as_seed

NAME = st.text(max_size=5) | st.integers()


def test_known_answers() -> None:
    # Written down once: a release that changes them changes everybody's results.
    assert Seed(0).integer() == 6569863346532939966
    assert Seed(7).child("connectivity").integer(64) == 992476691399887077
    assert Seed(2**100, ("a", 3, -1)).integer(32) == 2478424747
    assert Seed(7).child("noise").generator().random() == 0.6138918708539515


def test_a_name_is_four_words_of_its_blake2s_digest() -> None:
    words = [
        int.from_bytes(hashlib.blake2s(text, digest_size=16).digest()[i : i + 4], "little")
        for text in (b"snoise", b"i3")
        for i in range(0, 16, 4)
    ]
    expected = np.random.SeedSequence(7, spawn_key=words).generate_state(1, np.uint32)[0]
    assert Seed(7, ("noise", 3)).integer(32) == expected


def test_the_root_stream_is_numpys_own() -> None:
    expected = np.random.default_rng(np.random.SeedSequence(5)).random(3)
    assert np.array_equal(Seed(5).generator().random(3), expected)


def test_a_hundred_thousand_names_without_collision() -> None:
    seed = Seed(3)
    names = [*(f"unit {i}" for i in range(50_000)), *range(50_000)]
    numbers = {tuple(seed.child(name).sequence().spawn_key) for name in names}
    assert len(numbers) == 100_000
    states = {seed.child(name).integer() for name in names[::5]}
    assert len(states) == 20_000


@given(st.integers(0, 2**70), st.lists(NAME, max_size=4, unique=True), st.randoms())
def test_streams_do_not_depend_on_the_order_of_creation(
    entropy: int, names: list[str | int], order: random.Random
) -> None:
    first = {name: Seed(entropy).child(name).integer() for name in names}
    shuffled = order.sample(names, len(names))
    seed = Seed(entropy)
    seed.generator().random(10)
    second = {name: seed.child(name).integer() for name in shuffled}
    assert first == second
    assert len(set(first.values())) == len(names)


@given(st.lists(NAME, max_size=3).map(tuple), st.lists(NAME, max_size=3).map(tuple))
def test_different_paths_are_different_streams(a: tuple, b: tuple) -> None:
    assert (Seed(1, a).integer() == Seed(1, b).integer()) == (a == b)


def test_text_and_number_are_different_names() -> None:
    assert Seed(1).child(3).integer() != Seed(1).child("3").integer()
    assert Seed(1).child("a").child("b").integer() != Seed(1).child("ab").integer()


@pytest.mark.parametrize("bits", [1, 8, 31, 32, 33, 63, 64, 128])
def test_integers_fill_their_range(bits: int) -> None:
    numbers = [Seed(1).child(i).integer(bits) for i in range(200)]
    assert all(0 <= number < 2**bits for number in numbers)
    for bit in range(bits):
        ones = sum(number >> bit & 1 for number in numbers)
        assert 55 < ones < 145  # 6 standard deviations of a fair coin


def test_two_streams_are_uncorrelated() -> None:
    a, b = (Seed(0).child(name).generator().standard_normal(10_000) for name in ("a", "b"))
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.04  # 4 standard errors


def test_global_state_is_neither_read_nor_written() -> None:
    before = np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    Seed(1).child("x").generator().random(5)
    Seed(1).integer()
    assert np.array_equal(np.random.get_state()[1], before[0])  # noqa: NPY002
    assert random.getstate() == before[1]


def test_children_are_named_by_number() -> None:
    assert Seed(4).children(3) == [Seed(4, (0,)), Seed(4, (1,)), Seed(4, (2,))]
    assert Seed(4).child(np.int32(2)) == Seed(4, (np.int64(2),)) == Seed(4).child(2)
    assert Seed(4, ["a"]) == Seed(4, ("a",))  # type: ignore[arg-type]


def test_seeds_are_values() -> None:
    seed = Seed(np.int64(4)).child("a")  # type: ignore[arg-type]
    assert pickle.loads(pickle.dumps(seed)) == seed
    assert hash(seed) == hash(Seed(4, ("a",)))
    assert as_seed(4) == Seed(4)
    assert as_seed(seed) is seed


@pytest.mark.parametrize("entropy", [-1, 1.0, True, "1", None])
def test_entropy_that_is_no_integer(entropy: object) -> None:
    with pytest.raises(DataError, match=r"entropy: expected an integer of at least 0"):
        Seed(entropy)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"seed: expected an integer of at least 0"):
        as_seed(entropy)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [True, 1.0, None, b"a", ("a",)])
def test_names_that_are_none(name: object) -> None:
    with pytest.raises(DataError, match=r"name: expected text or an integer"):
        Seed(1).child(name)  # type: ignore[arg-type]


def test_a_path_that_is_text() -> None:
    with pytest.raises(DataError, match=r"path: expected a tuple of names, got 'abc'"):
        Seed(1, "abc")  # type: ignore[arg-type]


@pytest.mark.parametrize("bits", [0, -1, 1.5, True])
def test_no_such_number_of_bits(bits: object) -> None:
    with pytest.raises(DataError, match=r"bits: expected an integer of at least 1"):
        Seed(1).integer(bits)  # type: ignore[arg-type]
