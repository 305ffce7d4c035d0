"""What a host brings that makes dossiers: files of facts with all that proves them. It blocks, like the log's ports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from ringfence_console.ports import View

MOST_SUBJECTS = 20


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a dossier is to be of: all facts about subjects, or what the log took over between two times (UTC ns).

    With `is_linked` also what these facts name; without `has_texts` what they commit to stays closed.
    """

    subjects: tuple[UUID, ...] = ()
    between_ns: tuple[int, int] | None = None
    is_linked: bool = False
    has_texts: bool = True


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A dossier that was made here: the SHA-256 of its file, its size, when (UTC nanoseconds), of what and how much.

    `index` is the fact by which the log has it. `is_complete` says that there are no other facts about what was asked,
    which a dossier by a reader of some platforms does not prove.
    """

    sha256: bytes
    size_bytes: int
    made_ns: int
    subjects: tuple[UUID, ...]
    between_ns: tuple[int, int] | None
    facts: int
    index: int
    is_complete: bool


class Dossiers(Protocol):
    """Makes dossiers, and keeps those that it has made; raises NotThere, Refused, Unavailable and NotProven."""

    def made(self) -> Sequence[Bundle]:
        """Gives those that are kept, the newest first; asks nobody."""

    def make(self, wanted: Wanted, view: View) -> Bundle:
        """Makes one, verified whole as its reader will verify it; that it was made is a fact of the log."""

    def content(self, sha256: bytes) -> bytes:
        """Gives the file of one that is kept."""

    def verifier(self) -> bytes:
        """Gives the page that verifies dossiers without a network, one HTML file."""
