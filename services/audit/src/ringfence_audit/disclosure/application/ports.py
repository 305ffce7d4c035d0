"""What look-ups and disclosures need from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from ringfence_audit.disclosure.domain.sealed import Event, Sealed


class By(StrEnum):
    """By what is looked up; `value` stands in the read's leaf."""

    NAME = "name"
    IDENTITY_NUMBER = "identity_number"
    IBAN = "iban"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class FoundParty:
    """Somebody whom identity has found, by ids alone."""

    tenant: bytes
    party: bytes
    subject: bytes
    account: bytes
    found_by: str
    erased: bool


@dataclass(frozen=True, slots=True)
class FoundParties:
    """A page of them; where it goes on, empty at the end; how far identity has looked, and how far it had come."""

    parties: list[FoundParty]
    next_subject: bytes
    position: int
    head_position: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A sealed field in clear, or the reason why it is not."""

    content: bytes = field(default=b"", repr=False)
    reason: str = ""


class Identity(Protocol):
    """Identity, which alone has keys; raises PeerUnavailable, PeerRefused."""

    async def find(self, by: By, sought: str, tenants: Collection[bytes], after: bytes, page_size: int) -> FoundParties:
        """Finds parties, of any platform where none are given; raises SoughtInvalid."""

    async def open(self, fields: Sequence[Sealed]) -> list[Opened]:
        """Opens sealed fields, each by itself."""


class SourceEvents(Protocol):
    """Events where their source keeps them; raises SourceUnreachable, SourceDiffers where there is none."""

    async def read(self, source: str, position: int) -> Event:
        """Gives the event at a position of a source's feed."""


class TextIndex(Protocol):
    """Texts beside the log, found by themselves; every call blocks."""

    def find(self, texts: Sequence[str], until_leaf: int, most: int) -> list[tuple[int, str]]:
        """Gives (leaf, field) of the newest leaves below one that commit to one of these; nothing of the erased."""

    def find_within(self, texts: Sequence[str], spans: Sequence[range]) -> list[tuple[int, str]]:
        """Gives (leaf, field) of all leaves in some spans that commit to one of these, newest first; likewise."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where in the log the facts of some platforms are.

    `spans` yields parts of a range of leaves that hold one of theirs, at most 256 leaves each and in order; it blocks.
    `reached` waits until every leaf below an index can be found so; it raises SearchBehind.
    """

    spans: Callable[[frozenset[bytes], range], Iterator[range]]
    reached: Callable[[int], Awaitable[None]]
