"""Clients whom lists name, and what became of each entry that does: what is kept of them in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, ClassVar

from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.screening.domain.clients import Client, client_stream
from ringfence_payment_instruction.screening.domain.events import EVENTS as LIST_EVENTS
from ringfence_payment_instruction.screening.domain.events import (
    Edition,
    SanctionsEditionAdopted,
    SanctionsEditionHeld,
    SanctionsListConfirmed,
    SanctionsListImported,
)
from ringfence_payment_instruction.screening.domain.findings.events import (
    EVENTS,
    ClientBlocked,
    ClientCleared,
    ClientMatched,
)
from ringfence_payment_instruction.screening.domain.listed import ListedEntry, unpacked_entries
from ringfence_payment_instruction.screening.domain.lists import SanctionsList

SECTION = "findings, format 3"


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
    """A client, and the entries that name him or an owner of his, each as it stood when it was found."""

    subject: bytes
    tenant: bytes
    party: bytes
    entries: dict[ListedEntry, Finding] = field(default_factory=dict)

    def having(self, finding: Finding) -> tuple[ListedEntry, ...]:
        """Returns the entries of which that became."""
        return tuple(entry for entry, each in self.entries.items() if each is finding)


@dataclass(frozen=True, slots=True)
class _Saved:
    """What a snapshot holds: by client what was found, as reference, SHA-256 of the entry, and finding."""

    findings: list[tuple[bytes, bytes, bytes, list[tuple[str, bytes, int]]]]
    matched_position: int
    waiting: list[tuple[str, list[tuple[str, bytes]]]]


class State:
    """Findings by the stream of a client, and the position of the last match. Changes go through the journal.

    An entry that its publisher changes is another one: who was cleared of the one is found by the other. Nobody stays
    cleared of an entry that has left its list, so that he is found if it comes back. `waiting` has the entries of
    editions that wait, by list.
    """

    EVENTS: ClassVar[tuple[type, ...]] = (*EVENTS, *LIST_EVENTS)

    def __init__(self) -> None:
        """Starts with nobody found."""
        self.findings: dict[bytes, ClientFindings] = {}
        self.matched_position = 0
        self.waiting: dict[str, frozenset[ListedEntry]] = {}

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        event = recorded.event
        if isinstance(event, LIST_EVENTS):
            self._listed(event, journal)
            return
        stream, finding = client_stream(event.subject), OF_EVENT[type(event)]
        if stream not in self.findings:
            journal.put(self.findings, stream, ClientFindings(event.subject, event.tenant, event.party))
        for entry in unpacked_entries(event.references, event.entry_digests):
            journal.put(self.findings[stream].entries, entry, finding)
        if finding is Finding.MATCHED:
            journal.call(setattr, self, "matched_position", self.matched_position)
            self.matched_position = recorded.position

    def _listed(self, event: Any, journal: Journal) -> None:
        if isinstance(event, SanctionsEditionHeld):
            journal.put(self.waiting, event.list_name, _entries_of(event))
            return
        if isinstance(event, SanctionsListConfirmed):
            return
        own = f"{event.list_name}/"
        cleared = [
            (found.entries, entry)
            for found in self.findings.values()
            for entry in found.having(Finding.CLEARED)
            if entry.name.startswith(own)
        ]
        left: frozenset[ListedEntry] = frozenset()
        if cleared and isinstance(event, SanctionsListImported):
            left = _entries_of(event)
        elif isinstance(event, SanctionsEditionAdopted):
            left = self.waiting[event.list_name]
        if event.list_name in self.waiting:
            journal.remove(self.waiting, event.list_name)
        for entries, entry in cleared:
            if entry not in left:
                journal.remove(entries, entry)

    def streams(self) -> list[bytes]:
        """Returns the streams that may have work: of clients that identity is to block."""
        return [stream for stream, each in list(self.findings.items()) if each.having(Finding.MATCHED)]

    def news(self, client: Client) -> tuple[ListedEntry, ...]:
        """Returns which of a client's entries were not found before as they stand."""
        known = self.findings.get(client_stream(client.subject))
        return tuple(each for each in client.entries if known is None or each not in known.entries)

    def is_cleared(self, subject: bytes, entry: ListedEntry) -> bool:
        """Tells whether two people have said that an entry, as it stands, names somebody else than this client."""
        known = self.findings.get(client_stream(subject))
        return known is not None and known.entries.get(entry) is Finding.CLEARED

    def listed_clients(self) -> int:
        """Returns how many clients are on a list and not released."""
        return sum(
            any(finding is not Finding.CLEARED for finding in list(each.entries.values()))
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
        self.waiting = {name: frozenset(ListedEntry(*each) for each in entries) for name, entries in saved.waiting}
        self.findings = {
            client_stream(subject): ClientFindings(
                subject, tenant, party, {ListedEntry(name, sha256): Finding(number) for name, sha256, number in entries}
            )
            for subject, tenant, party, entries in saved.findings
        }

    def _content(self) -> bytes:
        findings = [
            (each.subject, each.tenant, each.party, [(*one, int(other)) for one, other in sorted(each.entries.items())])
            for _, each in sorted(self.findings.items())
        ]
        waiting = [(name, [(*each,) for each in sorted(entries)]) for name, entries in sorted(self.waiting.items())]
        return plain.encode(_Saved(findings, self.matched_position, waiting))


def _entries_of(event: Edition) -> frozenset[ListedEntry]:
    edition = SanctionsList.of(event)
    return frozenset(edition.entry(event.list_name, reference) for reference in edition.entry_references)
