"""Corrections: compensating entries that one person proposes and another confirms, which put a break right."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import msgspec
from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.ids import ZERO_ID, external_id, show
from ringfence_kernel.writing.writer import Unit

from ringfence_custody.ledger.application.commands import Commands as Ledger
from ringfence_custody.ledger.domain.columns import TransferColumns
from ringfence_custody.ledger.domain.purposes import CORRECTION
from ringfence_custody.ledger.domain.result_codes import LINKED, CreateTransferStatus
from ringfence_custody.reconciliation.application.recording import pairs_of, record_matches
from ringfence_custody.reconciliation.application.steps import step
from ringfence_custody.reconciliation.domain.breaks import Break, Side, Status
from ringfence_custody.reconciliation.domain.counterparts import lacking_minor
from ringfence_custody.reconciliation.domain.errors import CorrectionRefused, CorrectionUnsuited
from ringfence_custody.reconciliation.domain.lines import words_of
from ringfence_custody.reconciliation.domain.rules import Stage
from ringfence_custody.reconciliation.domain.state import State

CORRECT = "custody.CorrectBreak"


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One compensating entry: accounts of the book, and minor units of the break's currency."""

    debit_account_id: bytes
    credit_account_id: bytes
    amount_minor: int


class Correction(msgspec.Struct, frozen=True, array_like=True):
    """What is to be posted for a break, all or nothing, and why."""

    break_id: bytes
    entries: list[Entry]
    reason: str


@dataclass(frozen=True, slots=True)
class Corrections:
    """Proposes corrections, and posts what a second person has confirmed."""

    state: State
    ledger: Ledger
    proposals: Proposals

    def effect(self) -> Effect:
        """Returns what a confirmation brings about, to be registered once."""
        return Effect(name=CORRECT, basis=self._basis, carry_out=self._carry_out, describe=self._described)

    async def propose(self, correction: Correction, caller: Caller) -> bytes:
        """Returns the proposal to post it; raises BreakNotFound, BreakTransitionRefused, CorrectionUnsuited."""

        def decide(unit: Unit) -> bytes:
            found = self.state.open_break(correction.break_id)
            found.require_step(Status.CORRECTING)
            self._require_suited(found, correction)
            step(unit, found, Status.CORRECTING, actor=caller.subject, note=correction.reason)
            return self.proposals.propose(
                unit,
                CORRECT,
                subject=found.id,
                tenant=found.book,
                payload=msgspec.msgpack.encode(correction),
                caller=caller,
            )

        return await self.proposals.writer.commit(decide)

    def _basis(self, proposal: Proposal) -> bytes:
        """Returns when the break took its last step."""
        found = self.state.breaks.get(proposal.subject)
        return sha256(repr(found and (found.status.value, found.stepped_ns)).encode()).digest()

    def _carry_out(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        correction = msgspec.msgpack.decode(proposal.payload, type=Correction)
        found = self.state.open_break(correction.break_id)
        found.require_step(Status.RESOLVED)
        self._require_suited(found, correction)
        ids = [external_id("correction", proposal.id, str(row)) for row in range(len(correction.entries))]
        outcome = self.ledger.post_decided(unit, found.book, _columns(found, correction, ids))
        refused = [CreateTransferStatus(each) for each in outcome.status if each]
        if refused:
            first = next((each for each in refused if each is not CreateTransferStatus.LINKED_EVENT_FAILED), refused[0])
            raise CorrectionRefused(status=first.name)
        self._match(unit, found, ids, hand)
        after = self.state.breaks.get(found.id)
        if after is not None and after.is_open:
            step(unit, after, Status.CORRECTING, actor=hand.principal, reference=ids[0], note=correction.reason)

    def _require_suited(self, found: Break, correction: Correction) -> None:
        """Raises CorrectionUnsuited for entries that move more than puts the break's line right, or something else.

        All move its mirror in one direction: money that passed there and back would pass between clients.
        """
        moved, mirror = (
            [_moved_minor(each, found.mirror) for each in correction.entries],
            self.state.mirror(found.book, found.mirror),
        )
        lacking = lacking_minor(mirror, found)
        if any(each * lacking <= 0 for each in moved) or abs(sum(moved)) > abs(lacking):
            raise CorrectionUnsuited(because=f"the mirror lacks {lacking} minor units, the entries move it by {moved}")

    def _match(self, unit: Unit, found: Break, transfers: list[bytes], hand: Hand) -> None:
        """Matches the break's line with what was posted for it, where that makes it right."""
        mirror = self.state.mirror(found.book, found.mirror)
        moved = [each for each in transfers if mirror.books.find(words_of([each]))[0] >= 0]
        if not moved:
            return
        if found.side is Side.BANK:
            posted = dict.fromkeys([*mirror.posted_for(found.line), *moved])
            pairs = [(found.line, each) for each in posted]
        elif found.side is Side.BOOKS:
            pairs = [(ZERO_ID, each) for each in (found.line, *moved)]
        else:
            return
        record_matches(unit, self.state, mirror, pairs_of(pairs, Stage.PEOPLE), hand.principal)

    def _described(self, proposal: Proposal) -> str:
        correction = msgspec.msgpack.decode(proposal.payload, type=Correction)
        found = self.state.breaks.get(correction.break_id)
        rows = "; ".join(
            f"{each.amount_minor} minor units from {show(each.debit_account_id)} to {show(each.credit_account_id)}"
            for each in correction.entries
        )
        kind = f", of kind {found.kind.value}," if found else ""
        what = f"correct a break{kind} in book {show(proposal.tenant)}: {show(correction.break_id)}"
        return f"{what}, debit to credit: {rows}: {correction.reason}"


def _moved_minor(entry: Entry, mirror: bytes) -> int:
    sides = (entry.debit_account_id == mirror) - (entry.credit_account_id == mirror)
    return sides * entry.amount_minor


def _columns(found: Break, correction: Correction, ids: list[bytes]) -> TransferColumns:
    entries = correction.entries
    return TransferColumns(
        id=b"".join(ids),
        debit_account_id=b"".join(each.debit_account_id for each in entries),
        credit_account_id=b"".join(each.credit_account_id for each in entries),
        amount_minor=[each.amount_minor for each in entries],
        user_data_128=found.id,
        ledger=[found.ledger],
        code=[CORRECTION],
        flags=[LINKED] * (len(entries) - 1) + [0],
    )
