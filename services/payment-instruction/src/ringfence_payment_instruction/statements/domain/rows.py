"""What custody is to post for movements of a bank: one row for each part and action, never twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.values.ids import ZERO_ID

from ringfence_payment_instruction.deposits.domain.evidence import (
    CREDITOR_UNKNOWN,
    Disposition,
    row_id,
)
from ringfence_payment_instruction.deposits.domain.matching import Payment
from ringfence_payment_instruction.statements.domain.columns import lists_of, rows_of
from ringfence_payment_instruction.statements.domain.events import (
    EntryDecided,
    MovementAllocated,
    MovementNeverBooked,
    MovementsConfirmed,
    MovementsTold,
    MovementsToldAgain,
)
from ringfence_payment_instruction.statements.domain.making import RowMaking
from ringfence_payment_instruction.statements.domain.movements import (
    Certainty,
    Movement,
    Movements,
    Outcome,
    taken_back,
)
from ringfence_payment_instruction.statements.domain.sources import (
    ComingBack,
    Rows,
    Sources,
    Way,
)
from ringfence_payment_instruction.statements.domain.told import Told, all_references, identities
from ringfence_payment_instruction.statements.domain.undoing import (
    TO_PAYER,
    Take,
    Undoing,
    allotment,
    beyond,
    gave,
    has_come_again,
    retractions,
    reversed_again,
    takings_of,
)
from ringfence_payment_instruction.statements.domain.unshown import Unshown
from ringfence_payment_instruction.submissions.domain.past import InstructionRef

SEVERAL_PAYMENTS, IN_DOUBT, RETURNED = "SEVERAL_PAYMENTS", "MOVEMENT_IN_DOUBT", "RETURNED_BY_BANK"
"""Why money lies in suspense, beside that its owner is not known or listed (docs/errors.md)."""


def rows_for(before: Movements, after: Movements, events: Iterable[Any], sources: Sources) -> Rows:
    """Returns the rows that events call for; `after` has at least the movements that they are about."""
    return _TellingRows(before, after, list(events), sources).make()


class _TellingRows(RowMaking):
    """The events of one telling, or of one decision of people."""

    def __init__(self, before: Movements, after: Movements, events: list[Any], sources: Sources) -> None:
        super().__init__(before, after, sources)
        self.events = events
        self._allocated: dict[bytes, dict[int, tuple[bytes, int]]] = {}
        self._credited: set[bytes] = set()
        self._debits: dict[bytes, bool] = {}  # that may be payments, and whether they are new
        self._reversals: dict[bytes, Told] = {}
        self._undone: dict[bytes, int] = {}  # reversals of what the bank took, and what they bring that is no payer's
        self._charged: dict[bytes, int] = {}
        self._charges: dict[bytes, bytes] = {}  # the same by reference
        self._undoing = Undoing(before, after)
        self._paid: set[InstructionRef] = set()
        self._linked: set[bytes] = set()  # entries of returns that movements of this telling are
        self._moved_before: set[tuple[bytes, int]] = set()  # parts that such entries have brought
        unshown = sources.payments.unshown
        asks = sources.payments.by_names or unshown
        self._shown = {each.transfer_id for each in before.known.values()} if asks else set()
        self._unshown = Unshown(each for each in unshown if each.transfer_id not in self._shown)

    def make(self) -> Rows:
        for event in self.events:
            self._collect(event)
        for event in self.events:
            self._post(event)
        self._allocate()
        for movement_id, told in self._reversals.items():
            self._reverse(movement_id, told, is_again=movement_id in self.before.known)
        left = {movement_id: self._explain(movement_id) for movement_id in self._debits}
        for movement_id, is_new in self._debits.items():
            self._charge(movement_id, left[movement_id], is_new)
        for movement_id, amount in self._undone.items():
            self._undo(movement_id, amount)
        return self.found

    def _collect(self, event: Any) -> None:
        """Notes what entries say of known movements, and what leaves suspense."""
        if isinstance(event, MovementsToldAgain):
            for entry_id, members in zip(
                split_ids(event.entry_ids), lists_of(event.member_counts, event.members), strict=True
            ):
                if len(members) == 1 and entry_id in self.sources.entries:
                    self.data.setdefault(members[0], self.sources.entries[entry_id])
                    if self._is_plain_debit(members[0]):
                        self._debits.setdefault(members[0], False)
        elif isinstance(event, MovementAllocated):
            columns = (unpack("I", event.parts), split_ids(event.clients), unpack("Q", event.amounts_minor))
            for movement_id, part, client, amount in zip(split_ids(event.movement_ids), *columns, strict=True):
                self._allocated.setdefault(movement_id, {})[part] = client, amount

    def _post(self, event: Any) -> None:
        if isinstance(event, MovementsTold):
            for movement_id, told in zip(split_ids(event.movement_ids), rows_of(event), strict=True):
                self._new(movement_id, told)
        elif isinstance(event, MovementsConfirmed):
            for movement_id, back in zip(split_ids(event.movement_ids), unpack("Q", event.restored_minor), strict=True):
                self._confirmed(movement_id, back)
        elif isinstance(event, MovementNeverBooked):
            for movement_id, gone in zip(split_ids(event.movement_ids), unpack("Q", event.amounts_minor), strict=True):
                self._take_back(movement_id, gone)
        elif isinstance(event, EntryDecided):
            for entry_id, outcome in zip(split_ids(event.entry_ids), event.outcomes, strict=True):
                if outcome == Outcome.SAME and entry_id in self.before.known:
                    self._take_back(entry_id, abs(self.before.known[entry_id].posted_minor))

    def _new(self, movement_id: bytes, told: Told) -> None:
        """Posts a movement that nothing had told of."""
        earlier = self.sources.earlier.get(movement_id)
        if self._is_plain_debit(movement_id):
            self._debits[movement_id] = True
        elif earlier is not None:
            self.found.moved_by[movement_id] = earlier
            self.found.cleared.append(movement_id)
        elif not told.incoming:
            self._reversals[movement_id] = told
        elif told.reversal or self.is_return(movement_id):
            self._restore(movement_id, told)
        else:
            self._credit(movement_id, told)

    def _credit(self, movement_id: bytes, told: Told) -> None:
        """Posts money that came in: to its client where it is one's alone, else to suspense."""
        to = self._allocated.get(movement_id, {})
        if len(told.parts) == 1 and 0 in to:
            self._credited.add(movement_id)
            self.row(movement_id, 0, Disposition.CREDIT_CLIENT, told.amount_minor, self.client(to[0][0]))
            return
        entry = self.data.get(movement_id)
        reason = self.sources.reason_of(entry) if entry is not None else ""
        if not reason and any(part.client != ZERO_ID for part in told.parts):
            reason = SEVERAL_PAYMENTS if len(told.parts) > 1 else IN_DOUBT
        self.row(movement_id, 0, Disposition.CREDIT_SUSPENSE, told.amount_minor, reason=reason or CREDITOR_UNKNOWN)

    def _restore(self, movement_id: bytes, told: Told) -> None:
        """Posts money that comes back, but for what a payment's return has brought: to the payer, or to suspense."""
        left, named = told.amount_minor, self.coming_back(movement_id)
        for each in named:
            entry = self.sources.payments.returns.get(each.payment.instruction_id)
            if entry is not None and entry not in self._linked:
                self._linked.add(entry)
                self._moved_before.add((movement_id, each.number))
                self.found.move(movement_id, entry)
                left -= each.amount_minor
        if left < told.amount_minor:
            self.found.cleared.append(movement_id)
        if left <= 0:
            return
        payer = self._payer(movement_id, told) if named and left == told.amount_minor else ZERO_ID
        is_ours = any(each.payment.may_come_back for each in named) or movement_id in self._allocated
        if payer == ZERO_ID and told.reversal and not is_ours:
            self._undone[movement_id] = left
            return
        if payer != ZERO_ID:
            self._credited.add(movement_id)
        reason, number = (RETURNED, 0) if payer == ZERO_ID else ("", TO_PAYER)
        self.row(movement_id, number, Disposition.RESTORE, left, self.client(payer), reason=reason)
        for each in named:
            self._comes_back(movement_id, each)

    def _undo(self, movement_id: bytes, left: int) -> None:
        """Posts money of a reversal: first to what the platform owes by the charge that it undoes, else to suspense."""
        told, owed = self.after.known[movement_id].told, dict[bytes, int]()
        here = {self._charges[each] for each in identities(all_references(told)) if each in self._charges}
        debit = self._undoing.debit(movement_id, told, here)
        if debit is not None:
            taking = row_id(debit, 0, Disposition.CHARGE)
            known = self.before.known.get(debit)
            if debit in self._charged:
                owed = {taking: min(left, self._charged.pop(debit))}
            elif known is not None and known.entry_id == taking:
                owed = self.owed([taking], left)
        if left := left - sum(owed.values()):
            self.row(movement_id, 0, Disposition.RESTORE, left, reason=RETURNED)
        self.repay(movement_id, owed)

    def _payer(self, movement_id: bytes, told: Told) -> bytes:
        """Returns the client who has the money at once, zero where it is several, nobody, or in doubt."""
        to = self._allocated.get(movement_id, {})
        if told.reversal:
            is_free = len(told.parts) == 1 and not (told.blocked or told.parts[0].blocked)
            return told.client if is_free else ZERO_ID
        return to[0][0] if len(told.parts) == 1 and 0 in to else ZERO_ID

    def _comes_back(self, movement_id: bytes, named: ComingBack) -> None:
        """Notes that a payment's money is here, unless it was before: the payment has come back, be it a part of it."""
        is_here = (movement_id, named.number) in self._moved_before or named.payment.has_come_back
        if named.payment.may_come_back and not is_here:
            self.found.returned.setdefault(named.payment.ref, named.code)

    def _reverse(self, movement_id: bytes, told: Told, *, is_again: bool) -> None:
        """Posts money that the bank took back: from where it went, and what nobody has from the platform."""
        client = self._taken_from(movement_id, told)
        origin, left = self._undoing.origin(movement_id, told, client, self.found.cleared), told.amount_minor
        for take in self._takes(origin, movement_id, told, client):
            number, way = 1 + take.number, Disposition.REVERSE
            if take.client == ZERO_ID:
                number, way = 0, Disposition.RETRACT
            to = self.client(take.client)
            self.row(movement_id, reversed_again(number, is_again), way, take.amount_minor, to, origin=take.brought)
            left -= take.amount_minor
        if left:
            brought = self.sources.origins.get(movement_id, ZERO_ID)
            to = self.client(client) if brought != ZERO_ID else None
            self.row(movement_id, reversed_again(0, is_again), Disposition.REVERSE, left, to, origin=brought)
        if origin is not None:
            self.found.cleared.append(origin)

    def _takes(self, origin: bytes | None, movement_id: bytes, told: Told, client: bytes) -> list[Take]:
        if origin is None:
            return []
        return self._undoing.takes(origin, movement_id, told, client, self.brought(origin))

    def _confirmed(self, movement_id: bytes, back: int) -> None:
        """Posts what had been taken back again; a debit is a payment or a charge now."""
        if self._is_plain_debit(movement_id):
            self._debits.setdefault(movement_id, False)
        elif back:
            told = self.before.known[movement_id].told
            again, is_whole = beyond(told), back == told.amount_minor
            to = self._payer(movement_id, told) if is_whole else ZERO_ID
            if not told.incoming:
                self._reversals[movement_id] = told
                return
            owed = self.owed(retractions(movement_id, told), back)
            left = back - sum(owed.values())
            if to != ZERO_ID:
                self._credited.add(movement_id)
            if left and to != ZERO_ID:
                self.row(movement_id, again, Disposition.CREDIT_CLIENT, left, self.client(to))
            elif left:
                self.row(movement_id, again, Disposition.CREDIT_SUSPENSE, left, reason=IN_DOUBT)
            self.repay(movement_id, owed)

    def _take_back(self, movement_id: bytes, gone: int) -> None:
        """Takes back what a movement has moved: from suspense first, then from the clients who have it."""
        movement = self.before.known[movement_id]
        told, last = movement.told, beyond(movement.told)
        if not told.incoming:
            if told.reversal and not self.is_return(movement_id):
                self._give_back(movement_id, movement, gone)
            elif not self._is_plain_debit(movement_id) or movement.entry_id == row_id(
                movement_id, 0, Disposition.CHARGE
            ):
                self._to_suspense(movement_id, movement, gone)
            return
        brought, (lying, parts) = self.brought(movement_id), taken_back(movement, gone)
        if lying:
            # A reversal's money is the payer's, unless the row that brought it has put it into suspense.
            payer = self.client(told.client) if told.reversal else None
            self.row(movement_id, last, Disposition.RETRACT, lying, payer, origin=brought, way=Way.BACK)
        for number, amount in parts.items():
            client, origin = self.client(told.parts[number].client), gave(movement_id, movement, number, brought)
            self.row(movement_id, number, Disposition.RETRACT, amount, client, origin=origin, way=Way.BACK)

    def _give_back(self, movement_id: bytes, movement: Movement, gone: int) -> None:
        """Gives back what a reversal has taken, which never was one: to those who gave it, else to suspense."""
        told = movement.told
        client = self._taken_from(movement_id, told)
        is_whole = gone == told.amount_minor
        nobody = {row_id(movement_id, 0, each) for each in (Disposition.RETRACT, Disposition.REVERSE)}
        is_of_clients = is_whole and movement.entry_id not in nobody
        origin = self._undoing.undone(movement_id, told, client) if is_of_clients else None
        for take in self._takes(origin, movement_id, told, client):
            if take.client != ZERO_ID:
                owed = self.owed([row_id(movement_id, 1 + take.number, Disposition.REVERSE)], take.amount_minor)
                left, to = take.amount_minor - sum(owed.values()), self.client(take.client)
                if left:
                    self.row(movement_id, take.number, Disposition.RESTORE, left, to, way=Way.BACK)
                self.repay(movement_id, owed, Way.BACK)
                gone -= take.amount_minor
        if gone:
            self._to_suspense(movement_id, movement, gone)

    def _to_suspense(self, movement_id: bytes, movement: Movement, gone: int) -> None:
        """Gives back what a bank took from nobody who is known: but for what the platform has owed, to suspense."""
        owed = self.owed(takings_of(movement_id, movement), gone)
        if left := gone - sum(owed.values()):
            self.row(movement_id, beyond(movement.told), Disposition.RESTORE, left, reason=RETURNED, way=Way.BACK)
        self.repay(movement_id, owed, Way.BACK)

    def _allocate(self) -> None:
        """Takes from suspense what clients have not been credited with at once."""
        for movement_id, parts in self._allocated.items():
            if movement_id in self._credited or movement_id in self.sources.earlier:
                continue
            named = {each.number: each for each in self.coming_back(movement_id)}
            for part, (client, amount) in parts.items():
                returned = named.get(part)
                if (movement_id, part) in self._moved_before or (returned and returned.payment.has_come_back):
                    continue  # the payer has it
                if returned:
                    self._comes_back(movement_id, returned)
                told, brought = self.after.known[movement_id].told, self.brought(movement_id)
                number = allotment(movement_id, told, part, brought)
                if has_come_again(movement_id, told, brought):
                    amount -= sum(self.owed([row_id(movement_id, part, Disposition.RETRACT)], amount).values())
                if amount:
                    to = self.client(client)
                    self.row(movement_id, number, Disposition.ALLOCATE, amount, to, origin=brought, detail=part)

    def _explain(self, movement_id: bytes) -> int:
        """Finds out which payments of ours a debit is, and returns what is left of it, minor units."""
        movement, entry = self.after.known[movement_id], self.data.get(movement_id)
        before = self.before.known[movement_id].explained_minor if movement_id in self.before.known else 0
        left = movement.told.amount_minor - before
        for number, detail in enumerate(entry.details if entry is not None else ()):
            amount = abs(detail.amount_minor or 0) if len(entry.details) > 1 else entry.amount_minor  # type: ignore[union-attr]
            payment = self.sources.payments.of(detail) or self._unshown.named(detail, amount)
            if payment is not None and payment.transfer_id in self._shown:
                continue
            if payment is None or payment.ref in self._paid or not self._fits(payment, amount) or amount > left:
                continue
            if self.sources.payments.is_due(payment):
                self.row(movement_id, number, Disposition.CONFIRM, amount, payment=payment, detail=number)
            elif movement_id not in self.sources.earlier:
                continue
            self._paid.add(payment.ref)
            self.found.explained.append((movement_id, amount, payment.transfer_id))
            left -= amount
        return left

    def _charge(self, movement_id: bytes, left: int, is_new: bool) -> None:
        """Posts what a statement books beyond payments, unless it may be one that nothing names."""
        movement = self.after.known[movement_id]
        is_payment = self._unshown.may_be(left, movement.told.transactions, self._paid)
        if left and movement.certainty is Certainty.BOOKED and not is_payment:
            self.row(movement_id, 0, Disposition.CHARGE, left)
            self._charged[movement_id] = left
            self._charges |= dict.fromkeys(identities(all_references(movement.told)), movement_id)
            self.found.explained.append((movement_id, left, ZERO_ID))
            self._repay_charge(movement_id, movement.told)
        elif left == movement.told.amount_minor and is_new:
            self.row(movement_id, 0, Disposition.UNMATCHED, left, way=Way.NONE)

    def _repay_charge(self, charge: bytes, told: Told) -> None:
        """Has money that news of its reversal has put into suspense repay a charge, unless people have it in hand."""
        taking = row_id(charge, 0, Disposition.CHARGE)
        for reversal, movement in self._undoing.reversals(charge, told):
            brought = row_id(reversal, 0, Disposition.RESTORE)
            amount = min(self._charged[charge], movement.posted_minor)
            if amount > 0 and movement.entry_id == brought and not movement.is_cleared:
                number = beyond(movement.told) + 1
                self.row(reversal, number, Disposition.RETRACT, amount, origin=brought, way=Way.BACK)
                self.repay(reversal, {taking: amount})
                self._charged[charge] -= amount

    def _fits(self, payment: Payment, amount_minor: int) -> bool:
        return payment.amount_minor == amount_minor and self.sources.has_left_here(payment)

    def _is_plain_debit(self, movement_id: bytes) -> bool:
        told = self.after.known[movement_id].told if movement_id in self.after.known else None
        told = told or self.before.known[movement_id].told
        if told.incoming or told.reversal:
            return False
        return not self.is_return(movement_id) or self.sources.is_payment(self.data.get(movement_id))

    def _taken_from(self, movement_id: bytes, told: Told) -> bytes:
        """Returns the one client from whom a reversal says that it takes, zero where it says of none."""
        return told.client if told.client != ZERO_ID else self.sources.client_in(self.data.get(movement_id))
