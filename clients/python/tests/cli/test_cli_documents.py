"""Commands in documents are typed as they stand there: every option and argument is known, and none is missing."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from .test_cli_methods import COMMANDS

ID = "0195f3a2-0000-7000-8000-000000000001"
DOCUMENT = Path(__file__).parents[4] / "docs" / "safeguarding.md"
VALUES = {"SHA256": "ab" * 32, "TEXT": "why", "OPERATOR": "x", "SECOND": "x", "BANK": "x", "REGULATOR": "x"}
LINES = [
    shlex.split(line, comments=True)
    for block in re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
    if line
]


def _typed(word: str, folder: Path) -> str:
    places = {"FILE": str(folder / "file"), "FOLDER": str(folder)}
    return (VALUES | places).get(word, ID if re.fullmatch("[A-Z]{3,}", word) and word != "TARGET" else word)


def test_the_document_has_commands() -> None:
    """Whoever moves them elsewhere moves this test with them."""
    assert len(LINES) > 25


@pytest.mark.parametrize("words", LINES, ids=" ".join)
def test_command_is_understood(words: list[str], tmp_path: Path) -> None:
    """Values stand for the words in capitals, but for the currency EUR and the calendar TARGET."""
    (tmp_path / "file").write_text("content")
    program, *typed = words
    path = max((each for each in COMMANDS if " ".join(typed).startswith(f"{each} ")), key=len)
    arguments = [_typed(word, tmp_path) if word != "EUR" else word for word in typed[len(path.split()) :]]
    assert program == "ringfence"
    COMMANDS[path].make_context(path, arguments)
