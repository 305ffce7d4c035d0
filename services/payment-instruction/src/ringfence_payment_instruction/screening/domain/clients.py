"""Registered clients and their owners as screening knows them: keyed marks of their names, never a name in clear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ringfence_kernel.values.ids import external_id, show

from ringfence_payment_instruction.screening.domain.listed import ListedEntry
from ringfence_payment_instruction.screening.domain.screened_fields import Part

Listed = Mapping[bytes, tuple[ListedEntry, ...]]
"""The entries that have a name, by its keyed mark."""


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
    return (entry for mark in marks for entry in listed.get(mark, ()))
