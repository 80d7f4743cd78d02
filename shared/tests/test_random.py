"""SplitMix64 by counter: the published stream, and the same bits from numpy and numba."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroloom.shared import DataError, Seed, random

WORD = 2**64 - 1


def splitmix64(state: int, n: int) -> list[int]:
    """Return the first `n` outputs as the paper's figure 13 computes them, in plain integers."""
    out = []
    for _ in range(n):
        state = (state + 0x9E3779B97F4A7C15) & WORD
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
        out.append(z ^ (z >> 31))
    return out


@given(st.integers(0, WORD))
def test_the_stream_of_a_seed(state: int) -> None:
    assert random.numbered(state, range(1, 6)).tolist() == splitmix64(state, 5)


def test_the_published_values() -> None:
    # The first outputs for seed 1234567, as given by the generator's public test vectors.
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert random.numbered(1234567, [1, 2, 3]).tolist() == expected


@given(st.lists(st.integers(0, WORD), min_size=1, max_size=5))
def test_in_place_and_not(words: list[int]) -> None:
    z = np.array(words, dtype=np.uint64)
    assert random.mix(z).tolist() == random.mix_in_place(z.copy()).tolist()
    assert z.tolist() == words


def test_shapes_and_negative_numbers() -> None:
    keys = np.arange(3, dtype=np.uint64)
    assert random.numbered(keys, np.arange(4)[:, None]).shape == (4, 3)
    assert random.numbered(np.uint64(1), 2).shape == ()
    assert random.numbered(keys, -1).tolist() == random.numbered(keys, np.uint64(WORD)).tolist()


def test_uniform_numbers_keep_off_one() -> None:
    assert random.uniform(np.array([0, WORD], dtype=np.uint64)).tolist() == [0.0, 1 - 2.0**-53]


def test_keys_follow_the_tree_of_seeds() -> None:
    assert random.key(Seed(7).child("a")) == Seed(7).child("a").integer(64)
    assert random.key(7) != random.key(Seed(7).child("a"))


def test_compiled_by_numba() -> None:
    numba = pytest.importorskip("numba")
    fast = numba.njit(random.mix)
    words = random.numbered(11, range(100))
    assert [fast(word) for word in words] == random.mix(words).tolist()


@pytest.mark.parametrize(("keys", "numbers"), [(5, 1.5), (5.9, 1), (5, [1, 2.0]), (5, [True, "a"])])
def test_what_is_no_whole_number_is_refused(keys: Any, numbers: Any) -> None:
    with pytest.raises(DataError, match="expected whole numbers"):
        random.numbered(keys, numbers)


def test_lists_on_both_sides_of_the_signed_numbers() -> None:
    both = random.numbered([2**64 - 1, 5], [2**63 + 1, -1])
    assert both.tolist() == [
        int(random.numbered(np.uint64(2**64 - 1), np.uint64(2**63 + 1))),
        int(random.numbered(5, 2**64 - 1)),
    ]
    assert random.numbered(5, []).shape == (0,)


@pytest.mark.parametrize("dtype", [np.uint32, np.int64, np.float64])
def test_words_of_another_width_are_refused(dtype: Any) -> None:
    with pytest.raises(DataError, match=r"words: expected words of 64 bits \(uint64\), got dtype"):
        random.uniform(np.array([7], dtype))


def test_a_number_under_a_mask_is_refused() -> None:
    hidden = np.ma.array([1, 2], mask=[False, True])
    for keys, numbers in ((5, hidden), (hidden, 5)):
        with pytest.raises(DataError, match="masked"):
            random.numbered(keys, numbers)


@pytest.mark.parametrize("outside", [2**64, -(2**63) - 1, [1, 2**70]])
def test_integers_beyond_words_are_refused(outside: Any) -> None:
    with pytest.raises(DataError, match=r"keys: expected whole numbers from -2\*\*63"):
        random.numbered(outside, 1)
    with pytest.raises(DataError, match=r"numbers: expected whole numbers from -2\*\*63"):
        random.numbered(1, outside)


def test_a_negative_key_is_the_word_that_holds_it() -> None:
    assert random.numbered(-1, [1, 2]).tolist() == splitmix64(WORD, 2)
    assert random.numbered([-1, 2**64 - 1], 1).tolist() == 2 * splitmix64(WORD, 1)


def test_words_that_are_signed_come_to_mix_as_unsigned_ones() -> None:
    signed = np.array([5, -5])
    words = random.mix(signed.view(np.uint64))
    if int(np.__version__.partition(".")[0]) < 2:
        assert random.mix(signed).tolist() == words.tolist()
    else:
        with pytest.raises(TypeError):
            random.mix(signed)
    numba = pytest.importorskip("numba")
    compiled = numba.njit(random.mix)
    for kind in (np.int64, np.int32, int):
        assert [compiled(kind(z)) for z in (5, -5)] == words.tolist()
    assert [compiled(np.uint64(z % 2**64)) for z in (5, -5)] == words.tolist()
    with pytest.raises(numba.TypingError):
        compiled(1.5)


@pytest.mark.parametrize(
    "z", [[1], np.array([1]), np.frombuffer(b"12345678", np.uint64), np.uint64(1)], ids=repr
)
def test_what_cannot_be_hashed_in_place_is_refused(z: Any) -> None:
    with pytest.raises(DataError, match="z: expected a writable array of words of 64 bits"):
        random.mix_in_place(z)


def test_a_read_only_array_stays_as_it_is() -> None:
    z = np.arange(3, dtype=np.uint64)
    z.flags.writeable = False
    with pytest.raises(DataError, match=r"z: expected a writable array .* got .* read-only"):
        random.mix_in_place(z)
    assert z.tolist() == [0, 1, 2]
