"""The verbs of `make`, from the Makefile."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from docs.site.places import ROOT
from docs.site.reference.markdown import code, table, text

PAGE = PurePosixPath("reference/make.md")
_VERB = re.compile(r"^([a-z-]+):.*?## (.*)$", re.MULTILINE)


def pages() -> dict[PurePosixPath, str]:
    """Returns the page of verbs."""
    found = _VERB.findall((ROOT / "Makefile").read_text(encoding="utf-8"))
    rows = ([code(f"make {verb}"), text(does)] for verb, does in found)
    return {PAGE: f"# make\n\nWhat a checkout can do; `make` alone shows the same.\n\n{table(['verb', 'does'], rows)}"}
