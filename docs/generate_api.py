"""Write docs/api.md from the app's own description of itself; `--check` only says whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from saccade.app.assembly import create_app
from saccade.app.limits import Limits
from saccade.app.messages import KINDS
from saccade.encoder import Encoder
from saccade.models.numpy_network import NumpyNetwork

PAGE = Path(__file__).with_name("api.md")
_START = """\
# The app's requests

Written by `docs/generate_api.py` from the app itself; do not edit by hand. `saccade serve` prints the address; the same
description for programs is at `/api/openapi.json`.

```sh
saccade serve autoencoder.keras holiday/ --token "$TOKEN" --no-open
curl -H "Authorization: Bearer $TOKEN" --data-binary @cat.jpg -H 'Content-Type: application/octet-stream' \\
  'http://127.0.0.1:8471/api/photos?name=cat.jpg'
curl -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"photo": "f0"}' \\
  http://127.0.0.1:8471/api/explain
```

## Who is answered

- Everybody shows the token: in the address of the page, once, which gives a cookie (HttpOnly, SameSite=Strict); or, for
  programs, as `Authorization: Bearer TOKEN` with every request. Without it: 401.
- The server listens on this machine alone. `--host` for others needs a `--token`. It answers only under its own names
  (421 otherwise; `--allow-host` adds one) and never pages of other origins (403).
- No request names a file or opens a model: photos are those of the command, and those that are sent. A photo that was
  sent is seen only by who sent it, lies in memory alone, and makes room for newer ones.
- Nothing of a request is logged, and nothing is sent elsewhere.
- A refusal is `{"detail": "one line"}`.
"""
_SOCKET = """\
## The socket

`/live` is a WebSocket for everything that moves. A message is binary: four bytes, little-endian, that say how long the
JSON is; the JSON, padded with spaces to a multiple of four; then numbers. (A message without numbers may be text.)
Every message has a `kind` and an `id`, which every answer repeats. Of each kind only the latest question counts: one
that is overtaken is answered `{"overtaken": true}`. What cannot be answered is `{"error": "one line"}`.
"""


def _encoded(images: Any, taps: Any) -> dict[str, Any]:
    code = np.asarray(images).mean(axis=(1, 2))
    return {"code": taps["code"](code) if "code" in taps else code}


class _Weightless(NumpyNetwork):
    def weights(self) -> list[tuple[str, Any]]:
        return [("none", np.zeros(1))]


def description() -> dict[str, Any]:
    """The app's own description of itself, in OpenAPI."""
    encoder = Encoder(_Weightless(_encoded, (8, 8, 3), name="any"), layer="code", value_range=(0, 1))
    app: Any = create_app(encoder, token="0" * 16, warm_up=False)
    content: dict[str, Any] = app.app.openapi()
    return content


def page() -> str:
    """The page as it should be."""
    about = description()
    parts = [_START, _limits(), "## Requests\n"]
    for path, methods in about["paths"].items():
        parts += [_request(path, method, one, about) for method, one in methods.items()]
    parts.append(_socket())
    return "\n".join(parts)


def _limits() -> str:
    limits = Limits()
    photo = (
        f"{limits.body_bytes // 2**20} MiB, {limits.pixels:,} pixels; any other body {limits.json_bytes // 2**10} KiB"
    )
    waiting = (
        f"{limits.waiting} of one client wait, {limits.all_waiting} of all; {limits.at_once} are computed at a time"
    )
    sockets = (
        f"{limits.sockets} of one client, {limits.all_sockets} of all; a message of {limits.message_bytes // 2**20} MiB"
    )
    rows = [
        ("a photo's file", photo, "413"),
        ("what a request begins with", f"must have arrived within {limits.head_seconds:g} s", "closed"),
        ("a body", f"must have arrived within {limits.body_seconds:g} s", "408"),
        ("photos that one client sends", f"{limits.photos} are kept, {limits.all_photos} of all clients together", ""),
        ("questions", f"{waiting}, and clients take turns", "429, 503"),
        ("one question", f"is stopped after {limits.work_seconds:g} s", "503"),
        ("an answer", f"must be taken within {limits.answer_seconds:g} s", "closed"),
        ("connections", f"{limits.connections} of all clients together", "503"),
        ("sockets", sockets, "429"),
    ]
    lines = [f"| {what} | {most} | {status} |" for what, most, status in rows]
    return "\n".join(["## Limits\n", "| of | at most | else |", "|---|---|---|", *lines, ""])


def _request(path: str, method: str, one: dict[str, Any], about: dict[str, Any]) -> str:
    lines = [f"### {method.upper()} {path}\n", f"**{one['summary']}** {one.get('description', '')}\n"]
    rows = [
        (parameter["name"], f"in the {parameter['in']}", parameter.get("description", ""))
        for parameter in one.get("parameters", ())
    ]
    body = one.get("requestBody", {}).get("content", {})
    if "application/json" in body:
        rows += _fields(body["application/json"]["schema"], about)
    elif body:
        rows.append(("(the body)", " or ".join(body), "The file as it is."))
    if rows:
        lines += ["| field | kind | |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows), ""]
    for status, answer in one["responses"].items():
        if not status.startswith("2"):
            continue
        kinds = answer.get("content", {})
        schema = kinds.get("application/json", {}).get("schema", {})
        schema = schema.get("items", schema)
        fields = (
            [f"`{name}`{': ' + text if text else ''}" for name, _, text in _fields(schema, about)] if schema else []
        )
        what = answer["description"].rstrip(".")
        what = "" if what == "Successful Response" else f" {what}."
        lines.append(f"{status}{' (' + ', '.join(kinds) + ')' if kinds else ''}:{what}")
        lines += [f"- {field}" for field in fields]
        lines.append("")
    return "\n".join(lines)


def _fields(schema: dict[str, Any], about: dict[str, Any]) -> list[tuple[str, str, str]]:
    if "$ref" in schema:
        schema = about["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    needed = schema.get("required", ())
    return [
        (name, _kind(field) + (", needed" if name in needed else ""), field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    ]


def _kind(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_kind(one) for one in field["anyOf"] if one.get("type") != "null"))
    if "$ref" in field:
        return str(field["$ref"].rpartition("/")[2])
    if "const" in field:
        return f'"{field["const"]}"'
    if "enum" in field:
        return " or ".join(f'"{one}"' for one in field["enum"])
    kind = str(field.get("type", "object"))
    return f"list of {_kind(field['items'])}" if kind == "array" and "items" in field else kind


def _socket() -> str:
    lines = [_SOCKET]
    for kind, model in KINDS.items():
        schema = model.model_json_schema()
        about = {"components": {"schemas": schema.get("$defs", {})}}
        lines += [
            f"### {kind}\n",
            f"{' '.join((model.__doc__ or '').split())}\n",
            "| field | kind | |",
            "|---|---|---|",
        ]
        lines += [f"| {' | '.join(row)} |" for row in _fields(schema, about) if row[0] not in ("id", "kind")]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
            sys.exit("docs/api.md is not up to date; run: python docs/generate_api.py")
    else:
        PAGE.write_text(page(), encoding="utf-8")
