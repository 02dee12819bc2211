"""What does a small program compute? A whitelisted interpreter: nothing is ever executed."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable

__all__ = ["run_program"]

_ARITHMETIC: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[int, int], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_LONGEST = 4000
_LARGEST = 10**18


class _NotUnderstood(Exception):
    pass


def run_program(source: str, name: str, argument: int) -> int | None:
    """What `name(argument)` returns, in the language of one integer function with assignments,
    `if`/`else` and + - *; None for anything else."""
    if len(source) > _LONGEST:
        return None
    try:
        module = ast.parse(source)
        if len(module.body) != 1 or not isinstance(module.body[0], ast.FunctionDef):
            return None
        function = module.body[0]
        if function.name != name or len(function.args.args) != 1:
            return None
        return _run(function.body, {function.args.args[0].arg: argument})
    except (SyntaxError, ValueError, RecursionError, MemoryError, _NotUnderstood):
        return None


def _run(body: list[ast.stmt], values: dict[str, int]) -> int | None:
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                values[name] = _value(value, values)
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                values[name] = _apply(op, values.get(name), _value(value, values))
            case ast.If(test=test, body=then, orelse=otherwise):
                returned = _run(then if _holds(test, values) else otherwise, values)
                if returned is not None:
                    return returned
            case ast.Return(value=ast.expr() as value):
                return _value(value, values)
            case _:
                raise _NotUnderstood
    return None


def _value(node: ast.expr, values: dict[str, int]) -> int:
    match node:
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return number
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.BinOp(left=left, op=op, right=right):
            return _apply(op, _value(left, values), _value(right, values))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values)
        case _:
            raise _NotUnderstood


def _apply(op: ast.operator, left: int | None, right: int) -> int:
    apply = _ARITHMETIC.get(type(op))
    if apply is None or left is None:
        raise _NotUnderstood
    result = apply(left, right)
    if abs(result) > _LARGEST:
        raise _NotUnderstood
    return result


def _holds(node: ast.expr, values: dict[str, int]) -> bool:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            return _COMPARISONS[type(op)](_value(left, values), _value(right, values))
        case _:
            raise _NotUnderstood
