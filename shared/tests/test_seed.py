"""Named random streams."""

from __future__ import annotations

import hashlib
import json
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


@pytest.mark.slow
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


class TestNumpy:
    """What SPEC 7 asks for: numpy's objects are taken and given."""

    @given(st.integers(0, 2**130))
    def test_an_integer_is_numpys_own_stream(self, entropy: int) -> None:
        expected = np.random.default_rng(entropy).random(2)
        assert np.array_equal(as_seed(entropy).generator().random(2), expected)

    @given(
        st.integers(0, 2**70) | st.lists(st.integers(0, 2**40), min_size=1, max_size=3),
        st.lists(st.integers(0, 2**40), max_size=3),
        st.lists(NAME, max_size=2),
    )
    def test_a_seed_sequence_gives_its_stream(
        self, entropy: int | list[int], key: list[int], names: list[str | int]
    ) -> None:
        sequence = np.random.SeedSequence(entropy, spawn_key=key)
        expected = np.random.default_rng(sequence).random(2)
        seed = as_seed(sequence)
        assert np.array_equal(seed.generator().random(2), expected)
        assert as_seed(sequence) == Seed(sequence) == seed
        assert sequence.n_children_spawned == 0
        for name in names:
            seed = seed.child(name)
        again = as_seed(seed.sequence())
        assert again.integer(128) == seed.integer(128)
        assert again.child("x").integer(128) == seed.child("x").integer(128)
        assert Seed(json.loads(json.dumps(seed.entropy)), json.loads(json.dumps(seed.path))) == seed

    def test_spawned_sequences_differ(self) -> None:
        children = np.random.SeedSequence(5).spawn(50)
        assert len({as_seed(child).integer() for child in children}) == 50
        with pytest.raises(DataError, match="pool of 4 words, got one of 8"):
            as_seed(np.random.SeedSequence(5, pool_size=8))

    def test_a_generator_goes_on(self) -> None:
        rng = np.random.default_rng(3)
        first, second = as_seed(rng), as_seed(rng)
        assert first != second
        words = np.random.default_rng(3).integers(0, 2**32, size=4, dtype=np.uint32)
        assert first.entropy == int.from_bytes(words.astype("<u4").tobytes(), "little")
        assert as_seed(np.random.PCG64(3)) == first
        state = rng.bit_generator.state
        third = as_seed(rng)
        rng.bit_generator.state = state
        assert as_seed(rng) == third

    def test_numpy_takes_a_seed(self) -> None:
        seed = Seed(7).child("noise")
        expected = seed.generator().random(3)
        assert np.array_equal(np.random.default_rng(seed).random(3), expected)
        for kind in (np.random.PCG64, np.random.Philox, np.random.MT19937, np.random.SFC64):
            a, b = np.random.Generator(kind(seed)), np.random.Generator(kind(seed.sequence()))
            assert np.array_equal(a.random(3), b.random(3))

    def test_none_draws(self) -> None:
        seeds = [as_seed(), as_seed(None), Seed(), Seed(None)]
        assert len({seed.entropy for seed in seeds}) == 4
        assert len({seed.integer() for seed in seeds}) == 4

    def test_several_numbers(self) -> None:
        seed = as_seed(np.array([1, 2]))
        assert seed == Seed((1, 2)) == Seed([1, 2])
        assert seed.generator().random() == np.random.default_rng([1, 2]).random()
        assert hash(seed) == hash(Seed((1, 2)))


@pytest.mark.parametrize(
    "entropy", [-1, 1.0, True, "1", [], [1.5], [[1]], np.random.RandomState(1), {}]
)
def test_entropy_that_is_none(entropy: object) -> None:
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


def test_nested_numbers_are_refused_in_own_words() -> None:
    with pytest.raises(DataError, match="entropy: expected an integer"):
        Seed((1, (2,)))
