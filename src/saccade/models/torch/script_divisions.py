"""Divisions of whole numbers in a TorchScript archive that would end the process.

PyTorch leaves such divisions to the processor, which stops the program at a remainder by 0, and where the smallest
whole number is divided by -1. Some are computed already while the code is loaded: what is made of constants alone is
folded. Those are found in the code as text; in all others the divisor is looked at before it is used.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from typing import Any

from saccade.models.torch.script_graphs import nodes_in
from saccade.models.torch.script_insertion import inserted, whole_number
from saccade.models.torch.trust import Untrusted

_DIVISIONS = frozenset({"floordiv", "remainder"})
_ROUNDED = frozenset({"aten::div", "aten::div_", "aten::divide", "aten::divide_"})
_PASSES = 20
"""How often the assignments of a function are gone through; where that is not enough, all its variables may be
constants."""


def is_safe_divisor(number: Any) -> bool:
    """Can any number be divided by this one?"""
    return isinstance(number, float) or (isinstance(number, int) and number not in (0, -1))


# Before loading


def check_folded_divisions(function: ast.FunctionDef, constants: Collection[str]) -> None:
    """Look at the divisions that PyTorch may compute while it loads a function.

    Args:
        function: As it stands in the archive.
        constants: The names of all attributes in the archive whose values stand in the code.

    Raises:
        Untrusted: All numbers of one may be constants, and the divisor is not plainly a fitting one.
    """
    unclear = [operands for operands in _divisions(function) if not _fits(operands)]
    if not unclear:
        return
    reader = ConstantReader(function, constants)
    if any(all(map(reader.may_be_constant, operands)) for operands in unclear):
        raise Untrusted("a division of constants")


def _divisions(function: ast.FunctionDef) -> Iterator[list[ast.expr]]:
    """The dividend and the divisor of each; more or fewer where the call is an odd one."""
    for node in ast.walk(function):
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mod, ast.FloorDiv)):
            yield [node.left, node.right]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _DIVISIONS:
            receiver = [] if _is_namespace(node.func.value) else [node.func.value]
            named = [keyword.value for keyword in node.keywords]
            # Named numbers may come in any order: the second is then not known.
            yield [*receiver, *node.args, *named, *named]


def _is_namespace(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in ("torch", "ops")


def _fits(operands: list[ast.expr]) -> bool:
    divisor = operands[-1]
    return len(operands) == 2 and isinstance(divisor, ast.Constant) and is_safe_divisor(divisor.value)


class ConstantReader:
    """Tells which expressions of a function could be made of constants alone.

    What depends on an argument, on an attribute of the module, or on the result of a function is not known before the
    function runs.

    Args:
        function: As it stands in the archive.
        constants: As above.
    """

    def __init__(self, function: ast.FunctionDef, constants: Collection[str]) -> None:
        self._constants = constants
        self._arguments = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
        self._values: dict[str, list[ast.expr | None]] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign):
                self._assign(node.targets, node.value)
            elif isinstance(node, ast.AnnAssign):
                self._assign([node.target], node.value)
            elif isinstance(node, ast.For):
                # A loop over a tuple is written out, item by item.
                self._assign([node.target], None)
        self._variables: set[str] = set()
        for _ in range(_PASSES):
            more = {name for name in self._values if name not in self._variables and self._may_hold_constant(name)}
            self._variables |= more
            if not more:
                return
        self._variables = set(self._values)

    def _assign(self, targets: list[ast.expr], value: ast.expr | None) -> None:
        for target in targets:
            for part in ast.walk(target):
                if isinstance(part, ast.Name):
                    self._values.setdefault(part.id, []).append(value)

    def _may_hold_constant(self, name: str) -> bool:
        return any(value is None or self.may_be_constant(value) for value in self._values[name])

    def may_be_constant(self, node: ast.expr) -> bool:
        """Could PyTorch know this value while it loads the function?"""
        if isinstance(node, ast.Name):
            return node.id in self._variables or (node.id not in self._values and node.id not in self._arguments)
        if isinstance(node, ast.Attribute):
            return node.attr in self._constants or not self._is_part_of_argument(node)
        if isinstance(node, ast.Subscript):
            return self.may_be_constant(node.value)
        if isinstance(node, (ast.BinOp, ast.UnaryOp)):
            operands = [node.operand] if isinstance(node, ast.UnaryOp) else [node.left, node.right]
            return all(map(self.may_be_constant, operands))
        if isinstance(node, (ast.List, ast.Tuple)):
            return any(map(self.may_be_constant, node.elts))
        if isinstance(node, ast.IfExp):
            return self.may_be_constant(node.body) or self.may_be_constant(node.orelse)
        return not isinstance(node, ast.Call) or self._call_may_be_constant(node)

    def _is_part_of_argument(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and not self.may_be_constant(node)

    def _call_may_be_constant(self, node: ast.Call) -> bool:
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        if isinstance(node.func, ast.Name):
            return any(map(self.may_be_constant, values)) or not values
        if not isinstance(node.func, ast.Attribute) or node.func.attr == "len":  # the length of a tuple is a constant
            return True
        owner = ast.unparse(node.func.value)
        if owner in ("torch", "ops.aten"):
            return all(map(self.may_be_constant, values))
        if owner.startswith(("ops.", "__torch__.")):
            # A constant that is put into a tuple, or a named one, is a constant still when it is taken out.
            return any(map(self.may_be_constant, values)) or not values
        return all(map(self.may_be_constant, [node.func.value, *values]))


# Once it is loaded


def guard_divisions(functions: Any) -> None:
    """Have every divisor looked at before it is used; `functions` is the compilation unit.

    It goes through a list of its own: the item that is taken out of that is the divisor, or there is none, and the
    script raises.

    Raises:
        Untrusted: A division cannot be guarded.
    """
    for function in functions.get_functions():
        for node in list(nodes_in(function.graph.nodes())):
            if node.kind() in _ROUNDED and node.inputsSize() > 2:
                _settle(function.graph, node)
            elif node.kind().removeprefix("aten::") in _DIVISIONS and node.output().type().kind() != "TensorType":
                _guard(function.graph, node)


def _settle(graph: Any, node: Any) -> None:
    """Whole numbers in tensors are divided towards 0 without a look at them: -1 must not be among the divisors."""
    dividend, divisor, mode, *others = node.inputs()
    is_mode = mode.type().annotation_str in ("str", "Optional[str]")  # and not a tensor to write into
    if not is_mode or _constant(mode) == "floor" or is_safe_divisor(_constant(divisor)):
        return
    number = _number_in(divisor)
    if not is_safe_divisor(number) or others or node.kind().endswith("_"):
        raise Untrusted("a division that rounds towards zero by a number that only shows when it runs")
    # A tensor of the code could be written over; a number cannot.
    fixed = inserted(graph, node, "prim::Constant", [], whole_number(), number)
    settled = inserted(graph, node, "aten::div", [dividend, fixed, mode], node.output().type())
    node.output().replaceAllUsesWith(settled)
    node.destroy()


def _number_in(value: Any) -> int | None:
    """The whole number in a tensor of no dimensions that is a constant."""
    import torch

    node = value.node()
    if node.kind() == "prim::NumToTensor":
        number = _constant(node.inputsAt(0))
        return number if isinstance(number, int) else None
    if node.kind() != "prim::Constant" or not node.hasAttribute("value") or node.kindOf("value") != "t":
        return None
    tensor = node.t("value")
    return int(tensor) if tensor.dim() == 0 and tensor.dtype == torch.int64 else None


def _guard(graph: Any, node: Any) -> None:
    import torch

    divisor = node.inputsAt(1)
    kinds = {node.inputsAt(number).type().kind() for number in (0, 1)}
    if is_safe_divisor(_constant(divisor)) or "FloatType" in kinds:
        return
    if kinds != {"IntType"}:
        raise Untrusted("a division of numbers whose kind only shows when it runs")
    whole_numbers = torch._C.ListType(whole_number())
    unfit = [inserted(graph, node, "prim::Constant", [], whole_number(), value) for value in (0, -1)]
    unfit_list = inserted(graph, node, "prim::ListConstruct", unfit, whole_numbers)
    is_unfit = inserted(graph, node, "aten::__contains__", [unfit_list, divisor], torch._C.BoolType.get())
    index = inserted(graph, node, "aten::Int", [is_unfit], whole_number())
    only_item = inserted(graph, node, "prim::ListConstruct", [divisor], whole_numbers)
    node.replaceInput(1, inserted(graph, node, "aten::__getitem__", [only_item, index], whole_number()))


def _constant(value: Any) -> Any:
    """The number or text behind a value, if it is a constant."""
    node = value.node()
    if node.kind() != "prim::Constant" or not node.hasAttribute("value"):
        return None
    kind = node.kindOf("value")
    return getattr(node, kind)("value") if kind in ("i", "f", "s") else None
