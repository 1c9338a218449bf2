"""Is every object of a TorchScript archive what its code takes it for?

PyTorch reads the attributes of an object by their number, without asking whether the object has so many. So an
attribute of a class must hold an object of that class, and an object must not be cast to another class.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from saccade.models.torch.pickles import StoredObject
from saccade.models.torch.trust import Untrusted

_CAST = "prim::unchecked_cast"


def check_stored_objects(objects: Iterable[StoredObject], classes: Mapping[str, ast.ClassDef]) -> int:
    """Look at the attributes of every object that lies in the archive.

    Args:
        objects: All of them.
        classes: The archive's own, by their full names.

    Returns:
        How many items the longest list, text or dictionary in them has.

    Raises:
        Untrusted: One is not of the class that the code says.
    """
    types = {name: dict(_attribute_types(node)) for name, node in classes.items()}
    longest = 0
    for owner in objects:
        for state in owner.states:
            for name, value in state.items() if isinstance(state, dict) else ():
                longest = max(longest, *map(_length, _parts_of(value)))
                named = types.get(owner.kind, {}).get(name, frozenset())
                kinds = {each.kind for each in _objects_in(value)} if named else set()
                if kinds and (kinds - named or len(named) > 1):
                    raise Untrusted(f"an object that may be of another kind than its code says ({name!r:.80})")
    return longest


def check_casts(functions: Any) -> None:
    """Look at every cast that PyTorch does not check; `functions` is the compilation unit.

    Raises:
        Untrusted: One takes a value for an object of a class.
    """
    for function in functions.get_functions():
        for node in function.graph.findAllNodes(_CAST):
            source, result = (value.type().annotation_str for value in (node.inputsAt(0), node.output()))
            if "__torch__" in result and source not in (result, f"Optional[{result}]"):
                raise Untrusted(f"an object that is taken for another kind ({result[:80]})")


def _attribute_types(node: ast.ClassDef) -> Iterator[tuple[str, frozenset[str]]]:
    """The attributes of a class, and the classes that their types name."""
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            yield part.target.id, _classes_in(part.annotation)
        elif isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Subscript):
            # `__annotations__["0"] = ...`, for names that are numbers
            index = part.targets[0].slice
            if isinstance(index, ast.Constant):
                yield str(index.value), _classes_in(part.value)


def _classes_in(annotation: ast.expr) -> frozenset[str]:
    names = (ast.unparse(part) for part in ast.walk(annotation) if isinstance(part, ast.Attribute))
    chains = {name for name in names if name.startswith("__torch__.")}
    # Of `__torch__.a.B` only the whole counts, and not the module in which it lies.
    return frozenset(name for name in chains if not any(other.startswith(f"{name}.") for other in chains))


def _objects_in(value: Any) -> Iterator[StoredObject]:
    """The objects in a value, but not those inside other objects."""
    return (part for part in _parts_of(value) if isinstance(part, StoredObject))


def _parts_of(value: Any) -> Iterator[Any]:
    """A value, and what its containers hold."""
    waiting, visited = [value], set()
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, (dict, list, tuple, set)) and id(part) not in visited:
            visited.add(id(part))
            waiting += [*part, *part.values()] if isinstance(part, dict) else part


def _length(part: Any) -> int:
    return len(part) if isinstance(part, (dict, list, tuple, set, str, bytes)) else 0
