"""What a text in an exported program (.pt2) may be, by its place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache

from saccade.models.torch.formulas import is_formula
from saccade.models.torch.operations import PROGRAM_FUNCTIONS, only_computes

ATEN_OPERATION = re.compile(r"torch\.ops\.aten\.(\w+)\.(\w+)", re.ASCII)
"""How a node names the operation that it calls: its name and its overload."""
_CONTAINERS = ("builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict", None)
"""What inputs and outputs may be made of; PyTorch imports what other containers name."""


def objection_to(text: str, data_class: str, field: str) -> str | None:
    """What speaks against a text in this field, in words that go before it; None where it may stand there."""
    if _RULES.get((data_class, field), _is_word)(text):
        return None
    return _BROKEN_RULES.get((data_class, field), "text that does not belong there:")


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


_is_word = _matches(r"[\w.+-]*")
_is_name = _matches(r"[A-Za-z_]\w*")
"""It becomes a name in Python code."""
_is_path = _matches(r"[\w.@$<> -]*")
"""It becomes a chain of attributes, or a text in double quotes, in Python code."""
_is_phrase = _matches(r"[\w.,;@$<>()\[\]' +/:=-]*")
_is_file = _matches(r"\w[\w.-]*")


def _is_anything(_text: str) -> bool:
    """Text that is kept and shown, or written into Python code as a quoted text."""
    return True


def _is_operation(target: str) -> bool:
    operation = ATEN_OPERATION.fullmatch(target)
    if operation is None:
        return target in PROGRAM_FUNCTIONS
    name, overload = operation.groups()
    return only_computes(name) and _has_tensors(name, overload)


@cache
def _has_tensors(name: str, overload: str) -> bool:
    """Is this an operation on tensors? Those on lists and texts belong to scripts, and could grow without end."""
    import torch

    operation = getattr(getattr(torch.ops.aten, name, None), overload, None)
    if not isinstance(operation, torch._ops.OpOverload):
        return False
    values = [*operation._schema.arguments, *operation._schema.returns]
    return any("Tensor" in str(each.type) for each in values)


def _is_structure(text: str) -> bool:
    """How inputs or outputs are put together, in JSON, out of plain containers with plain keys."""
    try:
        protocol, level = json.loads(text)
        waiting = [level]
        while waiting:
            part = waiting.pop()
            keys = json.loads(part["context"]) if part["context"] is not None else None
            plain = keys is None or (isinstance(keys, list) and all(isinstance(key, (str, int)) for key in keys))
            if part["type"] not in _CONTAINERS or not plain:
                return False
            waiting += part["children_spec"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return False
    return type(protocol) is int


_RULES: dict[tuple[str, str], Callable[[str], bool]] = {
    **dict.fromkeys(
        [
            ("Graph", "custom_obj_values, key"),
            ("Graph", "sym_bool_values, key"),
            ("Graph", "sym_float_values, key"),
            ("Graph", "sym_int_values, key"),
            ("Graph", "tensor_values, key"),
            ("GraphArgument", "name"),
            ("InputToConstantInputSpec", "name"),
            ("ModuleCallSignature", "forward_arg_names"),
            ("Node", "name"),
            ("SymBoolArgument", "as_name"),
            ("SymFloatArgument", "as_name"),
            ("SymIntArgument", "as_name"),
            ("TensorArgument", "name"),
            ("TokenArgument", "name"),
            ("UserInputMutationSpec", "user_input_name"),
        ],
        _is_name,
    ),
    **dict.fromkeys(
        [
            ("BufferMutationSpec", "buffer_name"),
            ("GradientToParameterSpec", "parameter_name"),
            ("GradientToUserInputSpec", "user_input_name"),
            ("InputToBufferSpec", "buffer_name"),
            ("InputToParameterSpec", "parameter_name"),
            ("InputToTensorConstantSpec", "tensor_constant_name"),
            ("ModuleCallEntry", "fqn"),
            ("ParameterMutationSpec", "parameter_name"),
            ("PayloadConfig", "config, key"),
        ],
        _is_path,
    ),
    **dict.fromkeys(
        [
            ("ExportedProgram", "torch_version"),
            ("Node", "metadata, nn_module_stack"),
            ("Node", "metadata, source_fn_stack"),
            ("Node", "metadata, torch_fn"),
        ],
        _is_phrase,
    ),
    **dict.fromkeys(
        [
            ("Argument", "as_string"),
            ("Argument", "as_strings"),
            ("Argument", "as_string_to_argument, key"),
            ("ConstantValue", "as_string"),
            ("GraphModule", "metadata, custom"),
            ("Node", "metadata, custom"),
            ("Node", "metadata, from_node"),
            ("Node", "metadata, stack_trace"),
        ],
        _is_anything,
    ),
    ("Argument", "as_operator"): _is_operation,
    ("CustomObjArgument", "class_fqn"): lambda _text: False,
    ("ExportedProgram", "guards_code"): is_formula,
    ("ModuleCallSignature", "in_spec"): _is_structure,
    ("ModuleCallSignature", "out_spec"): _is_structure,
    ("NamedArgument", "name"): _matches(r"\w*"),
    ("Node", "target"): _is_operation,
    ("PayloadMeta", "path_name"): _is_file,
    ("SymExpr", "expr_str"): is_formula,
}
"""By data class and field; what is not listed is a word."""

_BROKEN_RULES = {
    ("Argument", "as_operator"): "a call of",
    ("CustomObjArgument", "class_fqn"): "an object of the kind",
    ("ExportedProgram", "guards_code"): "a condition that is none:",
    ("ModuleCallSignature", "in_spec"): "inputs of an unknown structure:",
    ("ModuleCallSignature", "out_spec"): "outputs of an unknown structure:",
    ("Node", "target"): "a call of",
    ("SymExpr", "expr_str"): "a size formula that is none:",
}
