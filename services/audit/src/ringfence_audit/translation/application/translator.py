"""From a source's event to its leaves: one per fact, and never none."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

import msgspec
from ringfence_kernel.store.codec import open_envelope
from ringfence_kernel.telemetry import logs

from ringfence_audit.log.domain.leaf import Value, encode
from ringfence_audit.log.domain.page import SourceEvent, Translated
from ringfence_audit.translation.domain import payment
from ringfence_audit.translation.domain.accounts import Accounts
from ringfence_audit.translation.domain.custody import CustodyTables
from ringfence_audit.translation.domain.facts import fact_fields, kind_of
from ringfence_audit.translation.domain.rows import Table
from ringfence_audit.translation.domain.state import State

log = logs.get(__name__)

Split = Callable[[bytes, Mapping[str, Any]], Iterable[Table]]
"""Splits an event, given its stream and its fields, into facts of one or more kinds."""

SINGLE: Mapping[str, frozenset[str]] = {
    "identity": frozenset(
        f"{name}.v1"
        for name in (
            "PrincipalRegistered PrincipalActivated PrincipalSuspended KeyRotated AccessTokenIssued"
            " CertificateEnrolled SubmissionAuthorised PartyRegistered PartyAmended KycChanged KycReleaseProposed"
            " PartyErased AliasRegistered AliasRemoved"
        ).split()
    ),
    "payment-instruction": frozenset(
        {"SubmissionReceived.v1", "SubmissionRefused.v1", "SubmissionWaiting.v1", "SanctionsListImported.v1"}
    ),
}
PACKED_PAYMENTS: Mapping[str, Callable[[Mapping[str, Any]], Table]] = {
    "InstructionsReceived.v1": payment.INSTRUCTIONS.table,
    "InstructionsAdvanced.v1": payment.steps,
    "InstructionsDirected.v1": payment.directives,
    "EvidenceReceived.v1": payment.ENTRIES.table,
    "EvidenceApplied.v1": payment.OUTCOMES.table,
}
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, OverflowError, struct.error, msgspec.MsgspecError)


class Translation:
    """Translates the events of every source, by what the log has said of accounts so far."""

    def __init__(self, state: State) -> None:
        self._state = state

    def translate(self, source: str, events: Iterable[SourceEvent]) -> Iterator[Translated]:
        """Yields consecutive events of a source with their leaves; the later know what accounts the earlier open."""
        return map(Translator(source, Accounts(self._state.books)).translate, events)


class Translator:
    """Translates the events of one source."""

    def __init__(self, source: str, accounts: Accounts) -> None:
        """Takes the accounts known so far; those that custody's events open are noted there."""
        self._source = source
        self._single = SINGLE.get(source, frozenset())
        self._packed = _splits(source, accounts)

    def translate(self, event: SourceEvent) -> Translated:
        """Gives an event with its leaves in the order of its facts.

        A topic that is not known, or bytes that do not fit their topic, give one leaf that names the event and commits
        to its state: nothing is left out, and nothing can stop the log.
        """
        leaves, times = list[bytes](), [event.time_ns]
        try:
            for table in self._tables(event):
                times += table.times()
                leaves.extend(table.leaves(self._header(event), len(leaves)))
        except UNREADABLE as error:
            log.warning("event_unreadable", source=self._source, topic=event.topic, error=type(error).__name__)
            leaves = []
        return Translated(event, tuple(leaves or [self._opaque(event)]), min(times), max(times))

    def _tables(self, event: SourceEvent) -> Iterable[Table]:
        if event.topic in self._single:
            return [Table(kind_of(self._source, event.topic), 1, {}, fact_fields(_fields(event)))]
        split = self._packed.get(event.topic)
        return split(event.stream, _fields(event)) if split else ()

    def _opaque(self, event: SourceEvent) -> bytes:
        commitment: dict[str, Value] = {
            "topic": event.topic,
            "stream_id": event.stream,
            "state_sha256": sha256(event.state).digest(),
        }
        return encode(f"{self._source}.event.v1", {**commitment, **self._header(event), "ordinal": 0})

    def _header(self, event: SourceEvent) -> dict[str, Value]:
        return {"source": self._source, "position": event.position, "time_ns": event.time_ns}


def _splits(source: str, accounts: Accounts) -> Mapping[str, Split]:
    if source == "payment-instruction":
        return {topic: _of_fields(table) for topic, table in PACKED_PAYMENTS.items()}
    if source != "custody":
        return {}
    custody = CustodyTables(accounts)
    return {
        "AccountsCreated.v1": custody.accounts_created,
        "TransfersCreated.v1": custody.transfers_created,
        "TransfersExpired.v1": custody.transfers_expired,
        "OwnerStandingChanged.v1": custody.owner_standing_changed,
        "AccountsFrozen.v1": custody.accounts_frozen,
        "AccountsReleased.v1": custody.accounts_released,
        "AccountStatusChanged.v1": custody.account_status_changed,
        "RulesAdopted.v1": custody.rules_adopted,
    }


def _of_fields(table: Callable[[Mapping[str, Any]], Table]) -> Split:
    return lambda stream, fields: [table(fields)]


def _fields(event: SourceEvent) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.msgpack.decode(open_envelope(event.state).fields)
    return fields
