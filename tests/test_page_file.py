"""A page's one file: the views' modules, joined into one script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from saccade.report.page_file import VIEWS, joined_modules


def test_modules_join(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(
        '// @ts-check\n/** Why. */\nimport { b } from "./b.js";\n  /** @type {any} */ const c = '
        '/** @type {any} */ (b);\n/**\n * Many\n * lines: "x" */\nexport const a = b + 1; // why\n'
    )
    (tmp_path / "b.js").write_text("export const b = 1;\n")
    joined = joined_modules("a.js", tmp_path)
    assert joined.split("\n") == ["const b = 1;", "", "  const c = (b);", "const a = b + 1; // why", ""]
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nexport const a = b + 1;\n')
    assert joined_modules("a.js", tmp_path).split() == ["const", "b", "=", "1;", "const", "a", "=", "b", "+", "1;"]
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\nexport const b = 1;\n')
    with pytest.raises(ValueError, match=r"a\.js > b\.js > a\.js is a circle"):
        joined_modules("a.js", tmp_path)
    (tmp_path / "b.js").write_text("export default 1;\n")
    with pytest.raises(ValueError, match="only named imports and exports"):
        joined_modules("a.js", tmp_path)
    (tmp_path / "a.js").write_text('import { b as c } from "./b.js";\n')
    with pytest.raises(ValueError, match="renames"):
        joined_modules("a.js", tmp_path)


def test_no_two_modules_share_a_name() -> None:
    owners: dict[str, str] = {}
    for path in sorted(VIEWS.glob("*.js")):
        for name in re.findall(r"^(?:export )?(?:async )?(?:function|const|let|class) (\w+)", path.read_text(), re.M):
            assert owners.setdefault(name, path.name) == path.name, f"{name} is in {owners[name]} and {path.name}"
