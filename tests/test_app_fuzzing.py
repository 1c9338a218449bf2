"""Whatever is sent, the app answers with a plain refusal and never with a defect of its own."""

from __future__ import annotations

import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from app_servers import BEARER, TOKEN, photo_file, small_encoder, test_client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from saccade.app.assembly import create_app
from saccade.app.frames import packed, unpacked
from saccade.app.limits import Limits
from saccade.app.messages import KINDS

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PATHS = [
    "explain",
    "explain/picture",
    "compare",
    "similarities",
    "agreements",
    "feature_maps",
    "cells",
    "recipe",
    "photos",
]
VISIBLE = string.ascii_letters + string.digits + string.punctuation
TARGETS = [
    "",
    "code",
    "channel:0",
    "cell:1,1",
    "region:0:2,0:2",
    "centred",
    "channel:9 - 2*code",
    "like:f0",
    "1e999*code",
]
METHODS = ["occlusion", "relax", "saliency", "activation_energy", "none"]
words = st.sampled_from([*TARGETS, *METHODS, "f0", "f1", "../f0", "cells", "\x00", "\u00e9"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 70) | st.floats() | words | st.text(string.printable, max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["photo", "method", "target", "layer", "settings", "a", "b", "photos", "title", "kind", "x"])
questions = st.dictionaries(names, values, max_size=6)
settings_names = st.sampled_from(["patch", "stride", "filler", "masks", "seed", "low_pass"])
likely = st.fixed_dictionaries(
    {"photo": st.sampled_from(["f0", "f1"])},
    optional={
        "method": words, "target": words, "layer": st.sampled_from(["cells", "none"]),
        "settings": st.dictionaries(settings_names, values, max_size=2),
    },
)  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder: Path = tmp_path_factory.mktemp("app")
    for number in range(2):
        (folder / f"{number}.png").write_bytes(photo_file((20, 20), seed=number))
    app = create_app(small_encoder(), sorted(folder.iterdir()), token=TOKEN, limits=Limits(work_seconds=5.0))
    with test_client(app, headers=BEARER) as client:
        yield client


def is_plain(answer: Any) -> bool:
    return answer.status_code in (200, 201) or (answer.status_code < 500 and isinstance(answer.json()["detail"], str))


@QUICK
@given(st.sampled_from(PATHS), questions | likely)
def test_any_question(client: TestClient, path: str, question: dict[str, Any]) -> None:
    import json

    content = json.dumps(question)  # with NaN and Infinity, as programs send them
    answer = client.post(f"/api/{path}", content=content, headers={"content-type": "application/json"})
    assert is_plain(answer), (path, question, answer.status_code, answer.text)


@QUICK
@given(
    st.sampled_from(["GET", "POST", "DELETE", "PUT", "HEAD"]),
    st.text(VISIBLE, max_size=30),
    st.binary(max_size=60),
)
def test_any_request(client: TestClient, method: str, path: str, body: bytes) -> None:
    answer = client.request(method, "/" + path.replace("#", "").replace("?", "").lstrip("/"), content=body)
    assert answer.status_code < 500


@QUICK
@given(questions | likely, st.sampled_from([*KINDS, "other"]), st.binary(max_size=40))
def test_any_message(client: TestClient, question: dict[str, Any], kind: str, numbers: bytes) -> None:
    with client.websocket_connect("ws://127.0.0.1:8471/live", headers={**BEARER}) as socket:
        socket.send_bytes(packed({"id": 1, "kind": kind, **_finite(question)}, numbers))
        while True:
            reply, _ = unpacked(socket.receive_bytes())
            if not ("total" in reply or reply.get("partial")):
                break
        assert "unexpected" not in reply.get("error", ""), (question, reply)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not abs(value) < 1e300:
        return 0.0
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, list) else value
