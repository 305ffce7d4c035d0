"""What people do with a day: prepare, review, sign, notify, reopen; and what two people register."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass

import msgspec
from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand, differs
from ringfence_kernel.proposals.application import Effect, Proposals, actor_of
from ringfence_kernel.proposals.domain.errors import SecondPersonRequired
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.ids import external_id, show
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_custody.safeguarding.application.ports import Evidence
from ringfence_custody.safeguarding.domain.days import (
    Day,
    DayKey,
    Preparer,
    notified,
    prepared,
    reopened,
    reviewed,
    signed,
)
from ringfence_custody.safeguarding.domain.errors import SafeguardingDayUnknown, SafeguardingPoolUnknown
from ringfence_custody.safeguarding.domain.events import PoolAssigned, ResourceRegistered
from ringfence_custody.safeguarding.domain.figures import POOLS
from ringfence_custody.safeguarding.domain.state import Component, State

REGISTER, ASSIGN = "custody.RegisterResource", "custody.AssignPool"


class Registering(msgspec.Struct, frozen=True, array_like=True):
    """A component of the resource that is to be registered."""

    pool: str
    ledger: int
    component: Component
    amount_minor: int
    from_day: int
    until_day: int
    document_sha256: bytes


class Assigning(msgspec.Struct, frozen=True, array_like=True):
    """Which pool accounts of a code are to belong to."""

    account_code: int
    pool: str


@dataclass(frozen=True, slots=True)
class DayCommands:
    """Each raises SafeguardingDayUnknown, SafeguardingDayState, and what its decision raises; nothing is done then."""

    writer: GroupWriter
    state: State
    evidence: Evidence
    proposals: Proposals

    async def prepare(self, key: DayKey, note: str, caller: Caller) -> Day:
        """Notes who has prepared a day that is computed."""
        return await self._decide(
            key, caller, lambda unit, day, hand: prepared(day, Preparer(*astuple(hand)), note, unit.now_ns)
        )

    async def review(self, key: DayKey, note: str, caller: Caller) -> Day:
        """Notes who has reviewed it: another person, or SecondPersonRequired."""

        def decide(unit: Unit, day: Day, hand: Hand) -> object:
            if day.preparer is not None and not differs(Hand(*astuple(day.preparer)), hand):
                raise SecondPersonRequired
            return reviewed(day, hand.principal, hand.person, note, unit.now_ns)

        return await self._decide(key, caller, decide)

    async def sign(self, key: DayKey, caller: Caller) -> Day:
        """Closes it; raises SafeguardingDayOpen with all that is open."""

        def decide(unit: Unit, day: Day, hand: Hand) -> object:
            breaks = self.evidence.open_breaks(key.tenant, [each.mirror for each in day.mirrors], key.day)
            return signed(day, hand.principal, breaks, unit.now_ns)

        return await self._decide(key, caller, decide)

    async def notify(self, key: DayKey, document_sha256: bytes, reference: str, caller: Caller) -> Day:
        """Notes that the regulator was told."""
        return await self._decide(
            key,
            caller,
            lambda unit, day, hand: notified(day, hand.principal, document_sha256, reference, unit.now_ns),
        )

    async def reopen(self, key: DayKey, reason: str, caller: Caller) -> Day:
        """Begins another version of it."""
        return await self._decide(
            key, caller, lambda unit, day, hand: reopened(day, hand.principal, reason, unit.now_ns)
        )

    async def _decide(self, key: DayKey, caller: Caller, decide: Callable[[Unit, Day, Hand], object]) -> Day:
        def command(unit: Unit) -> Day:
            self.proposals.require_token(caller)
            day = self.state.days.get(key.stream)
            if day is None:
                raise SafeguardingDayUnknown
            unit.record(key.stream, decide(unit, day, actor_of(caller).hand))
            return self.state.days[key.stream]

        return await self.writer.commit(command)


@dataclass(frozen=True, slots=True)
class RegisteredFacts:
    """Proposes components of the resource and pools; a second operator's confirmation registers them."""

    writer: GroupWriter
    state: State
    proposals: Proposals

    async def register(self, tenant: bytes, wanted: Registering, caller: Caller) -> bytes:
        """Returns the proposal; raises SafeguardingPoolUnknown."""
        _require_pool(wanted.pool)
        key = f"{wanted.pool}|{wanted.ledger}|{wanted.component}"
        return await self._propose(REGISTER, tenant, external_id("resource", tenant, key), wanted, caller)

    async def assign(self, tenant: bytes, wanted: Assigning, caller: Caller) -> bytes:
        """Returns the proposal; raises SafeguardingPoolUnknown."""
        _require_pool(wanted.pool)
        subject = external_id("pool", tenant, str(wanted.account_code))
        return await self._propose(ASSIGN, tenant, subject, wanted, caller)

    async def _propose(
        self, effect: str, tenant: bytes, subject: bytes, wanted: msgspec.Struct, caller: Caller
    ) -> bytes:
        payload = msgspec.msgpack.encode(wanted)
        return await self.writer.commit(
            lambda unit: self.proposals.propose(
                unit, effect, subject=subject, tenant=tenant, payload=payload, caller=caller
            )
        )

    def effects(self) -> list[Effect]:
        """Returns these acts, to be registered once."""
        return [
            Effect(name=REGISTER, basis=self._facts, carry_out=self._register, describe=_describe_registering),
            Effect(name=ASSIGN, basis=self._pool, carry_out=self._assign, describe=_describe_assigning),
        ]

    def _facts(self, proposal: Proposal) -> bytes:
        """Returns how many facts are registered: nothing but confirmed proposals adds to them."""
        return len(self.state.facts).to_bytes(8, "big")

    def _pool(self, proposal: Proposal) -> bytes:
        wanted = msgspec.msgpack.decode(proposal.payload, type=Assigning)
        return self.state.pool_of(proposal.tenant, wanted.account_code).encode()

    def _register(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        wanted = msgspec.msgpack.decode(proposal.payload, type=Registering)
        event = ResourceRegistered(
            tenant=proposal.tenant,
            pool=wanted.pool,
            ledger=wanted.ledger,
            component=wanted.component,
            amount_minor=wanted.amount_minor,
            from_day=wanted.from_day,
            until_day=wanted.until_day,
            document_sha256=wanted.document_sha256,
            proposer=proposal.proposer.principal,
            confirmer=hand.principal,
        )
        unit.record(proposal.subject, event)

    def _assign(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        wanted = msgspec.msgpack.decode(proposal.payload, type=Assigning)
        event = PoolAssigned(
            proposal.tenant, wanted.account_code, wanted.pool, proposal.proposer.principal, hand.principal
        )
        unit.record(proposal.subject, event)


def _require_pool(pool: str) -> None:
    if pool not in POOLS:
        raise SafeguardingPoolUnknown


def _describe_registering(proposal: Proposal) -> str:
    wanted = msgspec.msgpack.decode(proposal.payload, type=Registering)
    return (
        f"registers {Component(wanted.component).name} of {wanted.amount_minor} minor units of currency"
        f" {wanted.ledger:03d} as a resource of pool {wanted.pool} of platform {show(proposal.tenant)},"
        f" from day {wanted.from_day} to {wanted.until_day}, by document {wanted.document_sha256.hex()}"
    )


def _describe_assigning(proposal: Proposal) -> str:
    wanted = msgspec.msgpack.decode(proposal.payload, type=Assigning)
    return f"accounts of code {wanted.account_code} of platform {show(proposal.tenant)} belong to pool {wanted.pool}"
