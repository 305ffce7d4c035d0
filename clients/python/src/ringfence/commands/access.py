"""`ringfence access`: who has read what of the log, and why."""

import re
from typing import Annotated
from uuid import UUID

import typer
from ringfence_desk import words
from ringfence_desk.language import Language

from ringfence.commands.connect import As, client_as
from ringfence.commands.outcome import moment
from ringfence.commands.terminal import show
from ringfence.commands.told import InLanguage
from ringfence.reads import Read

_ID = re.compile("[0-9a-f]{32}")


def access(
    principal: As,
    platform: Annotated[UUID | None, typer.Option(help="Only what was read of this platform.")] = None,
    reader: Annotated[UUID | None, typer.Option(help="Only what this one has read.")] = None,
    most: Annotated[int, typer.Option("--most", min=1, max=100_000, help="At most so many, the newest.")] = 1_000,
    language: InLanguage = Language.ENGLISH,
) -> None:
    """Shows who has read what, the newest first; a platform is shown what was read of it."""
    rows: list[list[str]] = []
    with client_as(principal) as client:
        for read in client.audit.reads(platform, reader):
            if len(rows) == most:
                break
            asked = " ".join(f"{name}={_whole(value)}" for name, value in sorted(read.query.items()))
            whose = "own" if read.is_own else str(read.reader_id)
            what = _what(read, language)
            rows.append(
                [str(read.leaf_index), moment(read.time_ns), whose, what, asked, read.case_reference, read.reason]
            )
    show("Reads", ["index", "time", "reader", "what", "asked", "case", "reason"], rows, right=["index"])


def _what(read: Read, language: Language) -> str:
    """Says which page was looked at, or what was asked for; what has no words by its name."""
    found = words.code("audit.read.v1", "method", read.method)
    return read.page or (found.words[language] if found else read.method)


def _whole(value: str) -> str:
    """Gives an id as it is typed, anything else as it stands."""
    return str(UUID(value)) if _ID.fullmatch(value) else value
