"""From a source's event to its leaves: one per fact, and never none."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from os import urandom
from typing import Any

import msgspec
from ringfence_kernel.feed import EventUnknown
from ringfence_kernel.feed.published import described, require_known
from ringfence_kernel.store.codec import open_envelope
from ringfence_kernel.telemetry import logs
from ringfence_kernel.telemetry import tracing as telemetry
from ringfence_kernel.values.descriptions import EventDescription, Facts
from ringfence_protos.common.v1 import proposal_events_pb2
from ringfence_protos.custody.v1 import events_pb2 as custody_events_pb2
from ringfence_protos.identity.v1 import events_pb2 as identity_events_pb2
from ringfence_protos.payment_instruction.v1 import events_pb2 as payment_instruction_events_pb2

from ringfence_audit.log.domain.leaf import Value, encode
from ringfence_audit.log.domain.page import SourceEvent, Translated
from ringfence_audit.log.domain.texts import Link, Text
from ringfence_audit.translation.domain import payment
from ringfence_audit.translation.domain.accounts import Accounts
from ringfence_audit.translation.domain.closing import Draw, closed
from ringfence_audit.translation.domain.custody import CustodyTables
from ringfence_audit.translation.domain.facts import fact_fields, kind_of, named_ids
from ringfence_audit.translation.domain.links import links
from ringfence_audit.translation.domain.rows import Table
from ringfence_audit.translation.domain.state import State

log = logs.get(__name__)

Split = Callable[[EventDescription, bytes, Mapping[str, Any]], Iterable[Table]]
"""Splits an event, given its description, stream and fields, into facts of one or more kinds."""

PUBLISHED: Mapping[str, Mapping[str, EventDescription]] = {
    source: described(its_own, proposal_events_pb2.DESCRIPTOR)
    for source, its_own in (
        ("identity", identity_events_pb2.DESCRIPTOR),
        ("custody", custody_events_pb2.DESCRIPTOR),
        ("payment-instruction", payment_instruction_events_pb2.DESCRIPTOR),
    )
}
"""What each source publishes, by topic; what two people do is the same in all."""
PACKED_PAYMENTS: Mapping[str, Callable[[EventDescription, Mapping[str, Any]], Table]] = {
    "InstructionsReceived.v1": payment.instructions,
    "InstructionsAdvanced.v1": payment.steps,
    "InstructionsDirected.v1": payment.directives,
    "InstructionsRescreened.v1": payment.rescreenings,
    "HitsReleased.v1": payment.RELEASES.table,
    "EvidenceReceived.v1": payment.ENTRIES.table,
    "EvidenceApplied.v1": payment.OUTCOMES.table,
}
NAMED_BY_STREAM: Mapping[tuple[str, str], str] = {
    ("custody", topic): "break_id" for topic in ("BreakDetected.v1", "BreakReopened.v1", "BreakStepped.v1")
}
"""Events whose stream is the id of what they are about, which nothing else in them says; and how a leaf names it."""
UNREADABLE_EVENTS = "ringfence.events.unreadable"
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, OverflowError, struct.error, msgspec.MsgspecError)


class Translation:
    """Translates the events of every source, by what the log has said of accounts so far."""

    def __init__(self, state: State) -> None:
        self._state = state

    def translate(self, source: str, events: Iterable[SourceEvent]) -> Iterator[Translated]:
        """Yields consecutive events of a source with their leaves; the later know what accounts the earlier open.

        Raises EventUnknown at the first event with a topic, field or code that is not described.
        """
        return map(Translator(source, Accounts(self._state.books)).translate, events)


class Translator:
    """Translates the events of one source."""

    def __init__(self, source: str, accounts: Accounts, draw: Draw = urandom) -> None:
        """Takes the accounts known so far, those that custody's events open are noted there; salts come from `draw`."""
        self._source = source
        self._draw = draw
        self._published = PUBLISHED.get(source, {})
        self._splits = splits(source, accounts)

    def translate(self, event: SourceEvent) -> Translated:
        """Gives an event with its leaves in the order of its facts.

        Bytes that do not fit their topic give one leaf that names the event and commits to its state, and an alarm:
        nothing is left out, and no damage can stop the log. Raises EventUnknown for a topic, a field or a code that is
        not described: what cannot be stated as a fact, and may be secret, is not put into a log that is never changed.
        """
        description = self._published.get(event.topic)
        if description is None:
            raise EventUnknown(f"{self._source} has published {event.topic}, which is not described")
        leaves, texts, linked, times = list[bytes](), list[Text](), list[Link](), [event.time_ns]
        try:
            for table in self._tables(description, event):
                times += table.times()
                linked += links(table, len(leaves))
                closing, said = closed(table, len(leaves), event.time_ns, self._draw)
                leaves.extend(closing.leaves(self._header(event), len(leaves)))
                texts += said
        except UNREADABLE as error:
            log.error("event_unreadable", source=self._source, topic=event.topic, error=type(error).__name__)
            _count_unreadable(self._source, 1)
            leaves, texts, linked = [], [], []
        stated = tuple(leaves or [self._opaque(event)])
        return Translated(event, stated, min(times), max(times), tuple(texts), tuple(linked))

    def _tables(self, description: EventDescription, event: SourceEvent) -> Iterable[Table]:
        fields: dict[str, Any] = msgspec.msgpack.decode(open_envelope(event.state).fields)
        require_known(description, fields)
        if description.facts is Facts.ONE:
            facts, free = fact_fields(description, fields)
            if name := NAMED_BY_STREAM.get((self._source, event.topic)):
                facts[name] = event.stream
            return [Table(kind_of(self._source, event.topic), 1, {}, facts, free, named=named_ids(fields))]
        return self._splits[event.topic](description, event.stream, fields)

    def _opaque(self, event: SourceEvent) -> bytes:
        commitment: dict[str, Value] = {
            "topic": event.topic,
            "stream_id": event.stream,
            "state_sha256": sha256(event.state).digest(),
        }
        return encode(f"{self._source}.event.v1", {**commitment, **self._header(event), "ordinal": 0})

    def _header(self, event: SourceEvent) -> dict[str, Value]:
        return {"source": self._source, "position": event.position, "time_ns": event.time_ns}


def splits(source: str, accounts: Accounts) -> Mapping[str, Split]:
    """Gives how the packed events of a source are split, by topic."""
    if source == "payment-instruction":
        return {topic: _of_fields(table) for topic, table in PACKED_PAYMENTS.items()}
    if source != "custody":
        return {}
    custody = CustodyTables(accounts)
    return {
        "AccountsCreated.v1": custody.accounts_created,
        "TransfersCreated.v1": custody.transfers_created,
        "TransfersExpired.v1": custody.transfers_expired,
        "TransfersEvidenced.v1": custody.transfers_evidenced,
        "OwnerStandingChanged.v1": custody.owner_standing_changed,
        "AccountsFrozen.v1": custody.accounts_frozen,
        "AccountsReleased.v1": custody.accounts_released,
        "AccountStatusChanged.v1": custody.account_status_changed,
        "RulesAdopted.v1": custody.rules_adopted,
    }


def count_unreadable_from_zero(sources: Iterable[str]) -> None:
    """Shows the counter before anything was unreadable: a rise from nothing would not be seen."""
    for source in sources:
        _count_unreadable(source, 0)


def _count_unreadable(source: str, count: int) -> None:
    meaning = "Events taken over by their hash alone: their bytes do not fit their topic."
    counter = telemetry.meter().create_counter(UNREADABLE_EVENTS, unit="{event}", description=meaning)
    counter.add(count, {"ringfence.source": source})


def _of_fields(table: Callable[[EventDescription, Mapping[str, Any]], Table]) -> Split:
    return lambda description, stream, fields: [table(description, fields)]
