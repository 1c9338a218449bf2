"""What in a TorchScript archive could do more than compute?

TorchScript is code. Some of it runs while it is loaded: the default values of arguments and the constants of classes
are computed, `__setstate__` is called, and what depends on constants alone is folded. So the code is checked as text
before PyTorch sees it; every name that may be an operation must be one of `operations`. What PyTorch then made of it is
checked once more (`script_graphs`) before anything is called.
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from saccade.models.torch.archive import Archive
from saccade.models.torch.operations import SCRIPT_PRIMITIVES, only_computes
from saccade.models.torch.pickles import DamagedPickle, Pickled, read_pickle
from saccade.models.torch.script_divisions import check_folded_divisions
from saccade.models.torch.script_objects import check_stored_objects
from saccade.models.torch.script_texts import check_texts
from saccade.models.torch.trust import Untrusted

_LARGEST_CODE = 2**22
_DEEPEST = 200
"""How deep expressions may be nested, and classes and functions refer to each other; PyTorch goes down by recursion."""
_PLAIN_TEXT = re.compile(rb"[\n -~]*")
_PICKLED_BY_SCRIPTS = re.compile(
    r"torch\.jit\._pickle\.(build_(int|double|bool|tensor)list|restore_type_tag)|collections\.OrderedDict"
    r"|torch\._utils\._rebuild_tensor_v2|torch\.(storage\.)?\w+Storage|torch\.device|__torch__\.(?!torch\.classes\b).+"
)
_CALLED_BY_NAME = {
    "annotate", "bool", "complex", "float", "int", "isinstance", "list", "range", "str", "unchecked_cast",
    "uninitialized",
}  # fmt: skip
_TYPE_ARGUMENT = {"annotate": 0, "isinstance": 1, "unchecked_cast": 0, "uninitialized": 0}
"""Which argument of these names a type, and no operation."""
_ROOTS = ("torch", "ops", "__torch__")
"""What the names of operations, and of the archive's own code, begin with."""
_OWN_TYPES = {"Enum", "Interface", "Module", "ModuleInterface", "NamedTuple"}
_STATEMENTS = (ast.Assign, ast.AnnAssign, ast.Expr, ast.For, ast.If, ast.Pass, ast.Return, ast.While)
_EXPRESSIONS = (
    ast.Attribute, ast.BinOp, ast.BoolOp, ast.Call, ast.Compare, ast.Constant, ast.Dict, ast.IfExp, ast.List,
    ast.Name, ast.Slice, ast.Subscript, ast.Tuple, ast.UnaryOp,
)  # fmt: skip
_PARTS = (ast.arg, ast.arguments, ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop, ast.keyword)


def is_script(archive: Archive) -> bool:
    """Is this a TorchScript archive?"""
    return "constants.pkl" in archive.sizes and any(name.startswith("code/") for name in archive.sizes)


def check_script(archive: Archive) -> int:
    """Look at everything that PyTorch would read or run while it loads the archive.

    Returns:
        How many items the longest list, text or dictionary has that its objects hold.

    Raises:
        Untrusted: Something in it could do more than compute.
        FileError: It is damaged.
    """
    if "model.json" in archive.sizes:
        raise Untrusted("a script in the form of before PyTorch 1.4")
    pickles = [_read_pickle(archive, folder, f"{folder}.pkl") for folder in ("data", "constants")]
    trees = _code_of(archive)
    objects = [each for pickled in pickles for each in pickled.objects]
    longest = check_stored_objects(objects, {_full_name(name, node): node for name, node in _definitions(trees)})
    _check_code(trees)
    return longest


def _read_pickle(archive: Archive, folder: str, name: str) -> Pickled:
    try:
        pickled: Pickled = read_pickle(io.BytesIO(archive.read(name)))
    except DamagedPickle as error:
        raise archive.damaged(f"{error} ({name!r})") from error
    for kind in sorted(pickled.names):
        if not _PICKLED_BY_SCRIPTS.fullmatch(kind):
            raise Untrusted(f"an object of the kind {kind[:80]}")
    for key, size in pickled.storages.items():
        member = f"{folder}/{key}"
        if archive.sizes.get(member) != size:
            raise archive.damaged(
                f"{member!r} should hold {size:,} bytes of numbers, and "
                + (f"holds {archive.sizes[member]:,}" if member in archive.sizes else "is missing")
            )
    return pickled


# The code as text


def _code_of(archive: Archive) -> dict[str, ast.Module]:
    names = [name for name in archive.sizes if name.startswith("code/")]
    if any(archive.sizes[name] == 0 for name in names):
        raise archive.damaged("a member of its code is empty")
    names = [name for name in names if name.lower().endswith(".py")]
    if sum(archive.sizes[name] for name in names) > _LARGEST_CODE:
        raise Untrusted(f"more than {_LARGEST_CODE >> 20} MiB of code")
    return {name: _parsed(archive, name) for name in names}


def _definitions(trees: Mapping[str, ast.Module]) -> Iterator[tuple[str, Any]]:
    """The classes and functions of the archive, each with the member that it stands in."""
    yield from ((name, node) for name, tree in trees.items() for node in tree.body)


def _full_name(name: str, node: Any) -> str:
    module = name.removeprefix("code/").removesuffix(".py").replace("/", ".")
    return f"{module}.{node.name}"


def _check_code(trees: Mapping[str, ast.Module]) -> None:
    for name, tree in trees.items():
        if (depth := _depth(tree)) > _DEEPEST:
            raise Untrusted(f"code that is nested {depth} deep ({name!r})")
    _check_references(trees)
    functions = {node.name for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    constants = {
        part.target.id
        for _, node in _definitions(trees)
        for part in node.body
        if isinstance(part, ast.AnnAssign) and part.value is not None and isinstance(part.target, ast.Name)
    }
    for tree in trees.values():
        _CodeReader(functions, constants).module(tree)


def _parsed(archive: Archive, name: str) -> ast.Module:
    text = archive.read(name)
    # Python and PyTorch read such text alike: no tabs, no odd line ends, no strings over several lines.
    if not _PLAIN_TEXT.fullmatch(text) or b'"""' in text or b"'''" in text or b"\\\n" in text:
        raise Untrusted(f"code of an odd form ({name!r})")
    try:
        # As text, not as bytes, whose first lines could name another encoding to Python.
        tree = ast.parse(text.decode("ascii"))
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise archive.damaged(
            f"its code cannot be read ({name!r}{'' if line is None else f', line {line}'})"
        ) from error
    for node in tree.body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            raise archive.damaged(f"its code cannot be read ({name!r}, line {node.lineno})")
    return tree


def _check_references(trees: Mapping[str, ast.Module]) -> None:
    references: dict[str, set[str]] = {}
    for name, node in _definitions(trees):
        chains = (_chain(part) for part in ast.walk(node) if isinstance(part, ast.Attribute))
        references[_full_name(name, node)] = {".".join(chain) for chain in chains if chain[:1] == ("__torch__",)}
    heights: dict[str, int] = {}

    def height(name: str, depth: int) -> int:
        if depth > _DEEPEST:
            raise Untrusted(f"classes and functions that refer to each other {depth} deep")
        if name not in heights:
            heights[name] = 0  # whatever refers back to itself goes no deeper
            heights[name] = 1 + max((height(other, depth + 1) for other in references.get(name, ())), default=0)
        return heights[name]

    for name in references:
        if height(name, 0) > _DEEPEST:
            raise Untrusted(f"classes and functions that refer to each other {_DEEPEST} deep")


class _CodeReader:
    """Reads one file of code.

    Args:
        functions: The names of all functions and methods of the archive.
        constants: Those of all attributes whose values stand in the code.
    """

    def __init__(self, functions: set[str], constants: set[str]) -> None:
        self.functions = functions
        self.constants = constants
        self.variables: set[str] = set()

    def module(self, tree: ast.Module) -> None:
        """Read the whole file."""
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                self._class(node)
            elif isinstance(node, ast.FunctionDef):
                self._function(node)

    def _class(self, node: ast.ClassDef) -> None:
        bases = {base.id if isinstance(base, ast.Name) else "?" for base in node.bases}
        if node.decorator_list or node.keywords or not bases <= _OWN_TYPES:
            raise Untrusted(f"a class of an odd form ({node.name!r})")
        for part in node.body:
            if isinstance(part, ast.FunctionDef):
                self._function(part)
            elif isinstance(part, (ast.Assign, ast.AnnAssign)):
                # The value is computed while the class is loaded; only `__annotations__["name"]` is given a type.
                is_type = isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Subscript)
                if part.value is not None and not is_type and not _is_literal(part.value):
                    raise Untrusted(f"a constant that is computed while it is loaded ({node.name!r})")
            elif not isinstance(part, ast.Pass):
                raise Untrusted(f"a class of an odd form ({node.name!r})")

    def _function(self, node: ast.FunctionDef) -> None:
        if node.name in ("__setstate__", "__getstate__"):
            raise Untrusted("a class with code that runs while it is loaded (__setstate__)")
        defaults = [*node.args.defaults, *(each for each in node.args.kw_defaults if each is not None)]
        if node.decorator_list or not all(_is_literal(default) for default in defaults):
            raise Untrusted(f"an argument that is computed while it is loaded (of {node.name!r})")
        if any(argument.arg in _ROOTS for argument in ast.walk(node.args) if isinstance(argument, ast.arg)):
            raise Untrusted(f"an argument of an odd name (of {node.name!r})")
        self.variables = _function_variables(node)
        for statement in node.body:
            self._read(statement)
        check_folded_divisions(node, self.constants)
        check_texts(node, self.constants)

    def _read(self, node: ast.AST) -> None:
        if not isinstance(node, _STATEMENTS + _EXPRESSIONS + _PARTS):
            raise Untrusted(f"code of an odd form ({type(node).__name__.lower()})")
        if isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.AnnAssign):
            # The annotation names a type, and no operation.
            self._read_all(node.target, node.value)
        elif isinstance(node, ast.Name):
            if node.id in _ROOTS:
                raise Untrusted(f"code of an odd form (the bare name {node.id!r})")
        elif _chain(node)[:1] != ("__torch__",):
            # An attribute that is not called is a value; what is called later by another name is refused there.
            self._read_all(*ast.iter_child_nodes(node))

    def _read_all(self, *nodes: ast.AST | None) -> None:
        for node in nodes:
            if node is not None:
                self._read(node)

    def _call(self, node: ast.Call) -> None:
        types = None
        if isinstance(node.func, ast.Attribute):
            self._method(node.func)
        elif not isinstance(node.func, ast.Name):
            raise Untrusted("code of an odd form (a call of a call)")
        elif node.func.id == "getattr":
            # How attributes are read whose names are numbers, such as the parts of a Sequential.
            if len(node.args) != 2 or not isinstance(node.args[1], ast.Constant) or node.keywords:
                raise Untrusted("code of an odd form (getattr)")
        elif node.func.id in _CALLED_BY_NAME:
            types = _TYPE_ARGUMENT.get(node.func.id)
        elif node.func.id not in self.variables:
            raise Untrusted(f"a call of {node.func.id!r}")
        self._read_all(*(each for number, each in enumerate(node.args) if number != types), *node.keywords)

    def _method(self, node: ast.Attribute) -> None:
        chain = _chain(node)
        name = ".".join(chain)
        if chain[:1] == ("__torch__",):
            if chain[1:3] == ("torch", "classes"):
                raise Untrusted(f"an object of the kind {name}")
        elif chain[:1] == ("torch",):
            if len(chain) != 2 or not only_computes(chain[1]):
                raise Untrusted(f"a call of {name}")
        elif chain[:1] == ("ops",):
            primitives = SCRIPT_PRIMITIVES if chain[1] == "prim" else ()
            if len(chain) != 3 or not (chain[2] in primitives or (chain[1] == "aten" and only_computes(chain[2]))):
                raise Untrusted(f"a call of {name}")
        else:
            # Every operation can also be called as a method of its first argument.
            is_own = node.attr == "__init__" or (node.attr in self.functions and node.attr not in _operations())
            if not is_own and not only_computes(node.attr):
                raise Untrusted(f"a call of {node.attr!r}")
            self._read(node.value)


def _function_variables(function: ast.FunctionDef) -> set[str]:
    """The variables that hold nothing but functions of the archive, which are called under their names."""
    holding: set[str] = set()
    others: set[str] = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            (holding if _chain(node.value)[:1] == ("__torch__",) else others).add(node.targets[0].id)
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.For)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            others |= {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
    return holding - others


def _chain(node: ast.AST) -> tuple[str, ...]:
    """The names of `a.b.c`; empty for anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) else ()


def _is_literal(node: ast.AST) -> bool:
    """Only numbers, texts, names of nothing, and containers of these; there is nothing to compute."""
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and (
            (node.func.id == "float" and all(isinstance(each, ast.Constant) for each in node.args))
            or (node.func.id == "annotate" and len(node.args) == 2 and _is_literal(node.args[1]))
        )
    if isinstance(node, (ast.List, ast.Tuple)):
        return all(_is_literal(each) for each in node.elts)
    if isinstance(node, ast.Dict):
        return all(each is not None and _is_literal(each) for each in [*node.keys, *node.values])
    return isinstance(node, ast.Constant)


def _depth(tree: ast.AST) -> int:
    """How deep is the code nested?"""
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


@cache
def _operations() -> frozenset[str]:
    """Every `aten` operation that there is, pure or not."""
    import torch

    names = {schema.name for schema in torch._C._jit_get_all_schemas()}
    return frozenset(name.removeprefix("aten::") for name in names if name.startswith("aten::"))
