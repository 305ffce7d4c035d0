"""Registered clients and their owners as screening knows them: keyed marks of their names, never a name in clear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from ringfence_kernel.values.ids import external_id, show

from ringfence_payment_instruction.screening.domain.listed import ListedEntry
from ringfence_payment_instruction.screening.domain.screened_fields import Part

Marks = Mapping[bytes, tuple[ListedEntry, ...]]
"""The entries of one list that have a name, by its keyed mark."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The same of all lists: each part is made once and stays the same as long as its list does."""

    parts: tuple[Marks, ...] = ()

    def entries(self, mark: bytes) -> tuple[ListedEntry, ...]:
        """Returns the entries that have a name, in the order of the lists."""
        found = [entries for part in self.parts if (entries := part.get(mark))]
        return found[0] if len(found) == 1 else tuple(dict.fromkeys(chain.from_iterable(found)))


@dataclass(frozen=True, slots=True)
class NamesRecorded:
    """Identity has recorded names of a client, or of all his owners, in place of those before.

    `subject` is the stream of his events and the subject of his data key; `sealed` maps fields of the event at
    `version` of that stream to envelopes. Without envelopes nobody is named (any more): the client is erased.
    """

    subject: bytes
    part: Part
    tenant: bytes
    party: bytes
    version: int
    sealed: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class ClientReleased:
    """Two people have led a blocked client back to review: the entries that they have looked at are no hits on him.

    `findings` names those, SHA-256 each; None where an earlier release of identity led him out, which told none: then
    all are meant of which it knew.
    """

    subject: bytes
    findings: frozenset[bytes] | None = None


ClientFact = NamesRecorded | ClientReleased


@dataclass(frozen=True, slots=True)
class MarkedNames:
    """The marks of one part of a client's names, 16 bytes each."""

    recorded: NamesRecorded
    marks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Client:
    """A client whose names are on lists, with the entries that name him."""

    subject: bytes
    tenant: bytes
    party: bytes
    entries: tuple[ListedEntry, ...]


def client_stream(subject: bytes) -> bytes:
    """Returns the stream of what is found of a client."""
    return external_id("screened-client", b"", show(subject))


def entries_of(marks: Sequence[bytes], listed: Listed) -> Iterator[ListedEntry]:
    """Yields the entries that name somebody with these marks."""
    return (entry for mark in marks for entry in listed.entries(mark))
