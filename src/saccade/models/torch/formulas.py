"""Formulas in exported programs: sizes as text, which sympy evaluates, and conditions on sizes, which become Python.

Both are run as Python. So only arithmetic on whole numbers, sizes and a list of functions is let through, and only as
far as it stays small: `9**9**9**9` alone takes more time and memory than there is.
"""

from __future__ import annotations

import ast
import math
from typing import NamedTuple

_LONGEST = 10_000
_DEEPEST = 60
_MOST_TERMS = 5_000
_MOST_BITS = 5_000
_HIGHEST_POWER = 64

_FUNCTIONS = {
    "Abs", "And", "CeilDiv", "CeilToInt", "CleanDiv", "Eq", "Equality", "ExprCondPair", "FloatTrueDiv", "FloorDiv",
    "FloorToInt", "Ge", "GreaterThan", "Gt", "Identity", "IntTrueDiv", "Integer", "IsNonOverlappingAndDenseIndicator",
    "Le", "LessThan", "Lt", "Max", "Min", "Mod", "ModularIndexing", "Ne", "Not", "Or", "Piecewise", "PythonMod",
    "Rational", "RoundToInt", "StrictGreaterThan", "StrictLessThan", "ToFloat", "TruncToFloat", "TruncToInt",
    "Unequality", "Where", "ceiling", "floor", "max", "min",
}  # fmt: skip
"""What is called besides `Add`, `Mul`, `Pow`, `Symbol` and `Float`."""
_FUNCTIONS_OF_MODULES = {
    "math.ceil", "math.floor", "math.trunc", "torch._sym_sqrt", "torch.sym_float", "torch.sym_int", "torch.sym_ite",
    "torch.sym_max", "torch.sym_min", "torch.sym_not", "torch.sym_sqrt",
}  # fmt: skip
_KEYWORDS = {"finite", "integer", "negative", "nonnegative", "positive", "precision", "real", "zero"}
_VALUES = {"False", "True", "false", "int_oo", "oo", "true"}


class _Size(NamedTuple):
    """How large a formula can become: its terms when multiplied out, and the bits of its numbers."""

    terms: int
    bits: int


class _NoFormula(Exception):
    """Something in the text is none of the things that a formula is made of, or it becomes too large."""


def is_formula(text: str) -> bool:
    """Does this text only compute with sizes, and that in no time?"""
    if len(text) > _LONGEST or not text.isascii() or not text.strip():
        return False
    try:
        _size(ast.parse(text.strip(), mode="eval").body, 0)
    except (_NoFormula, SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _size(node: ast.AST, depth: int) -> _Size:
    size = _size_of(node, depth + 1)
    if depth > _DEEPEST or size.terms > _MOST_TERMS or size.bits > _MOST_BITS:
        raise _NoFormula
    return size


def _size_of(node: ast.AST, depth: int) -> _Size:
    if isinstance(node, ast.Constant):
        return _number(node.value)
    if isinstance(node, ast.Name) and (node.id in _VALUES or _is_symbol(node.id)):
        return _Size(1, 1)
    if isinstance(node, ast.UnaryOp):
        return _size(node.operand, depth)
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Pow):
            return _power(node.left, node.right, depth)
        parts = [_size(node.left, depth), _size(node.right, depth)]
        if isinstance(node.op, (ast.Add, ast.Sub)):
            return _sum(parts)
        if isinstance(node.op, ast.Mult):
            return _product(parts)
        if isinstance(node.op, (ast.Div, ast.FloorDiv, ast.Mod, ast.BitAnd, ast.BitOr)):
            return _atom(parts)
    if isinstance(node, ast.Compare):
        return _atom([_size(each, depth) for each in (node.left, *node.comparators)])
    if isinstance(node, ast.BoolOp):
        return _atom([_size(each, depth) for each in node.values])
    if isinstance(node, ast.Tuple):
        return _atom([_size(each, depth) for each in node.elts])
    if isinstance(node, ast.Subscript) and _is_size_of_input(node):
        return _Size(1, 1)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(node.func.id, node, depth)
    if isinstance(node, ast.Call) and ast.unparse(node.func) in _FUNCTIONS_OF_MODULES and not node.keywords:
        return _atom([_size(each, depth) for each in node.args])
    raise _NoFormula


def _call(name: str, node: ast.Call, depth: int) -> _Size:
    if any(each.arg not in _KEYWORDS or not isinstance(each.value, ast.Constant) for each in node.keywords):
        raise _NoFormula
    if name in ("Symbol", "Float"):
        text = node.args[0].value if len(node.args) == 1 and isinstance(node.args[0], ast.Constant) else None
        if isinstance(text, str) and (_is_symbol(text) if name == "Symbol" else _is_decimal(text)):
            return _Size(1, 64)
        raise _NoFormula
    if name == "Pow" and len(node.args) == 2:
        return _power(node.args[0], node.args[1], depth)
    parts = [_size(each, depth) for each in node.args]
    if name == "Add":
        return _sum(parts)
    if name == "Mul":
        return _product(parts)
    if name in _FUNCTIONS:
        return _atom(parts)
    raise _NoFormula


def _power(base: ast.AST, exponent: ast.AST, depth: int) -> _Size:
    if isinstance(exponent, ast.Call) and isinstance(exponent.func, ast.Name) and exponent.func.id == "Integer":
        exponent = exponent.args[0] if len(exponent.args) == 1 else exponent
    if isinstance(exponent, ast.UnaryOp) and isinstance(exponent.op, ast.USub):
        exponent = exponent.operand
    times = exponent.value if isinstance(exponent, ast.Constant) else None
    if type(times) is not int or not 0 <= times <= _HIGHEST_POWER:
        raise _NoFormula
    size = _size(base, depth)
    return _Size(size.terms**times, size.bits * times)


def _sum(parts: list[_Size]) -> _Size:
    return _Size(sum(each.terms for each in parts), max((each.bits for each in parts), default=0) + len(parts))


def _product(parts: list[_Size]) -> _Size:
    return _Size(math.prod(each.terms for each in parts), sum(each.bits for each in parts))


def _atom(parts: list[_Size]) -> _Size:
    """What is not multiplied out with what stands around it."""
    return _Size(1, sum(each.bits for each in parts) + 1)


def _number(value: object) -> _Size:
    if isinstance(value, float) and abs(value) < 2.0**63:
        return _Size(1, 64)
    if isinstance(value, int) and abs(value) < 2**63:
        return _Size(1, value.bit_length() + 1)
    raise _NoFormula


def _is_size_of_input(node: ast.Subscript) -> bool:
    """`L['x'].size()[2]`: the third size of the input of this name."""
    call = node.value
    if not isinstance(node.slice, ast.Constant) or type(node.slice.value) is not int or not isinstance(call, ast.Call):
        return False
    if call.args or call.keywords or not isinstance(call.func, ast.Attribute) or call.func.attr != "size":
        return False
    place: ast.AST = call.func.value
    while isinstance(place, ast.Subscript) and isinstance(place.slice, ast.Constant):
        if not str(place.slice.value).replace("_", "a").isalnum():
            return False
        place = place.value
    return isinstance(place, ast.Name) and place.id == "L"


def _is_symbol(name: str) -> bool:
    """A name that PyTorch gives to a size, such as `s0` or `u12`; none that sympy or Python know."""
    return len(name) > 1 and name[0] in "suz" and name[1:].lstrip("f").isdigit()


def _is_decimal(text: str) -> bool:
    return len(text) < 100 and set(text) <= set("0123456789.e+-") and abs(float(text)) < 2.0**63
