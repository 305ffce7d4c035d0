"""Two people work exceptions off, and decide what entries in doubt are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import Protocol

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.ids import show
from ringfence_kernel.values.money import currency
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.deposits.application.receiving import Origin
from ringfence_payment_instruction.statements.application.keeping import may_be_brought_forward
from ringfence_payment_instruction.statements.application.receiving import StatementReceiving
from ringfence_payment_instruction.statements.domain.by_people import (
    Candidate,
    InDoubt,
    candidates,
    decide_doubt,
    in_doubt,
)
from ringfence_payment_instruction.statements.domain.errors import (
    HeldEntryUnknown,
    StatementExceptionUnknown,
    StatementNotAcceptable,
)
from ringfence_payment_instruction.statements.domain.events import BROUGHT_FORWARD, VOIDED, ExceptionWorkedOff
from ringfence_payment_instruction.statements.domain.exceptions import OpenException
from ringfence_payment_instruction.statements.domain.movements import Chain
from ringfence_payment_instruction.statements.domain.outcome import outcome_of
from ringfence_payment_instruction.statements.domain.sources import OurPayments, Sources
from ringfence_payment_instruction.statements.domain.state import State, stream_of
from ringfence_payment_instruction.statements.domain.statement import Account, Heading, Kind, Statement
from ringfence_payment_instruction.submissions.domain.orders import Alias

WORK_OFF = "payment-instruction.WorkOffException"
DECIDE = "payment-instruction.DecideHeldEntry"
ALL = 2**31 - 1
_OUTCOMES = {BROUGHT_FORWARD: "let count as it stands", VOIDED: "void"}


class Exceptions(Protocol):
    """Exceptions that wait for people; blocks, raises StoreUnavailable."""

    def open(self, mirror: bytes, after: int, most: int) -> list[OpenException]:
        """Returns those of a mirror behind a position, in the order in which they came."""


@dataclass(frozen=True, slots=True)
class ExceptionView:
    """An exception, what its file says where that is kept, and what was taken last of its mirror; minor units."""

    exception: OpenException
    statement: Statement | None
    last: Chain | None
    booked_minor: int


@dataclass(frozen=True, slots=True)
class Why:
    """On what document a decision rests, and a note."""

    document_sha256: bytes
    note: str


@dataclass(frozen=True, slots=True)
class _WorkOff:
    mirror: bytes
    outcome: int
    text: str
    why: Why


@dataclass(frozen=True, slots=True)
class _Decision:
    mirror: bytes
    ledger: int
    movement: bytes
    amount_minor: int
    why: Why


@dataclass(frozen=True, slots=True)
class StatementDecisions:
    """Proposes; a second operator's confirmation does it."""

    state: State
    receiving: StatementReceiving
    exceptions: Exceptions
    proposals: Proposals

    async def list_exceptions(self, tenant: bytes, mirror: bytes, after: int, most: int) -> list[OpenException]:
        """Returns the open exceptions of a tenant's mirror behind a position."""
        found = await asyncio.to_thread(self.exceptions.open, mirror, after, most)
        return [each for each in found if each.tenant == tenant]

    async def list_doubts(
        self, tenant: bytes, mirror: bytes, after: bytes, most: int
    ) -> list[tuple[InDoubt, list[Candidate]]]:
        """Returns what is in doubt of a tenant's mirror behind an id, as it is committed, beside what it may be."""

        def read(unit: Unit) -> list[tuple[InDoubt, list[Candidate]]]:
            known = self.state.of_tenant(tenant, mirror)
            found = islice((each for each in in_doubt(known) if each.id > after), most)
            return [(each, candidates(known, each)) for each in found]

        return await self.receiving.submissions.writer.commit(read)

    async def show_exception(self, tenant: bytes, mirror: bytes, telling: bytes) -> ExceptionView:
        """Returns an open exception with what it says; raises StatementExceptionUnknown, VaultUnavailable."""
        found = await self._open_exception(tenant, mirror, telling)
        kept = await self.receiving.keeping.load(mirror, telling)
        statement = kept[1] if kept is not None and isinstance(kept[1], Statement) else None

        def read(unit: Unit) -> ExceptionView:
            known = self.state.of_tenant(tenant, mirror)
            return ExceptionView(found, statement, known.last, known.booked_minor)

        return await self.receiving.submissions.writer.commit(read)

    async def _open_exception(self, tenant: bytes, mirror: bytes, telling: bytes) -> OpenException:
        open_ones = await self.list_exceptions(tenant, mirror, 0, ALL)
        found = next((each for each in open_ones if each.telling == telling), None)
        if found is None:
            raise StatementExceptionUnknown
        return found

    async def work_off(
        self, tenant: bytes, mirror: bytes, telling: bytes, outcome: int, why: Why, caller: Caller
    ) -> bytes:
        """Returns the proposal's id; raises StatementExceptionUnknown, StatementNotAcceptable, TooManyProposals."""
        found = await self._open_exception(tenant, mirror, telling)
        if outcome == BROUGHT_FORWARD:
            is_kept = await asyncio.to_thread(self.receiving.keeping.is_kept, telling)
            if not (is_kept and may_be_brought_forward(found.kind)) or self._is_taken(tenant, mirror, telling):
                raise StatementNotAcceptable
        payload = plain.encode(_WorkOff(mirror, outcome, found.text, why))

        def decide(unit: Unit) -> bytes:
            return self.proposals.propose(
                unit, WORK_OFF, subject=telling, payload=payload, caller=caller, tenant=tenant
            )

        return await self.receiving.submissions.writer.commit(decide)

    async def decide(
        self, tenant: bytes, mirror: bytes, entry: bytes, movement: bytes, why: Why, caller: Caller
    ) -> bytes:
        """Returns the proposal's id; raises HeldEntryUnknown, MovementUnknown, TooManyProposals, CustodyUnavailable."""
        ledger = await self.receiving.ledger_of(Alias(tenant, mirror, bytes(16), True))

        def decide(unit: Unit) -> bytes:
            known = self.state.of_tenant(tenant, mirror)
            decide_doubt(known, mirror, bytes(16), entry, movement)
            told = next(each.told for each in in_doubt(known) if each.id == entry)
            payload = plain.encode(_Decision(mirror, ledger, movement, told.amount_minor, why))
            return self.proposals.propose(unit, DECIDE, subject=entry, payload=payload, caller=caller, tenant=tenant)

        return await self.receiving.submissions.writer.commit(decide)

    def effects(self) -> list[Effect]:
        """Returns what confirmations bring about, to be registered once."""
        return [
            Effect(
                name=WORK_OFF, basis=self._excepted, carry_out=self._carry_out_work_off, describe=_described_work_off
            ),
            Effect(name=DECIDE, basis=self._doubt, carry_out=self._carry_out_decision, describe=_described_decision),
        ]

    def _excepted(self, proposal: Proposal) -> bytes:
        work_off = plain.decode(memoryview(proposal.payload), _WorkOff)
        return self.state.movements(work_off.mirror).excepted.get(proposal.subject, b"")

    def _carry_out_work_off(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        work_off = plain.decode(memoryview(proposal.payload), _WorkOff)
        if proposal.subject not in self.state.of_tenant(proposal.tenant, work_off.mirror).excepted:
            raise StatementExceptionUnknown
        if work_off.outcome == BROUGHT_FORWARD and self._is_taken(proposal.tenant, work_off.mirror, proposal.subject):
            raise StatementNotAcceptable
        event = ExceptionWorkedOff(
            tenant=proposal.tenant,
            mirror=work_off.mirror,
            telling=proposal.subject,
            outcome=work_off.outcome,
            document_sha256=work_off.why.document_sha256,
            actor=hand.principal,
        )
        unit.record(stream_of(work_off.mirror), event)
        if work_off.outcome == VOIDED:
            unit.commit_also(self.receiving.keeping.drop(proposal.subject))

    def _is_taken(self, tenant: bytes, mirror: bytes, telling: bytes) -> bool:
        """Tells whether a statement was taken, with other content than the exception's: it cannot count twice."""
        return telling in self.state.of_tenant(tenant, mirror).taken

    def _doubt(self, proposal: Proposal) -> bytes:
        decision = plain.decode(memoryview(proposal.payload), _Decision)
        known = self.state.movements(decision.mirror)
        found = [each for each in in_doubt(known) if each.id == proposal.subject]
        return sha256(plain.encode(found)).digest()

    def _carry_out_decision(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        decision = plain.decode(memoryview(proposal.payload), _Decision)
        mirror, tenant = decision.mirror, proposal.tenant
        known = self.state.of_tenant(tenant, mirror)
        if proposal.subject not in known.held and proposal.subject not in known.loose:
            raise HeldEntryUnknown
        events = decide_doubt(known, mirror, proposal.id, proposal.subject, decision.movement)
        code = currency(decision.ledger).alpha if decision.ledger else ""
        heading = Heading(Kind.NOTIFICATION, "", show(proposal.id), "", Account(), code)
        sources = Sources(
            mirror=Alias(tenant, mirror, bytes(16), True),
            heading=heading,
            entries={},
            reason_of=lambda named: "",
            payments=OurPayments(),
            earlier={},
            origins={},
            clients={},
            owners={},
            currency=code,
        )
        forget = partial(self.receiving.forget_before, decision.ledger)
        outcome = outcome_of(known, events, proposal.id, decision.ledger, sources, forget)
        change = self.state.changes.get(mirror, 0)
        origin = Origin(tenant, decision.why.document_sha256, show(proposal.id), proposal.id, change, hand.principal)
        unit.record_all(stream_of(mirror), outcome.events)
        self.receiving.rows.record_unnamed(unit, outcome.rows, origin, unit.now_ns // DAY_NS)


def _described_work_off(proposal: Proposal) -> str:
    work_off = plain.decode(memoryview(proposal.payload), _WorkOff)
    return (
        f"{_OUTCOMES[work_off.outcome]} (outcome {work_off.outcome}) the bank's telling {show(proposal.subject)} "
        f"about {show(work_off.mirror)}: "
        f"{work_off.text}; by document {work_off.why.document_sha256.hex()}: {work_off.why.note}"
    )


def _described_decision(proposal: Proposal) -> str:
    decision = plain.decode(memoryview(proposal.payload), _Decision)
    what = f"is the movement {show(decision.movement)}" if any(decision.movement) else "is a movement of its own"
    return (
        f"the bank's entry {show(proposal.subject)} of {decision.amount_minor} minor units (currency "
        f"{decision.ledger}) on {show(decision.mirror)} {what}, by document "
        f"{decision.why.document_sha256.hex()}: {decision.why.note}"
    )
