"""One rule for cells of files that spreadsheets open, by whoever writes them: the three may not import one another."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ringfence_audit.reports.adapters import as_csv
from ringfence_desk import cells
from ringfence_verifier.dossier.tables import csv_line

VECTORS = json.loads(Path(__file__).with_name("cells.json").read_text(encoding="utf-8"))


def _of_dossiers(text: str) -> str:
    [[read]] = csv.reader([csv_line([text, "end"])[: -len(",end\r\n")]]) if text else [[""]]
    return read


@pytest.mark.parametrize("cell", [cells.plain_cell, as_csv.plain_cell, _of_dossiers])
def test_no_cell_is_a_formula_and_none_is_lost(cell: Callable[[str], str]) -> None:
    """Each text as its vector says, and what has an apostrophe before it is had back without."""
    assert [(text, cell(text)) for text, _ in VECTORS] == [(text, kept) for text, kept in VECTORS]
    assert all(kept in (text, f"'{text}") for text, kept in VECTORS)
