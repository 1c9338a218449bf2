"""The description of the interface is true: what is sent by it is answered as it says, and so is what breaks it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from app_servers import TOKEN, drawing_encoder, photo_file, small_encoder
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from saccade.app.assembly import create_app
from saccade.app.limits import Limits

BEARER = {"Authorization": f"Bearer {TOKEN}"}
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    negative_data_rejection, ignored_auth,
]  # fmt: skip
NUMBERS = ["f0", "f1", "f2", "nobody"]
LIKELY = {
    "photo": NUMBERS, "a": NUMBERS, "b": NUMBERS, "number": NUMBERS,
    "method": ["occlusion", "relax", "activation_energy", "detail_kept", "saliency", "none", None],
    "target": ["code", "channel:1", "cell:1,1", "region:0:2,0:2", "channel:0 - 2*channel:1", "like:f0", None],
    "layer": ["cells", "drawn", "none", None],
}  # fmt: skip
"""What leads further than a text by chance."""
FEW = settings(
    max_examples=15, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
APP: Any = create_app(drawing_encoder(), token=TOKEN, warm_up=False)
"""Without photos: only asked for its description."""


@pytest.fixture
def app(tmp_path: Path) -> Any:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(photo_file((20, 20), seed=number))
    limits = Limits(work_seconds=5.0, photos=4)
    photos = sorted(tmp_path.iterdir())
    return create_app(
        drawing_encoder(), photos, token=TOKEN, hosts=["testserver"], limits=limits, beside=small_encoder(),
        warm_up=False, on_defect=_raise,
    )  # fmt: skip


def _raise(error: BaseException) -> None:
    raise error


def operation(app: Any, path: str, method: str, *, likely: bool = False) -> Any:
    """One operation as its description says, asked in this process."""
    description = copy.deepcopy(app.app.openapi())
    if likely:
        _lead(description)
    schema = schemathesis.openapi.from_dict(description)
    schema.app = app
    return schema[path][method]


def _lead(node: Any) -> None:
    """Photos, methods, targets: of those that there are."""
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _lead(part)
    if isinstance(node, dict):
        if node.get("title") == "Photos" and node.get("type") == "array":
            node["items"] = {"enum": NUMBERS}
        for name, texts in LIKELY.items():
            if isinstance(node.get("properties"), dict) and name in node["properties"]:
                node["properties"][name] = {"enum": texts}
            if node.get("name") == name and "in" in node and node["schema"].get("type") != "integer":
                node["schema"] = {"enum": texts}


OPERATIONS = [(path, method) for path, methods in APP.app.openapi()["paths"].items() for method in methods]
BY_NAME = [f"{method.upper()} {path}" for path, method in OPERATIONS]


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=BY_NAME)
def test_every_answer_is_described(app: Any, path: str, method: str) -> None:
    statuses: set[int] = set()

    @FEW
    @given(operation(app, path, method, likely=True).as_strategy())
    def ask(case: Any) -> None:
        statuses.add(case.call_and_validate(headers=BEARER, checks=CHECKS).status_code)

    ask()
    if path != "/api/photos":  # where chance sends no photo
        assert statuses & {200, 201, 204, 404}, statuses
    # This network has no gradients, and three photos are no collection.
    if method == "post" and path not in ("/api/photos", "/api/cells") and not path.startswith("/api/collection"):
        assert 200 in statuses, statuses


TAKING = [(path, method) for path, method in OPERATIONS if method == "post" or "{" in path]


@pytest.mark.parametrize(("path", "method"), TAKING, ids=[f"{method.upper()} {path}" for path, method in TAKING])
def test_what_breaks_the_description_is_refused_as_it_says(app: Any, path: str, method: str) -> None:
    @FEW
    @given(operation(app, path, method).as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def ask(case: Any) -> None:
        case.call_and_validate(headers=BEARER, checks=CHECKS)

    ask()
