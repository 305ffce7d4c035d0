"""Clients whom lists name: what is kept of them in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar

from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.screening.domain.clients import Client, client_stream
from ringfence_payment_instruction.screening.domain.findings.events import (
    EVENTS,
    ClientBlocked,
    ClientCleared,
    ClientMatched,
)

SECTION = "findings, format 1"


class Finding(IntEnum):
    """What became of an entry that names a client."""

    MATCHED = 1
    BLOCKED = 2  # identity knows
    CLEARED = 3  # two people say that it is somebody else


OF_EVENT: Mapping[type, Finding] = {
    ClientMatched: Finding.MATCHED,
    ClientBlocked: Finding.BLOCKED,
    ClientCleared: Finding.CLEARED,
}


@dataclass(frozen=True, slots=True)
class ClientFindings:
    """A client, and the entries that name him or an owner of his."""

    subject: bytes
    tenant: bytes
    party: bytes
    entries: dict[str, Finding] = field(default_factory=dict)

    def having(self, finding: Finding) -> tuple[str, ...]:
        """Returns the references of the entries of which that became."""
        return tuple(reference for reference, each in self.entries.items() if each is finding)


@dataclass(frozen=True, slots=True)
class _Saved:
    """What a snapshot holds: by client what was found."""

    findings: list[tuple[bytes, bytes, bytes, list[tuple[str, int]]]]
    matched_position: int


class State:
    """Findings by the stream of a client, and the position of the last match. Changes go through the journal."""

    EVENTS: ClassVar[tuple[type, ...]] = EVENTS

    def __init__(self) -> None:
        """Starts with nobody found."""
        self.findings: dict[bytes, ClientFindings] = {}
        self.matched_position = 0

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        event = recorded.event
        stream, finding = client_stream(event.subject), OF_EVENT[type(event)]
        if stream not in self.findings:
            journal.put(self.findings, stream, ClientFindings(event.subject, event.tenant, event.party))
        for reference in event.references:
            journal.put(self.findings[stream].entries, reference, finding)
        if finding is Finding.MATCHED:
            journal.call(setattr, self, "matched_position", self.matched_position)
            self.matched_position = recorded.position

    def streams(self) -> list[bytes]:
        """Returns the streams that may have work: of clients that identity is to block."""
        return [stream for stream, each in list(self.findings.items()) if each.having(Finding.MATCHED)]

    def news(self, client: Client) -> tuple[str, ...]:
        """Returns which of a client's references were not found before."""
        known = self.findings.get(client_stream(client.subject))
        return tuple(each for each in client.references if known is None or each not in known.entries)

    def is_cleared(self, subject: bytes, reference: str) -> bool:
        """Tells whether two people have said that an entry names somebody else than this client."""
        known = self.findings.get(client_stream(subject))
        return known is not None and known.entries.get(reference) is Finding.CLEARED

    def listed_clients(self) -> int:
        """Returns how many clients are on a list and not released."""
        return sum(
            any(finding is not Finding.CLEARED for finding in each.entries.values())
            for each in list(self.findings.values())
        )

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        return hashlib.sha256(self._content()).digest()

    def save(self) -> Sections:
        """Returns all findings."""
        return [(SECTION, self._content())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        saved = plain.decode(sections[SECTION], _Saved)
        self.matched_position = saved.matched_position
        self.findings = {
            client_stream(subject): ClientFindings(
                subject, tenant, party, {reference: Finding(number) for reference, number in entries}
            )
            for subject, tenant, party, entries in saved.findings
        }

    def _content(self) -> bytes:
        findings = [
            (each.subject, each.tenant, each.party, [(one, int(other)) for one, other in sorted(each.entries.items())])
            for _, each in sorted(self.findings.items())
        ]
        return plain.encode(_Saved(findings, self.matched_position))
