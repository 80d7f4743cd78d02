"""The code of a function without lines, comments and docstrings, and what it refers to."""

from __future__ import annotations

import bisect
import dis
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any

_LOADS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
# What a body says of itself, and what nothing is computed by.
_SAID = ("__doc__", "__firstlineno__", "__static_attributes__")
# *args, **kwargs, generator, coroutine, asynchronous generator; profilers change other flags.
_KINDS = 0x04 | 0x08 | 0x20 | 0x80 | 0x200


@dataclass(frozen=True, slots=True)
class References:
    """What a piece of code looks up outside itself.

    Parameters
    ----------
    globals : tuple of tuple of str
        Names of globals, each followed by the attributes taken from it at once.
    imports : tuple of (str, tuple of str)
        Modules imported inside, with a dot in front for each step up, and what is taken from each.
    names : frozenset of str
        All names of attributes.
    """

    globals: tuple[tuple[str, ...], ...]
    imports: tuple[tuple[str, tuple[str, ...]], ...]
    names: frozenset[str]


@lru_cache(maxsize=10_000)
def code_digest(code: CodeType) -> str:
    """Return a digest of the instructions and constants of `code`, nested functions included."""
    kept, places = _instructions(code)
    text = [f"{i.opname} {_operand(i, code, places)}" for i in kept]
    text += [repr([_place(x, places) for x in part[:3]]) + repr(part[3:]) for part in _tried(code)]
    digest = hashlib.blake2b(digest_size=16)
    digest.update("\n".join(text).encode("utf-8", "surrogatepass"))
    looked_up = tuple(name for name in code.co_names if name not in _SAID)
    names = (looked_up, code.co_varnames, code.co_freevars, code.co_cellvars)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
    digest.update(repr((names, counts, code.co_flags & _KINDS)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _instructions(code: CodeType) -> tuple[list[dis.Instruction], list[tuple[int, int]]]:
    """Return the instructions that count, and at which of them each offset in the code stands.

    A body of a class or module says its docstring and, from Python 3.13 on, its line: what puts
    them there is left out, so that instructions are counted and not their bytes.
    """
    kept: list[dis.Instruction] = []
    places: list[tuple[int, int]] = []
    for one in dis.get_instructions(code):
        if one.opname == "STORE_NAME" and one.argval in _SAID and kept:
            if one.argval != "__doc__" or isinstance(kept[-1].argval, str):
                kept.pop()
                places.append((one.offset, len(kept)))
                continue
        places.append((one.offset, len(kept)))
        if one.opname not in ("EXTENDED_ARG", "NOP"):  # `pass` is one
            kept.append(one)
    return kept, places


def _place(offset: int, places: list[tuple[int, int]]) -> int:
    """Return at which instruction an offset in the code stands."""
    found = bisect.bisect_left(places, offset, key=lambda place: place[0])
    return places[found][1] if found < len(places) else len(places)


def _tried(code: CodeType) -> list[tuple[Any, ...]]:
    """Return what is tried and where it leads: start, end, target, and the rest of each entry."""
    parse = getattr(dis, "_parse_exception_table", None)  # what dis itself prints it with
    return [] if parse is None else [tuple(part) for part in parse(code)]


@lru_cache(maxsize=10_000)
def references(code: CodeType) -> References:
    """Return what `code` and the functions in it look up outside themselves."""
    chains: set[tuple[str, ...]] = set()
    imports: set[tuple[str, tuple[str, ...]]] = set()
    names: set[str] = set()
    for part in _parts(code):
        names.update(part.co_names)
        chain: tuple[str, ...] = ()
        constants: list[Any] = [0, None]  # before an import: how many steps up, and what is taken
        for instruction in dis.get_instructions(part):
            name = instruction.opname
            if name.startswith("LOAD_") and (name.endswith("_INT") or "CONST" in name):
                constants = [constants[1], instruction.argval]
            if name in _LOADS:
                chains.add(chain)
                chain = (str(instruction.argval),)
            elif chain and name in ("LOAD_ATTR", "LOAD_METHOD"):
                chain = (*chain, str(instruction.argval))
            elif name == "IMPORT_NAME":
                up, taken = constants
                imports.add(("." * up + str(instruction.argval), taken or ()))
            elif name not in ("CACHE", "EXTENDED_ARG", "PUSH_NULL"):
                chains.add(chain)
                chain = ()
        chains.add(chain)
    return References(tuple(sorted(chains - {()})), tuple(sorted(imports)), frozenset(names))


def _parts(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _parts(constant)


def _constant(value: object) -> str:
    if isinstance(value, CodeType):
        return f"code {code_digest(value)}"
    if isinstance(value, frozenset):
        return f"frozenset {sorted(map(_constant, value))}"
    if isinstance(value, tuple):
        return f"tuple {[_constant(part) for part in value]}"
    return f"{type(value).__name__} {value!r}"


def _operand(one: dis.Instruction, code: CodeType, places: list[tuple[int, int]]) -> object:
    """Return what an instruction works on, so that it is the same wherever that is kept.

    Of a constant and a name that is what they are, of a jump its target among the instructions,
    of others their number.
    """
    number = one.arg
    if number is not None and (one.opcode in dis.hasconst or one.opname == "KW_NAMES"):
        return _constant(code.co_consts[number])
    if one.opcode in dis.hasname:
        return one.argrepr
    if one.opcode in dis.hasjrel or one.opcode in dis.hasjabs:
        return _place(int(one.argval), places)
    return number
