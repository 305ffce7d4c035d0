"""What rows for custody are made from, beside the events, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.values.reason_codes import is_reason_code

from ringfence_payment_instruction.deposits.domain.matching import MatchedEntry, Payment
from ringfence_payment_instruction.statements.domain.statement import CREDIT, Detail, Entry, Heading
from ringfence_payment_instruction.submissions.domain.named import PaymentNames
from ringfence_payment_instruction.submissions.domain.orders import Alias
from ringfence_payment_instruction.submissions.domain.past import InstructionRef


@dataclass(frozen=True, slots=True)
class OurPayments:
    """Payments of ours by the names that a telling has for them.

    `shown` are the transfers of those whose debit is a movement already; `returns` are the entries by which money of
    payments has come back in another way, and that are no movement so far, by payment; `unshown` are payments under
    way that the account has yet to show, whether anything names them or not.
    """

    by_names: Mapping[PaymentNames, Payment] = field(default_factory=dict)
    shown: frozenset[bytes] = frozenset()
    returns: Mapping[bytes, bytes] = field(default_factory=dict)
    unshown: Sequence[Payment] = ()

    def of(self, detail: Detail) -> Payment | None:
        """Returns the payment that a transaction names."""
        return self.by_names.get(names_of(detail))

    def is_due(self, payment: Payment) -> bool:
        """Tells whether a debit may be a payment: the bank shows each once, also one whose money has come back."""
        return payment.is_due and not (payment.has_come_back and payment.transfer_id in self.shown)

    def is_sure(self, payment: Payment) -> bool:
        """Tells whether money that comes back for a payment is the payer's: it does so once."""
        return payment.instruction_id in self.returns if payment.has_come_back else payment.may_come_back


class ComingBack(NamedTuple):
    """Money that comes back for a payment: how much of it, the place of its transaction, and the bank's code."""

    payment: Payment
    amount_minor: int
    number: int
    code: str


@dataclass(frozen=True, slots=True)
class Sources:
    """What rows are made from, beside the events.

    `entries` are the telling's by the ids that these have; `reason_of` says why a list keeps somebody's money, or is
    empty; `payments` are ours that entries name; `earlier` are the ids of entries whose money an earlier release has
    posted, with the id under which; `origins` are the rows that have brought what entries take back, where memory does
    not know them; `clients` are the tenant's by IBAN, `owners` by their accounts. `lacking` is what nobody gave for the
    rows of takings whose money comes back, minor units.
    """

    mirror: Alias
    heading: Heading
    entries: Mapping[bytes, Entry]
    reason_of: Callable[[Entry | Detail], str]
    payments: OurPayments
    earlier: Mapping[bytes, bytes]
    origins: Mapping[bytes, bytes]
    clients: Mapping[str, Alias]
    owners: Mapping[bytes, bytes]
    currency: str
    lacking: Mapping[bytes, int] = field(default_factory=dict)

    def has_left_here(self, payment: Payment) -> bool:
        """Tells whether a payment leaves by this mirror, in its currency."""
        return leaves_here(payment, self.mirror, self.currency)

    def is_payment(self, entry: Entry | None) -> bool:
        """Tells whether a debit names a payment of ours: whatever else the bank says of it, that is what went out."""
        named = (self.payments.of(each) for each in (entry.details if entry else ()))
        return any(each is not None and self.has_left_here(each) for each in named)

    def client_in(self, entry: Entry | None) -> bytes:
        """Returns the one client whose IBAN an entry names, as payee or as payer, zero where it names none."""
        ibans = {party.account.iban for each in (entry.details if entry else ()) for party in each.parties}
        found = {self.clients[iban].account_id for iban in ibans if iban in self.clients}
        return found.pop() if len(found) == 1 else ZERO_ID


class Way(Enum):
    """How a row moves the mirror: as what its movement is known by, back from there, or not at all."""

    FORTH = auto()
    BACK = auto()
    NONE = auto()


@dataclass(slots=True)
class Rows:
    """What is to be posted, and what it means for the movements.

    `explained` are amounts of debits and the transfers of the payments that they are, zero for charges; `cleared` are
    movements whose money waits for nobody; `moved_by` are the rows that move the mirror, `moved_too` all others of
    movements that several do, forth or back; `returned` are the payments whose money comes back by rows, with the
    bank's code; `undone` are the rows of takings whose money comes back, if they have taken any.
    """

    rows: list[MatchedEntry] = field(default_factory=list)
    explained: list[tuple[bytes, int, bytes]] = field(default_factory=list)
    cleared: list[bytes] = field(default_factory=list)
    moved_by: dict[bytes, bytes] = field(default_factory=dict)
    moved_too: dict[bytes, list[bytes]] = field(default_factory=dict)
    returned: dict[InstructionRef, str] = field(default_factory=dict)
    undone: dict[bytes, None] = field(default_factory=dict)

    def move(self, movement_id: bytes, row: bytes, way: Way = Way.FORTH) -> None:
        """Notes how a row moves the mirror for a movement: the first that does so forth is what moves it."""
        if way is Way.FORTH and movement_id not in self.moved_by:
            self.moved_by[movement_id] = row
        elif way is not Way.NONE:
            self.moved_too.setdefault(movement_id, []).append(row)


def names_of(detail: Detail) -> PaymentNames:
    """Returns the ids by which a transaction names a payment."""
    return PaymentNames(
        detail.message_id, detail.transaction_id, detail.end_to_end_id, detail.instruction_id, detail.uetr
    )


def is_return(entry: Entry) -> bool:
    """Tells whether an entry returns something, or undoes it."""
    return entry.reversal or any(each.returned is not None for each in entry.details)


def coming_back(entry: Entry, payments: OurPayments, mirror: Alias, currency: str) -> Iterator[ComingBack]:
    """Yields what comes back by an entry for payments of ours that had left by this mirror."""
    if entry.direction != CREDIT or not is_return(entry):
        return
    for number, detail in enumerate(entry.details):
        payment = payments.of(detail)
        amount = abs(detail.amount_minor or 0) if len(entry.details) > 1 else entry.amount_minor
        if payment is None or not amount or not leaves_here(payment, mirror, currency):
            continue
        if entry.reversal or detail.returned is not None:
            reason = detail.returned.reason if detail.returned is not None else ""
            yield ComingBack(payment, amount, number, reason if is_reason_code(reason) else "")


def leaves_here(payment: Payment, mirror: Alias, currency: str) -> bool:
    """Tells whether a payment leaves by a mirror: another bank of the platform's has nothing to say about it."""
    by = payment.mirror in (b"", mirror.account_id)
    return by and (payment.tenant, payment.currency) == (mirror.tenant, currency)
