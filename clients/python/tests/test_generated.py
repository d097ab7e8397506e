"""The committed generated code is exactly what the .proto files give."""

from __future__ import annotations

from pathlib import Path

import toolbeam.v1
from generate import generate


def test_generated_code_is_current(tmp_path: Path) -> None:
    committed = Path(toolbeam.v1.__file__).parents[2]
    fresh = generate(tmp_path)
    names = {path.name for path in (committed / "toolbeam" / "v1").glob("*.py*")}
    assert names == {path.name for path in fresh}, "run `cargo xtask regen` and commit what it writes"
    for path in fresh:
        same = (committed / path).read_text() == (tmp_path / path).read_text()
        assert same, f"{path} is not what the .proto files give: run `cargo xtask regen` and commit it"
