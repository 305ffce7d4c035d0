"""What custody learns from payment-instruction's feed: banks' movements, and the statements that settle them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from typing import ClassVar

from ringfence_kernel.feed import EventUnknown, FeedPage
from ringfence_kernel.feed.facts import taking_over
from ringfence_kernel.feed.published import described, require_known
from ringfence_kernel.store import StoredEvent
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.columns import split_ids
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_protos.common.v1 import proposal_events_pb2
from ringfence_protos.payment_instruction.v1 import events_pb2

from ringfence_custody.reconciliation.application.noting import ExceptionFact, Fact, Noting, WorkedOffFact
from ringfence_custody.reconciliation.domain.events import BankLinesNoted, StatementNoted

CURSOR = "follower:payment-instruction"
PUBLISHED = described(events_pb2.DESCRIPTOR, proposal_events_pb2.DESCRIPTOR)


@dataclass(frozen=True, slots=True)
class BankMovements:
    """The fields of payment-instruction's published event that matter here."""

    TOPIC: ClassVar[str] = "BankMovements.v1"
    tenant: bytes
    mirror: bytes
    movement_ids: bytes
    states: bytes
    days: bytes
    amounts_minor: bytes
    marks: bytes
    entry_ids: bytes
    transfer_ids: bytes
    references: bytes
    part_counts: bytes
    part_amounts_minor: bytes
    part_references: bytes

    def fact(self) -> Fact:
        """Returns what it says; the key of a line is the entry, or the reserving transfer, that it names."""
        both = zip(split_ids(self.entry_ids), split_ids(self.transfer_ids), strict=True)
        return BankLinesNoted(
            self.tenant,
            self.mirror,
            self.movement_ids,
            self.states,
            self.days,
            self.amounts_minor,
            self.marks,
            b"".join(entry if entry != ZERO_ID else transfer for entry, transfer in both),
            self.references,
            self.part_counts,
            self.part_amounts_minor,
            self.part_references,
        )


@dataclass(frozen=True, slots=True)
class StatementTaken:
    """The fields of payment-instruction's published event that matter here."""

    TOPIC: ClassVar[str] = "StatementTaken.v1"
    tenant: bytes
    mirror: bytes
    telling: bytes
    digest: bytes
    first_day: int
    last_day: int
    opening_minor: int
    closing_minor: int

    def fact(self) -> Fact:
        """Returns what it says."""
        return StatementNoted(
            self.tenant,
            self.mirror,
            self.telling,
            self.digest,
            self.first_day,
            self.last_day,
            self.opening_minor,
            self.closing_minor,
        )


@dataclass(frozen=True, slots=True)
class StatementExcepted:
    """The fields of payment-instruction's published event that matter here."""

    TOPIC: ClassVar[str] = "StatementExcepted.v1"
    tenant: bytes
    mirror: bytes
    telling: bytes
    last_day: int

    def fact(self) -> Fact:
        """Returns what it says."""
        return ExceptionFact(self.tenant, self.mirror, self.telling, self.last_day)


@dataclass(frozen=True, slots=True)
class ExceptionWorkedOff:
    """The fields of payment-instruction's published event that matter here."""

    TOPIC: ClassVar[str] = "ExceptionWorkedOff.v1"
    tenant: bytes
    mirror: bytes
    telling: bytes

    def fact(self) -> Fact:
        """Returns what it says."""
        return WorkedOffFact(self.tenant, self.mirror, self.telling)


_CODEC = EventCodec([BankMovements, StatementTaken, StatementExcepted, ExceptionWorkedOff])


def facts_of(events: Iterable[StoredEvent]) -> list[Fact]:
    """Returns the facts in events; other topics that payment-instruction describes are none of custody's business.

    Raises EventUnknown for a topic or a code that it does not describe: it may be about what a bank holds.
    """
    facts: list[Fact] = []
    for stored in events:
        if stored.topic not in PUBLISHED:
            raise EventUnknown(f"payment-instruction has published {stored.topic}, which is not described")
        if stored.topic in _CODEC.topics:
            event, _ = _CODEC.decode(stored.topic, stored.state)
            require_known(PUBLISHED[stored.topic], asdict(event))
            facts.append(event.fact())
    return facts


def take_over(noting: Noting) -> Callable[[FeedPage], Awaitable[None]]:
    """Returns the handler of pages; see the kernel's `taking_over`."""
    return taking_over(facts_of, noting.note, CURSOR)
