"""Acts of two people: lifting an order's freeze, opening accounts again, and the windows in which an importer posts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec
from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.ids import external_id, show
from ringfence_kernel.writing.writer import Unit

from ringfence_custody.ledger.application.commands import accounts_of
from ringfence_custody.ledger.application.recording import record
from ringfence_custody.ledger.application.state import State
from ringfence_custody.ledger.domain.change_accounts import after_release, decide_release, decide_statuses, opening
from ringfence_custody.ledger.domain.errors import MigrationWindowUnknown, OrderUnknown
from ringfence_custody.ledger.domain.lifecycle import DEBITS_PASS, AccountStatus
from ringfence_custody.ledger.domain.migrations import decide_closing, decide_opening

LIFT, MOVE = "custody.LiftFreeze", "custody.SetAccountStatus"
OPEN, CLOSE = "custody.OpenMigration", "custody.CloseMigration"
OPEN_STATES = frozenset(status.name for status in DEBITS_PASS)


class Lifting(msgspec.Struct, frozen=True, array_like=True):
    """The accounts that are to be released from an order."""

    account_ids: list[bytes]
    order_reference: str


class Moving(msgspec.Struct, frozen=True, array_like=True):
    """The accounts that are to let money through again, and the state that does it."""

    account_ids: list[bytes]
    status: AccountStatus
    reason: str


class Opening(msgspec.Struct, frozen=True, array_like=True):
    """The window that is to be opened."""

    window: bytes
    seconds: int
    reason: str


class Closing(msgspec.Struct, frozen=True, array_like=True):
    """The window that is to be closed."""

    window: bytes
    reason: str


CONTENTS: dict[str, type[Lifting] | type[Moving]] = {LIFT: Lifting, MOVE: Moving}
"""Of acts on accounts, what their payload is."""


@dataclass(frozen=True, slots=True)
class Acts:
    """Proposes, and carries out what a second person has confirmed."""

    state: State
    proposals: Proposals

    def effects(self) -> list[Effect]:
        """Returns these acts, for the proposals to know."""
        return [
            Effect(name=LIFT, basis=self._states, carry_out=self._carry_out, describe=self._describe_lifting),
            Effect(name=MOVE, basis=self._states, carry_out=self._move, describe=_describe_moving),
            Effect(name=OPEN, basis=self._migrations, carry_out=self._carry_out, describe=_describe_opening),
            Effect(name=CLOSE, basis=self._migrations, carry_out=self._carry_out, describe=_describe_closing),
        ]

    async def lift(self, book_id: bytes, account_ids: Sequence[bytes], order_reference: str, caller: Caller) -> bytes:
        """Returns the proposal to release accounts from an order; raises AccountNotFound, OrderUnknown."""
        lifting = Lifting(sorted(set(account_ids)), order_reference)
        return await self._propose(LIFT, book_id, lifting, caller, _subject(book_id, lifting.account_ids))

    async def move(self, book_id: bytes, moving: Moving, caller: Caller) -> tuple[list[AccountStatus], bytes]:
        """Moves accounts along their life cycle, all or none, or proposes it where one of them would open.

        Returns their states afterwards, and the proposal's id, empty where it is done. Raises AccountNotFound,
        AccountTransitionRefused.
        """

        def decide(unit: Unit) -> tuple[list[AccountStatus], bytes]:
            book, proposal = self.state.look(book_id), b""
            accounts = accounts_of(book, moving.account_ids)
            events = decide_statuses(book, accounts, moving.status, caller.subject, moving.reason, unit.now_ns)
            if opening(book, events):
                proposal = self._propose_opening(unit, book_id, moving, caller)
            else:
                for event in events:
                    record(unit, book_id, book, event)
            return [book.accounts.shown_status(each) for each in accounts], proposal

        return await self.proposals.writer.commit(decide, weight=len(moving.account_ids))

    def _propose_opening(self, unit: Unit, book_id: bytes, moving: Moving, caller: Caller) -> bytes:
        ids = sorted(set(moving.account_ids))
        payload = msgspec.msgpack.encode(Moving(ids, moving.status, moving.reason))
        subject = _subject(book_id, ids)
        return self.proposals.propose(unit, MOVE, subject=subject, tenant=book_id, payload=payload, caller=caller)

    async def open(self, book_id: bytes, opening: Opening, caller: Caller) -> bytes:
        """Returns the proposal to open a window, empty where it is open; raises MigrationWindowOpen."""
        return await self._propose(OPEN, book_id, opening, caller, book_id)

    async def close(self, book_id: bytes, closing: Closing, caller: Caller) -> bytes:
        """Returns the proposal to close a window; raises MigrationWindowUnknown."""
        return await self._propose(CLOSE, book_id, closing, caller, book_id)

    async def _propose(
        self, effect: str, book_id: bytes, content: msgspec.Struct, caller: Caller, subject: bytes
    ) -> bytes:
        payload = msgspec.msgpack.encode(content)

        def decide(unit: Unit) -> bytes:
            if self._decided(effect, book_id, payload, b"", unit.now_ns) is None:
                return b""
            return self.proposals.propose(unit, effect, subject=subject, tenant=book_id, payload=payload, caller=caller)

        return await self.proposals.writer.commit(decide)

    def _decided(self, effect: str, book_id: bytes, payload: bytes, by: bytes, now_ns: int) -> Any:
        """Returns the event of an act, None where it would change nothing."""
        book = self.state.look(book_id)
        if effect == OPEN:
            opening = msgspec.msgpack.decode(payload, type=Opening)
            return decide_opening(book, opening.window, opening.seconds, opening.reason, by, now_ns)
        if effect == CLOSE:
            closing = msgspec.msgpack.decode(payload, type=Closing)
            event = decide_closing(book, closing.window, closing.reason, by, now_ns)
            if event is None:
                raise MigrationWindowUnknown
            return event
        lifting = msgspec.msgpack.decode(payload, type=Lifting)
        released = decide_release(book, accounts_of(book, lifting.account_ids), lifting.order_reference, by, now_ns)
        if released is None:
            raise OrderUnknown
        return released

    def _carry_out(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        event = self._decided(
            proposal.effect, proposal.tenant, proposal.payload, proposal.proposer.principal, unit.now_ns
        )
        record(unit, proposal.tenant, self.state.book(proposal.tenant), event)

    def _move(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        moving = msgspec.msgpack.decode(proposal.payload, type=Moving)
        book = self.state.book(proposal.tenant)
        accounts, by = accounts_of(book, moving.account_ids), proposal.proposer.principal
        for event in decide_statuses(book, accounts, moving.status, by, moving.reason, unit.now_ns):
            record(unit, proposal.tenant, book, event)

    def _states(self, proposal: Proposal) -> bytes:
        """Returns how often the accounts' states and holds have changed: there and back counts twice."""
        book = self.state.look(proposal.tenant)
        content: Lifting | Moving = msgspec.msgpack.decode(proposal.payload, type=CONTENTS[proposal.effect])
        counts = [(each, book.accounts.changes[each]) for each in accounts_of(book, content.account_ids)]
        return sha256(repr(counts).encode()).digest()

    def _describe_lifting(self, proposal: Proposal) -> str:
        """Returns what each account would be afterwards, those that let money out first."""
        lifting = msgspec.msgpack.decode(proposal.payload, type=Lifting)
        accounts, rows = self.state.look(proposal.tenant).accounts, dict[str, list[str]]()
        for each in lifting.account_ids:
            after = after_release(accounts, accounts.index.get(each, 0), lifting.order_reference)
            rows.setdefault(after.name if after else "not held by it", []).append(show(each))
        first = sorted(rows, key=lambda name: (name not in OPEN_STATES, name))
        told = "; ".join(f"{name}: {', '.join(rows[name])}" for name in first)
        return f"free from order {lifting.order_reference!r} in book {show(proposal.tenant)}, then {told}"

    def _migrations(self, proposal: Proposal) -> bytes:
        """Returns how often a window was opened or closed."""
        return self.state.look(proposal.subject).migrations.to_bytes(8, "big")


def _subject(book_id: bytes, account_ids: Sequence[bytes]) -> bytes:
    """Returns what an act on accounts, in order, is about: a confirmation voids no act on other ones.

    Those that share an account with it rest on another basis afterwards.
    """
    if len(account_ids) == 1:
        return account_ids[0]
    return external_id("custody.accounts", book_id, b"".join(account_ids).hex())


def _describe_moving(proposal: Proposal) -> str:
    moving = msgspec.msgpack.decode(proposal.payload, type=Moving)
    accounts = ", ".join(map(show, moving.account_ids))
    what = f"let money through again: make {moving.status.name} in book {show(proposal.tenant)}"
    return f"{what} the accounts {accounts}: {moving.reason}"


def _describe_opening(proposal: Proposal) -> str:
    opening = msgspec.msgpack.decode(proposal.payload, type=Opening)
    window = show(opening.window)
    what = f"let the importer post to book {show(proposal.subject)}, clients' debits too, for {opening.seconds} s"
    return f"{what}, in window {window}: {opening.reason}"


def _describe_closing(proposal: Proposal) -> str:
    closing = msgspec.msgpack.decode(proposal.payload, type=Closing)
    book = show(proposal.subject)
    return f"close the migration window {show(closing.window)} of book {book}: {closing.reason}"
