"""What stands in the documents, for tests that compare code with it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"


def vectors(kind: str) -> list[dict[str, Any]]:
    """Returns the test vectors of one kind from docs/formats.md."""
    blocks = re.findall(r"```json\n(.*?)```", (DOCS / "formats.md").read_text(encoding="utf-8"), re.DOTALL)
    return [vector for block in blocks for vector in json.loads(block) if vector["kind"] == kind]
