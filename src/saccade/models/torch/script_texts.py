"""Do texts or tuples in a TorchScript archive grow while it is loaded?

What is made of numbers, texts and tuples that stand in the code is computed by PyTorch while it loads the archive,
before its graphs can be looked at; so are the types of tuples.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator

from saccade.models.torch.script_divisions import ConstantReader
from saccade.models.torch.trust import Untrusted

_LONGEST = 10_000
"""Letters of one text that stands in the code."""
_MOST_DOUBLINGS = 12
"""How often texts of a function may become twice as long."""
_GIVING_TEXT = frozenset({
    "__getitem__", "add", "add_", "annotate", "capitalize", "format", "lower", "lstrip", "rstrip", "str", "strip",
    "unchecked_cast", "upper",
})  # fmt: skip


def check_texts(function: ast.FunctionDef, constants: Collection[str]) -> None:
    """Look at the texts of one function as it stands in the archive, and at how they are joined.

    Args:
        function: As it stands in the archive.
        constants: The names of all attributes in the archive whose values stand in the code.

    Raises:
        Untrusted: One is long, or they could become so.
    """
    if any(isinstance(node, ast.Constant) and len(str(node.value)) > _LONGEST for node in ast.walk(function)):
        raise Untrusted(f"a text of more than {_LONGEST:,} letters")
    texts = _TextReader(function)
    joins = [(node, count) for node in texts.joins if (count := texts.parts_joined(node)) > 1]
    if sum((count - 1).bit_length() for _, count in joins) <= _MOST_DOUBLINGS:
        return
    numbers = ConstantReader(function, constants)
    # The type of a tuple names the types of all its parts, whether these are constants or not.
    grown = [count for node, count in joins if isinstance(node, ast.Tuple) or numbers.may_be_constant(node)]
    if sum((count - 1).bit_length() for count in grown) > _MOST_DOUBLINGS:
        raise Untrusted("lists or texts that grow without end")


class _TextReader:
    """Tells which expressions of a function could be a text or a tuple, or hold one.

    Args:
        function: As it stands in the archive.

    Attributes:
        joins: The expressions that could make one of several.
    """

    def __init__(self, function: ast.FunctionDef) -> None:
        pairs = [pair for node in ast.walk(function) for pair in _targets(node)]
        side_by_side = {value for target, value in pairs if _side_by_side(target, value)}
        kinds = (ast.BinOp, ast.Tuple, ast.Call)
        self.joins = [
            node
            for node in ast.walk(function)
            if isinstance(node, kinds)
            and node not in side_by_side
            and not isinstance(getattr(node, "ctx", None), ast.Store)
        ]
        assignments = list(_assignments(pairs))
        self._variables: set[str] = set()
        size = -1
        while size < len(self._variables):
            size = len(self._variables)
            self._variables |= {name for name, value in assignments if self._may_be_text(value)}

    def parts_joined(self, node: ast.expr) -> int:
        """How many texts and tuples that do not stand in the code itself does an expression join?"""
        return sum(self._may_be_text(part) for part in _parts_of(node) if not isinstance(part, ast.Constant))

    def _may_be_text(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Constant):
            return isinstance(node.value, str)
        if isinstance(node, ast.Tuple):
            return True
        if isinstance(node, ast.Name):
            return node.id in self._variables
        return any(map(self._may_be_text, _parts_of(node)))


def _parts_of(node: ast.AST) -> list[ast.AST]:
    """What the text of an expression can be made of."""
    if not isinstance(node, ast.Call):
        return [] if isinstance(node, ast.Attribute) else list(ast.iter_child_nodes(node))
    if isinstance(node.func, ast.Attribute):
        return [node.func.value, *node.args] if node.func.attr in _GIVING_TEXT else []
    return list(node.args) if isinstance(node.func, ast.Name) and node.func.id in _GIVING_TEXT else []


def _targets(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    """What a statement assigns, and which value."""
    if isinstance(node, ast.Assign):
        return [(target, node.value) for target in node.targets]
    return [(node.target, node.value)] if isinstance(node, ast.AnnAssign) and node.value is not None else []


def _side_by_side(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    """The parts of `a, b = c, d`, which makes no tuple: each goes to a name of its own. Empty for anything else."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        return list(zip(target.elts, value.elts, strict=True))
    return []


def _assignments(pairs: Iterable[tuple[ast.expr, ast.expr]]) -> Iterator[tuple[str, ast.expr]]:
    for target, value in pairs:
        for part, its_value in _side_by_side(target, value) or [(target, value)]:
            yield from ((name.id, its_value) for name in ast.walk(part) if isinstance(name, ast.Name))
