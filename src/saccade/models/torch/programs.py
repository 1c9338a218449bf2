"""What in an exported program (.pt2) could do more than compute?

`torch.export.load` unpickles whatever fails to load as plain weights, evaluates formulas of sizes as Python, builds
Python functions out of the names of the nodes, imports what the structure of the inputs names, and resolves operations
to any function that torch can reach. An honest file needs none of that. So every value is read along the schema by
which PyTorch reads it, and every text must be of the kind that belongs in its place.
"""

from __future__ import annotations

import dataclasses
import enum
import io
import json
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, get_args, get_origin

from saccade.models.torch.archive import Archive
from saccade.models.torch.formulas import is_formula
from saccade.models.torch.operations import PROGRAM_FUNCTIONS, only_computes
from saccade.models.torch.pickles import DamagedPickle, check_inside, read_pickle
from saccade.models.torch.script_divisions import is_safe_divisor
from saccade.models.torch.script_types import kind_of_type
from saccade.models.torch.trust import Untrusted

_OLD_PROGRAM = "serialized_exported_program.json"
_OPERATION = re.compile(r"torch\.ops\.aten\.(\w+)\.(\w+)", re.ASCII)
_ROUNDED = re.compile(r"torch\.ops\.aten\.div(ide)?_?\.\w+_mode\w*", re.ASCII)
_PLAIN_PICKLE = re.compile(
    r"torch\._utils\._rebuild_(tensor|tensor_v2|parameter)|torch\.(storage\.)?\w+Storage|torch\.Size|torch\.device"
    r"|collections\.OrderedDict|torch\.(float|int|uint|bfloat|bool|complex)\d*"
)
_CONTAINERS = ("builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict", None)
"""What inputs and outputs may be made of; PyTorch imports what other containers name."""
_ITEM_SIZES = {
    "SHORT": 2, "INT": 4, "LONG": 8, "HALF": 2, "FLOAT": 4, "DOUBLE": 8, "COMPLEXHALF": 4, "COMPLEXFLOAT": 8,
    "COMPLEXDOUBLE": 16, "BFLOAT16": 2, "UINT16": 2, "UINT32": 4, "UINT64": 8,
}  # fmt: skip
_HIGHEST_POWER = 64
"""How many sizes may be multiplied with each other, one after another."""


def is_program(archive: Archive) -> bool:
    """Is this an exported program?"""
    return _OLD_PROGRAM in archive.sizes or any(name.startswith("models/") for name in archive.sizes)


def check_program(archive: Archive) -> None:
    """Look at everything that PyTorch would read of an exported program.

    Raises:
        Untrusted: Something in it could do more than compute.
        FileError: It is damaged.
    """
    from torch._export.serde import schema

    for name in archive.sizes:
        last = name.rsplit("/", 1)[-1]
        if "aotinductor/" in name or last.endswith((".so", ".dll", ".dylib")):
            raise Untrusted("compiled machine code")
        if last.startswith(("custom_obj", "opaque_obj")):
            raise Untrusted("pickled objects")
        if name.startswith("models/") or name == _OLD_PROGRAM:
            program = _Reader(archive, name, schema).read(schema.ExportedProgram)
            _check_powers(program)
            _check_types(archive, program)
            _check_divisions(program)
        elif last.endswith((".pt", ".pkl")) or last.startswith(("serialized_state", "serialized_const")):
            _check_tensors(archive, name)
        elif last.endswith("_config.json") and name.startswith(("data/weights/", "data/constants/")):
            payload = _Reader(archive, name, schema).read(schema.PayloadConfig)
            _check_payload(archive, name, payload["config"], schema)


def _check_tensors(archive: Archive, name: str) -> None:
    """Tensors as `torch.save` writes them: an archive in the archive."""
    inner = archive.tensors(name)
    if isinstance(inner, bytes):
        if not inner:
            return
        raise Untrusted(f"pickled objects ({name!r})")
    if "constants.pkl" in inner.sizes:
        raise Untrusted(f"a script where tensors are expected ({name!r})")
    try:
        pickled = read_pickle(io.BytesIO(inner.read("data.pkl")))
    except DamagedPickle as error:
        raise archive.damaged(f"{error} ({name!r})") from error
    if not all(_PLAIN_PICKLE.fullmatch(qualified_name) for qualified_name in pickled.names):
        raise Untrusted(f"pickled objects ({name!r})")
    for key, size in pickled.storages.items():
        if inner.sizes.get(f"data/{key}") != size:
            raise archive.damaged(f"a tensor in {name!r} is not all there")


def _check_payload(archive: Archive, name: str, entries: Mapping[str, Any], schema: Any) -> None:
    folder = name.rpartition("/")[0]
    for path, entry in entries.items():
        if entry["use_pickle"]:
            raise Untrusted(f"pickled weights ({path!r})")
        meta = entry["tensor_meta"]
        member = f"{folder}/{entry['path_name']}"
        if meta is None or member not in archive.sizes:
            raise archive.damaged(f"the numbers of {path!r} are missing")
        item_size = _ITEM_SIZES.get(schema.ScalarType(meta["dtype"]).name, 1)
        size, stride = ([each.get("as_int") for each in meta[key]] for key in ("sizes", "strides"))
        try:
            check_inside(size, stride, meta["storage_offset"].get("as_int"), archive.sizes[member] // item_size)
        except DamagedPickle as error:
            raise archive.damaged(f"{error} ({path!r})") from error


def _check_powers(program: Mapping[str, Any]) -> None:
    """Sizes are whole numbers of any length, so squares of squares of squares would grow without end."""
    for graph in _graphs(program["graph_module"]["graph"]):
        powers: dict[str, int] = {}
        for node in graph["nodes"]:
            names = [each["arg"].get("as_sym_int", {}).get("as_name") for each in node["inputs"]]
            factors = [powers.get(name, 1) for name in names]
            power = sum(factors) if node["target"] == "_operator.mul" else max(factors, default=1)
            if power > _HIGHEST_POWER:
                raise Untrusted("sizes that are multiplied without end")
            powers.update(
                (each["as_sym_int"].get("as_name"), power) for each in node["outputs"] if "as_sym_int" in each
            )


def _check_types(archive: Archive, program: Mapping[str, Any]) -> None:
    """A type of numbers is named as such; PyTorch looks up any other number without asking whether it exists."""
    for graph in _graphs(program["graph_module"]["graph"]):
        for node in graph["nodes"]:
            operation = _OPERATION.fullmatch(node["target"])
            types = () if operation is None else _types_of(*operation.groups())
            for number, named in enumerate(node["inputs"]):
                if "as_int" in named["arg"] and (named["name"] in types or number in types):
                    raise archive.damaged(
                        f"{named['arg']['as_int']} stands for a type of numbers in a call of {node['target']}"
                    )


def _check_divisions(program: Mapping[str, Any]) -> None:
    """Whole numbers in tensors are divided towards 0 without a look at them; -1 must not be among the divisors."""
    for graph in _graphs(program["graph_module"]["graph"]):
        for node in graph["nodes"]:
            modes = [named["arg"]["as_string"] for named in node["inputs"] if "as_string" in named["arg"]]
            divisors = [
                value
                for number, named in enumerate(node["inputs"])
                for value in named["arg"].values()
                if number == 1 or named["name"] == "other"
            ]
            is_rounded = _ROUNDED.fullmatch(node["target"]) is not None and modes != ["floor"]
            if is_rounded and not all(map(is_safe_divisor, divisors)):
                raise Untrusted("a division that rounds towards zero by a number that only shows when it runs")


@cache
def _types_of(name: str, overload: str) -> frozenset[str | int]:
    """The arguments of an operation that are types of numbers, by name and by place."""
    import torch

    arguments = enumerate(getattr(getattr(torch.ops.aten, name), overload)._schema.arguments)
    return frozenset(key for number, each in arguments if kind_of_type(each) is not None for key in (each.name, number))


def _graphs(graph: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A graph and those that its nodes call."""
    yield graph
    for node in graph["nodes"]:
        for argument in (named["arg"] for named in node["inputs"]):
            if "as_graph" in argument:
                yield from _graphs(argument["as_graph"]["graph"])


class _Reader:
    """Reads one member of JSON along PyTorch's own schema.

    Args:
        archive: The file.
        member: What to read of it.
        schema: PyTorch's module of data classes.
    """

    def __init__(self, archive: Archive, member: str, schema: Any) -> None:
        self.archive, self.member, self.schema = archive, member, schema

    def read(self, kind: Any) -> dict[str, Any]:
        """The values, which are all as the schema says, and harmless.

        Raises:
            Untrusted: A text does not belong in its place.
            FileError: They are not what the schema says.
        """
        try:
            # As PyTorch does it: the reader of JSON itself would guess the encoding.
            values = json.loads(self.archive.read(self.member).decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise self.archive.damaged(f"the member {self.member!r} cannot be read as JSON") from error
        self._value(kind, values, ("", ""), ())
        return dict(values)

    def _value(self, kind: Any, value: Any, owner: tuple[str, str], place: tuple[str | int, ...]) -> None:
        """Check one value.

        Args:
            kind: Its type.
            value: What was read.
            owner: The data class and the field that it belongs to.
            place: Where it lies, for messages.
        """
        origin = get_origin(kind)
        if origin in (typing.Union, types.UnionType):
            [kind] = [each for each in get_args(kind) if each is not type(None)]
            if value is not None:
                self._value(kind, value, owner, place)
        elif origin is list:
            for number, each in enumerate(self._of(list, value, place)):
                self._value(get_args(kind)[0], each, owner, (*place, number))
        elif origin is dict:
            for key, each in self._of(dict, value, place).items():
                self._text(key, (owner[0], f"{owner[1]}, key"), place)
                self._value(get_args(kind)[1], each, (owner[0], f"{owner[1]}, {key}"), (*place, key))
        elif dataclasses.is_dataclass(kind) and isinstance(kind, type):
            self._fields(kind, self._of(dict, value, place), place)
        elif kind is str:
            self._text(self._of(str, value, place), owner, place)
        elif isinstance(kind, type) and issubclass(kind, enum.IntEnum):
            if self._of(int, value, place) not in [each.value for each in kind]:
                raise self._wrong(place)
        elif kind is float:
            if not isinstance(value, (int, float)) and value not in ("Infinity", "-Infinity", "NaN"):
                raise self._wrong(place)
        elif kind in (int, bool):
            self._of(kind, value, place)
        else:
            raise Untrusted(f"something that saccade does not know ({self._at(place)})")

    def _fields(self, kind: type, values: Mapping[str, Any], place: tuple[str | int, ...]) -> None:
        hints = _hints(kind, self.schema)
        fields = {each.name: each for each in dataclasses.fields(kind)}
        if issubclass(kind, self.schema._Union):
            if len(values) != 1 or next(iter(values)) not in hints:
                raise self._wrong(place)
        else:
            for name, each in fields.items():
                if name not in values and each.default is each.default_factory is dataclasses.MISSING:
                    raise self.archive.damaged(f"{name!r} is missing in {self._at(place)}")
        for name, value in values.items():
            # PyTorch passes over what its schema does not name.
            if name in hints:
                self._value(hints[name], value, (kind.__name__, name), (*place, name))

    def _text(self, text: str, owner: tuple[str, str], place: tuple[str | int, ...]) -> None:
        if not _RULES.get(owner, _is_word)(text):
            what = _BROKEN_RULES.get(owner, "text that does not belong there:")
            raise Untrusted(f"{what} {text[:60]!a} ({self._at(place)})")

    def _of(self, kind: type, value: Any, place: tuple[str | int, ...]) -> Any:
        is_odd_number = kind is int and (isinstance(value, bool) or (isinstance(value, int) and abs(value) >= 2**63))
        if not isinstance(value, kind) or is_odd_number:
            raise self._wrong(place)
        return value

    def _wrong(self, place: tuple[str | int, ...]) -> Exception:
        return self.archive.damaged(f"{self._at(place)} holds something else than belongs there")

    def _at(self, place: tuple[str | int, ...]) -> str:
        path = ".".join(ascii(each)[1:-1][:40] if isinstance(each, str) else str(each) for each in place[-6:])
        return f"{path!r} of {self.member!r}" if path else repr(self.member)


@cache
def _hints(kind: type, schema: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind, globalns=vars(schema))


# What a text may be, by its place


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
    operation = _OPERATION.fullmatch(target)
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
