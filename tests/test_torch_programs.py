"""Exported programs: no text in them reaches Python that is not what belongs in its place."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch_archives import exported, members, packed

from saccade.errors import FileError, ModelError
from saccade.models.torch.files import open_torch_file
from saccade.models.torch.formulas import is_formula

MODEL = "net/models/model.json"
WEIGHTS = "net/data/weights/model_weights_config.json"


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({"my-conv": nn.Conv2d(3, 4, 3, padding=1), "norm": nn.BatchNorm2d(4)})

    def forward(self, x: torch.Tensor) -> dict[str, Any]:
        with torch.no_grad():
            scale = x.mean()
        code = nn.functional.elu(self.parts["norm"](self.parts["my-conv"](x))) * scale
        tokens = nn.functional.max_pool2d(code, 2).flatten(2)
        return {"code": code, "others": (tokens @ tokens.transpose(1, 2), [code.mean((2, 3))])}


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    torch.manual_seed(0)
    return members(exported(Net().eval(), tmp_path_factory.mktemp("programs") / "net.pt2", free=True))


@pytest.fixture
def harm() -> Iterator[types.ModuleType]:
    """A module that takes down what is done to it."""
    module = types.ModuleType("somebodys_code")
    exec("ran = []\ndef run(*_):\n    ran.append(1)\n    return {}\n", module.__dict__)
    sys.modules["somebodys_code"] = module
    yield module
    del sys.modules["somebodys_code"]


def refusal(contents: dict[str, bytes], path: Path) -> str:
    with pytest.raises((ModelError, FileError)) as raised:
        open_torch_file(packed(contents, path))
    assert "\n" not in str(raised.value)
    return str(raised.value)


def with_json(contents: dict[str, bytes], member: str, change: Callable[[Any], None]) -> dict[str, bytes]:
    value = json.loads(contents[member])
    change(value)
    return {**contents, member: json.dumps(value).encode()}


def replaced(contents: dict[str, bytes], before: str, after: str, member: str = MODEL) -> dict[str, bytes]:
    assert before.encode() in contents[member]
    return {**contents, member: contents[member].replace(before.encode(), after.encode())}


def first_signature(model: Any) -> Any:
    return model["graph_module"]["module_call_graph"][0]["signature"]


def test_honest_programs_are_opened(contents: dict[str, bytes], tmp_path: Path) -> None:
    network = open_torch_file(packed(contents, tmp_path / "net.pt2"))
    assert "parts.my-conv" in network.layers
    assert network.input_shape == (None, None, 3)


RUN = "__import__('somebodys_code').run()"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # The names of inputs and nodes become Python code.
        ('"x"', f'"x={RUN}"'),
        ('"elu"', f'"elu = {RUN}; elu"'),
        ('"p_parts_my_conv_weight"', f'"p={RUN}"'),
        ('"torch.ops.aten.elu.default"', '"somebodys_code.run"'),
        ('"torch.ops.aten.elu.default"', '"torch.ops.load_library.x"'),
        ('"torch.ops.aten.elu.default"', '"torch.ops.aten.__class__.x"'),
        ('"torch.ops.aten.elu.default"', '"torch.ops.aten.from_file.default"'),
        ('"torch.ops.aten.elu.default"', '"torch.ops.aten.mul.left_t"'),
        ('"torch.ops.aten.elu.default"', '"torch.ops.mine.elu.default"'),
        ('"torch.ops.aten.elu.default"', '"torch.hub.load"'),
        ('"torch.ops.aten.elu.default"', '"math.factorial"'),
        ('"torch.ops.aten.elu.default"', '"_operator.methodcaller"'),
        ('"expr_str": "', f'"expr_str": "{RUN} + '),
        ('"expr_str": "', '"expr_str": "S(\'1\') + '),
        ('"expr_str": "', '"expr_str": "Integer(9)**Integer(9)**Integer(9)**Integer(9) + '),
        ('"fqn": "parts.norm"', '"fqn": "parts\\"]; somebodys_code.run(); [\\""'),
        ("parts.norm,torch", 'parts\\")] + [(\\",torch'),
    ],
)
def test_no_text_is_run(
    contents: dict[str, bytes], harm: types.ModuleType, tmp_path: Path, before: str, after: str
) -> None:
    assert re.search(r"net\.pt2 holds .*--trust", refusal(replaced(contents, before, after), tmp_path / "net.pt2"))
    assert not harm.ran


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.update(guards_code=[RUN]),
        lambda model: first_signature(model).update(forward_arg_names=[f"x={RUN}"]),
        lambda model: first_signature(model).update(
            in_spec='[1, {"type": "collections.defaultdict", "context": "{}"}]'
        ),
        lambda model: first_signature(model).update(
            out_spec=json.dumps(
                [
                    1,
                    {
                        "type": "builtins.dict",
                        "context": json.dumps({"__enum__": 1, "fqn": "somebodys_code:E", "name": "x"}),
                        "children_spec": [],
                    },
                ]
            )
        ),
    ],
    ids=["conditions", "arguments", "containers", "keys"],
)
def test_no_structure_is_imported(
    contents: dict[str, bytes], harm: types.ModuleType, tmp_path: Path, change: Callable[[Any], None]
) -> None:
    del sys.modules["somebodys_code"]
    assert "--trust" in refusal(with_json(contents, MODEL, change), tmp_path / "net.pt2")
    assert "somebodys_code" not in sys.modules
    sys.modules["somebodys_code"] = harm


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[()]]:
        return sys.modules["somebodys_code"].run, ()


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore:.*torch.jit:FutureWarning")
def test_nothing_is_unpickled(contents: dict[str, bytes], harm: types.ModuleType, tmp_path: Path) -> None:
    torch.save({"x": Harmful()}, tmp_path / "harm.pt")
    for member, content in (
        ("net/data/sample_inputs/model.pt", pickle.dumps(Harmful())),
        ("net/data/sample_inputs/model.pt", (tmp_path / "harm.pt").read_bytes()),
        ("net/data/weights/model.pt", (tmp_path / "harm.pt").read_bytes()),
        ("net/data/constants/custom_obj_0", pickle.dumps(Harmful())),
    ):
        assert "pickled objects" in refusal({**contents, member: content}, tmp_path / "net.pt2")
    torch.jit.script(nn.ReLU()).save(tmp_path / "script.pt")
    script = (tmp_path / "script.pt").read_bytes()
    changed = {**contents, "net/data/sample_inputs/model.pt": script}
    assert "a script where tensors are expected" in refusal(changed, tmp_path / "net.pt2")
    changed = {**contents, "net/data/sample_inputs/model.pt": b""}
    changed["net/data/sample_inputs/MODEL.PT"] = pickle.dumps(Harmful())
    assert "the odd name" in refusal(changed, tmp_path / "net.pt2")
    changed = replaced(contents, '"use_pickle": false', '"use_pickle": true', WEIGHTS)
    assert "pickled weights" in refusal(changed, tmp_path / "net.pt2")
    assert "machine code" in refusal({**contents, "net/data/aotinductor/m/x.so": b""}, tmp_path / "net.pt2")
    assert not harm.ran


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sizes", [{"as_int": 10**9}, {"as_int": 3}, {"as_int": 3}, {"as_int": 3}]),
        ("strides", [{"as_int": 10**9}] * 4),
        ("strides", [{"as_int": -27}, {"as_int": 9}, {"as_int": 3}, {"as_int": 1}]),
        ("storage_offset", {"as_int": 10**9}),
        ("dtype", 8),
    ],
)
def test_a_weight_lies_inside_what_is_stored_of_it(
    contents: dict[str, bytes], tmp_path: Path, field: str, value: object
) -> None:
    def change(config: Any) -> None:
        config["config"]["parts.my-conv.weight"]["tensor_meta"][field] = value

    assert re.search(
        "is damaged: a tensor in it (is larger than|has no proper)",
        refusal(with_json(contents, WEIGHTS, change), tmp_path / "net.pt2"),
    )


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"a":' * 200_000, "5", "null", "[]", '"x"', "", "\udc80", '{"graph_module": 3}']
)
def test_json_of_another_shape_is_damage(contents: dict[str, bytes], tmp_path: Path, text: str) -> None:
    message = refusal({**contents, MODEL: text.encode("utf-8", "surrogateescape")}, tmp_path / "net.pt2")
    assert "is damaged" in message
    assert "models/model.json" in message


def test_damage_is_named_where_it_is(contents: dict[str, bytes], tmp_path: Path) -> None:
    changed = with_json(contents, MODEL, lambda model: model["graph_module"]["graph"]["nodes"][2].pop("target"))
    assert "'target' is missing in 'graph_module.graph.nodes.2'" in refusal(changed, tmp_path / "net.pt2")
    changed = with_json(contents, MODEL, lambda model: model["graph_module"]["graph"].update(inputs=7))
    assert "'graph_module.graph.inputs' of 'models/model.json' holds something else" in refusal(
        changed, tmp_path / "net.pt2"
    )


@pytest.mark.parametrize("name", ["dtype", ""])
def test_a_number_is_no_type_of_numbers(contents: dict[str, bytes], tmp_path: Path, name: str) -> None:
    def change(model: Any) -> None:
        nodes = model["graph_module"]["graph"]["nodes"]
        kind = {"name": name, "arg": {"as_int": 100000}, "kind": 1}
        nodes[-1]["target"] = "torch.ops.aten.to.dtype"
        nodes[-1]["inputs"] = [nodes[-1]["inputs"][0], kind]

    message = refusal(with_json(contents, MODEL, change), tmp_path / "net.pt2")
    assert "100000 stands for a type of numbers in a call of torch.ops.aten.to.dtype" in message


@pytest.mark.parametrize("divisor", [{"as_int": -1}, {"as_tensor": {"name": "x"}}])
def test_whole_numbers_are_not_divided_by_what_only_shows_later(
    contents: dict[str, bytes], tmp_path: Path, divisor: dict[str, Any]
) -> None:
    # The smallest whole number divided by -1 ends the process.
    def change(model: Any) -> None:
        nodes = model["graph_module"]["graph"]["nodes"]
        nodes[-1]["target"] = "torch.ops.aten.div.Tensor_mode"
        nodes[-1]["inputs"] = [
            nodes[-1]["inputs"][0],
            {"name": "other", "arg": divisor, "kind": 1},
            {"name": "rounding_mode", "arg": {"as_string": "trunc"}, "kind": 2},
        ]

    message = refusal(with_json(contents, MODEL, change), tmp_path / "net.pt2")
    assert "a division that rounds towards zero" in message


def test_sizes_are_not_multiplied_without_end(contents: dict[str, bytes], tmp_path: Path) -> None:
    def change(model: Any) -> None:
        graph = model["graph_module"]["graph"]
        for number in range(40):
            name = "x" if number == 0 else f"m{number}"
            size = {"arg": {"as_sym_int": {"as_name": name}}, "kind": 1}
            graph["nodes"].append(
                {
                    "target": "_operator.mul",
                    "inputs": [{"name": "a", **size}, {"name": "b", **size}],
                    "outputs": [{"as_sym_int": {"as_name": f"m{number + 1}"}}],
                    "metadata": {},
                }
            )

    assert "multiplied without end" in refusal(with_json(contents, MODEL, change), tmp_path / "net.pt2")


@pytest.mark.parametrize(
    "text",
    [
        "Symbol('s0', positive=True, integer=True)",
        "Mul(Integer(8), Add(FloorDiv(Add(Symbol('s0', integer=True), Integer(-1)), Integer(2)), Integer(1)))",
        "Pow(Symbol('s77', integer=True), Integer(2))",
        "s0*s1**2 + Max(1, s0//2)",
        "(1 + (((-1) + L['x'].size()[3]) // 2)) != 1",
        "(max(1, L['x'][0].size()[3] // 2)) % 2 == 0",
        "Piecewise(ExprCondPair(Symbol('u0'), StrictLessThan(Symbol('u0'), Integer(3))), ExprCondPair(s1, true))",
        "math.trunc(L['x'].size()[2] / 2.0)",
        "-9223372036854775807",
    ],
)
def test_formulas_of_sizes(text: str) -> None:
    assert is_formula(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "(" * 500, "9" * 5000, "9**9**9**9", "Pow(Pow(Integer(9), Integer(60)), Integer(60))", "2**s0", "s0**-0.5",
        "*".join(["(s0+s1+s2+s3)"] * 9), "1e400", "Float('1e99999999')", "x", "S('1')", "Symbol('__import__')",
        "Integer.mro()", "L.x", "L['x']", "L['x'].tolist()", "L['x'].size().x", "L[f'{x}'].size()[0]", "Lambda(x, x)",
        "Function('f')(1)", "[x for x in (1,)]", "lambda: 1", "'text'", "__import__('os')", "(yield)",
        "math.factorial(9)", "torch.load", "Symbol('s0'); import os", "Symbol('s0', evaluate=f())",
    ],
)  # fmt: skip
def test_what_is_no_formula(text: str) -> None:
    assert not is_formula(text)


def test_examples_that_an_export_carries_may_be_large(tmp_path: Path) -> None:
    torch.manual_seed(0)
    photos = torch.zeros(200, 3, 96, 96)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # An example cut out of all photos brings the storage of all of them into the file.
        program = torch.export.export(nn.Conv2d(3, 4, 3), (photos[:2],))
        torch.export.save(program, tmp_path / "net.pt2")
    assert (tmp_path / "net.pt2").stat().st_size > photos.nbytes
    assert open_torch_file(tmp_path / "net.pt2").input_shape == (96, 96, 3)


def test_triton_is_not_imported_after_tensorflow(contents: dict[str, bytes], tmp_path: Path) -> None:
    """Their two copies of LLVM would end the process; here an import of Triton does."""
    packed(contents, tmp_path / "net.pt2")
    for name, code in {"triton": "import os\nos._exit(139)\n", "tensorflow": ""}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(code)
    program = (
        "import sys, tensorflow\n"
        "from saccade.models.opening import open_model\n"
        "open_model('net.pt2')\n"
        "assert 'triton' not in sys.modules\n"
        "from torch.utils._triton import has_triton_package\n"
        "assert not has_triton_package()\n"
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
