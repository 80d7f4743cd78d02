"""The code of a function without lines, comments and docstrings, and what it refers to."""

from __future__ import annotations

import dis
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType

_LOADS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
_HAS_DOCSTRING = 0x4000000  # CO_HAS_DOCSTRING, from Python 3.14 on
# *args, **kwargs, generator, coroutine, asynchronous generator; profilers change other flags.
_KINDS = 0x04 | 0x08 | 0x20 | 0x80 | 0x200


@dataclass(frozen=True, slots=True)
class References:
    """What a piece of code looks up outside itself.

    Parameters
    ----------
    globals : tuple of tuple of str
        Names of globals, each followed by the attributes taken from it at once.
    imports : tuple of str
        Modules imported inside.
    names : frozenset of str
        All names of attributes.
    """

    globals: tuple[tuple[str, ...], ...]
    imports: tuple[str, ...]
    names: frozenset[str]


@lru_cache(maxsize=10_000)
def code_digest(code: CodeType) -> str:
    """Return a digest of the instructions and constants of `code`, nested functions included."""
    digest = hashlib.blake2b(digest_size=16)
    if "__firstlineno__" in code.co_names:  # a class body of Python 3.13 knows its line
        kept = (i for i in dis.get_instructions(code) if not _is_line(i, code))
        text = [f"{i.opname} {i.argrepr}" for i in kept]
        text += [_constant(constant) for constant in _constants(code)]
    else:  # a docstring moves the places of constants: they count by what they are
        kept = (i for i in dis.get_instructions(code) if i.opname != "EXTENDED_ARG")
        text = [f"{i.opname} {_operand(i, code)}" for i in kept]
        digest.update(code.co_exceptiontable)
    digest.update("\n".join(text).encode("utf-8", "surrogatepass"))
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
    digest.update(repr((names, counts, code.co_flags & _KINDS)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


@lru_cache(maxsize=10_000)
def references(code: CodeType) -> References:
    """Return what `code` and the functions in it look up outside themselves."""
    chains: set[tuple[str, ...]] = set()
    imports: set[str] = set()
    names: set[str] = set()
    for part in _parts(code):
        names.update(part.co_names)
        chain: tuple[str, ...] = ()
        for instruction in dis.get_instructions(part):
            name = instruction.opname
            if name in _LOADS:
                chains.add(chain)
                chain = (str(instruction.argval),)
            elif chain and name in ("LOAD_ATTR", "LOAD_METHOD"):
                chain = (*chain, str(instruction.argval))
            elif name == "IMPORT_NAME":
                imports.add(str(instruction.argval))
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


def _constants(code: CodeType) -> list[object]:
    """Return the constants that matter: a docstring is none, nor is a class body's line."""
    constants = list(code.co_consts)
    documented = (
        bool(code.co_flags & _HAS_DOCSTRING)
        if sys.version_info >= (3, 14)
        else not code.co_name.startswith("<")
    )
    if documented and constants and isinstance(constants[0], str):
        del constants[0]
    if "__firstlineno__" in code.co_names:
        constants = [c for c in constants if c != code.co_firstlineno]
    return constants


def _constant(value: object) -> str:
    if isinstance(value, CodeType):
        return f"code {code_digest(value)}"
    if isinstance(value, frozenset):
        return f"frozenset {sorted(map(_constant, value))}"
    if isinstance(value, tuple):
        return f"tuple {[_constant(part) for part in value]}"
    return f"{type(value).__name__} {value!r}"


def _operand(instruction: dis.Instruction, code: CodeType) -> object:
    """Return what an instruction works on: of a constant its value, of others their number."""
    number = instruction.arg
    if number is not None and (
        instruction.opcode in dis.hasconst or instruction.opname == "KW_NAMES"
    ):
        return _constant(code.co_consts[number])
    return number


def _is_line(instruction: dis.Instruction, code: CodeType) -> bool:
    """Return whether an instruction of a class body only says where the class stands."""
    value = instruction.argval
    return isinstance(value, CodeType) or value in ("__firstlineno__", code.co_firstlineno)
