"""What screening keeps in memory: the sanctions lists in force, and the clients that are on them."""

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
from ringfence_payment_instruction.screening.domain.events import (
    EVENTS,
    ClientBlocked,
    ClientCleared,
    ClientMatched,
    SanctionsListImported,
)
from ringfence_payment_instruction.screening.domain.lists import SanctionsList
from ringfence_payment_instruction.submissions.domain.submission import Submission

SECTION = "screening, format 2"


class Finding(IntEnum):
    """What became of an entry that names a client."""

    MATCHED = 1
    BLOCKED = 2  # identity knows
    CLEARED = 3  # two people say that it is somebody else


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
    """What a snapshot holds: lists with their marks, and by client what was found."""

    lists: list[tuple[str, bytes, int, list[tuple[bytes, str]]]]
    findings: list[tuple[bytes, bytes, bytes, list[tuple[str, int]]]]
    changed_position: int


class State:
    """Lists by name, and findings by the stream of a client. Every change goes through the journal.

    `changed_position` is that of the last event that may have made a hit of what was none before.
    """

    EVENTS: ClassVar[tuple[type, ...]] = EVENTS
    CHANGES: ClassVar[tuple[type, ...]] = (SanctionsListImported, ClientMatched)

    def __init__(self) -> None:
        """Starts without any list."""
        self.lists: dict[str, SanctionsList] = {}
        self.findings: dict[bytes, ClientFindings] = {}
        self.changed_position = 0

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        event: Any = recorded.event
        match event:
            case SanctionsListImported():
                journal.put(self.lists, event.list_name, SanctionsList.of(event))
                self._changed(recorded, journal)
            case ClientMatched():
                self._found(event, Finding.MATCHED, journal)
                self._changed(recorded, journal)
            case ClientBlocked():
                self._found(event, Finding.BLOCKED, journal)
            case ClientCleared():
                self._found(event, Finding.CLEARED, journal)

    def covers(self, submission: Submission) -> bool:
        """Tells whether what was screened of a submission was screened by all that is known now."""
        return submission.screened_position >= self.changed_position or not submission.screened_position

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
        """Returns all lists in force, and all findings."""
        return [(SECTION, self._content())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        saved = plain.decode(sections[SECTION], _Saved)
        self.changed_position = saved.changed_position
        self.lists = {name: SanctionsList(digest, at_ns, dict(marks)) for name, digest, at_ns, marks in saved.lists}
        self.findings = {
            client_stream(subject): ClientFindings(
                subject, tenant, party, {reference: Finding(number) for reference, number in entries}
            )
            for subject, tenant, party, entries in saved.findings
        }

    def _changed(self, recorded: Recorded, journal: Journal) -> None:
        journal.call(setattr, self, "changed_position", self.changed_position)
        self.changed_position = recorded.position

    def _found(self, event: ClientMatched | ClientBlocked | ClientCleared, finding: Finding, journal: Journal) -> None:
        stream = client_stream(event.subject)
        if stream not in self.findings:
            journal.put(self.findings, stream, ClientFindings(event.subject, event.tenant, event.party))
        for reference in event.references:
            journal.put(self.findings[stream].entries, reference, finding)

    def _content(self) -> bytes:
        lists = [
            (name, each.digest, each.published_ns, sorted(each.references.items()))
            for name, each in sorted(self.lists.items())
        ]
        findings = [
            (each.subject, each.tenant, each.party, [(one, int(other)) for one, other in sorted(each.entries.items())])
            for _, each in sorted(self.findings.items())
        ]
        return plain.encode(_Saved(lists, findings, self.changed_position))
