"""Pages of one file, under a policy that forbids nearly everything."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any


def document(script: str, data: Any, *, style: str = "", body: str = "", workers: bool = True) -> str:
    """A page whose policy allows this script, this style, WebAssembly, and workers made of text."""
    policy = (
        f"default-src 'none'; img-src data:; style-src {_digest(style)}; script-src {_digest(script)} "
        "'wasm-unsafe-eval'; base-uri 'none'; form-action 'none'"
    )
    policy += "; worker-src blob:" if workers else "; worker-src 'none'"
    carried = json.dumps(data).replace("<", "\\u003c")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>page</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>'
        f'<body>{body}<script type="application/json" id="data">{carried}</script>'
        f'<script type="module">{script}</script></body></html>'
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
