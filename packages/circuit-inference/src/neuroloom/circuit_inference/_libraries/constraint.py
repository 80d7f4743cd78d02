"""Constraints between parameters as text, which files can hold and nobody runs.

An expression is read into Python's syntax tree, and only names of parameters, numbers, arithmetic,
a few functions and comparisons of it are understood.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neuroloom.circuit_inference.errors import PriorError

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_COMPARED: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
}


def holds(expression: str, values: Mapping[str, Any]) -> Any:
    """Return where a constraint holds, for values by the names of the parameters.

    Parameters
    ----------
    expression : str
        Such as ``"abs(J_EI) > 2 * J_EE"`` or ``"0.1 < tau_E / tau_I < 1"``.
    values : mapping of str to ndarray
        Values of each parameter, all of one shape.

    Raises
    ------
    PriorError
        If it is no comparison, or holds something else.

    Examples
    --------
    >>> holds("a < 2 * b", {"a": np.array([1.0, 5.0]), "b": np.array([1.0, 1.0])}).tolist()
    [True, False]
    """
    try:
        tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise PriorError(f"constraints: expected a comparison, got {expression!r}") from error
    if not isinstance(tree, ast.Compare):
        raise PriorError(f"constraints: expected a comparison, got {expression!r}")
    try:
        with np.errstate(all="ignore"):  # what is no number holds nowhere
            parts = [_value(part, values, expression) for part in (tree.left, *tree.comparators)]
    except (OverflowError, RecursionError) as error:
        raise PriorError(f"constraints: expected a comparison, got {expression!r}") from error
    out = np.ones(np.shape(next(iter(values.values()))), dtype=bool)
    for compared, left, right in zip(tree.ops, parts[:-1], parts[1:], strict=True):
        if type(compared) not in _COMPARED:
            raise PriorError(f"constraints: expected <, <=, > or >=, got {expression!r}")
        out &= _COMPARED[type(compared)](left, right)
    return out


def _value(node: ast.expr, values: Mapping[str, Any], expression: str) -> Any:
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, (int, float))
        and not isinstance(node.value, bool)
    ):
        # Whole numbers of Python would be computed to the last digit: 9**9**9 never ends.
        return np.float64(node.value)
    if isinstance(node, ast.Name):
        if node.id not in values:
            raise PriorError(f"constraints: expected names of {list(values)}, got {node.id!r}")
        return values[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        sides = (_value(side, values, expression) for side in (node.left, node.right))
        return _BINARY[type(node.op)](*sides)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, values, expression)
    if isinstance(node, ast.Call) and (function := _function(node)):
        return function(_value(node.args[0], values, expression))
    raise PriorError(
        f"constraints: expected parameters, numbers, + - * / **, {', '.join(_FUNCTIONS)} and "
        f"comparisons, got {expression!r}"
    )


def _function(node: ast.Call) -> Callable[[Any], Any] | None:
    """Return the function that is called with one value, if it is one of ours."""
    if isinstance(node.func, ast.Name) and len(node.args) == 1 and not node.keywords:
        return _FUNCTIONS.get(node.func.id)
    return None
