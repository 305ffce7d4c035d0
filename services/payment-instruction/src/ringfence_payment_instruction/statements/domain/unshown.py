"""Payments of ours that an account has yet to show, and which of them a debit may be that names none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from ringfence_payment_instruction.deposits.domain.matching import Payment
from ringfence_payment_instruction.statements.domain.statement import Detail
from ringfence_payment_instruction.submissions.domain.past import InstructionRef


class Unshown:
    """Payments by what a bank may say of them."""

    def __init__(self, payments: Iterable[Payment]) -> None:
        """Looks them up by name, amount and message."""
        self._by_name: dict[str, list[Payment]] = {}
        self._by_amount: dict[int, list[Payment]] = {}
        self._by_message: Counter[str] = Counter()
        for each in payments:
            self._by_amount.setdefault(each.amount_minor, []).append(each)
            self._by_message[each.message_id] += each.amount_minor
            for name in dict.fromkeys(each.names):
                self._by_name.setdefault(name, []).append(each)
        self._sums = frozenset(self._by_message.values())

    def named(self, detail: Detail, amount_minor: int) -> Payment | None:
        """Returns the one payment of an amount that a transaction names by its UETR, InstrId or EndToEndId."""
        for name in (detail.uetr, detail.instruction_id, detail.end_to_end_id):
            found = [each for each in self._by_name.get(name.lower(), ()) if each.amount_minor == amount_minor]
            if len(found) == 1:
                return found[0]
        return None

    def may_be(self, amount_minor: int, transactions: int, paid: Collection[InstructionRef]) -> bool:
        """Tells whether a debit that names none may be one payment, or several: a message's, or as the bank says."""
        if any(each.ref not in paid for each in self._by_amount.get(amount_minor, ())):
            return True
        if transactions > 1:
            return min(self._by_amount, default=amount_minor) < amount_minor
        return not transactions and amount_minor in self._sums
