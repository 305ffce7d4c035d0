"""What custody has booked on a bank's word, what payment-instruction has heard of the bank, and whether they agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from ringfence_kernel.values.ids import external_id, show


class Move(IntEnum):
    """What a transfer does to a bank mirror, or with what has come in by it."""

    IN = 1
    OUT = 2  # at once, without a reservation: what the bank has taken
    POST = 3
    VOID = 4
    ELSEWHERE = 5  # rests on evidence and touches no mirror
    ALLOCATION = 6  # of an entry's money: from suspense to whom it belongs, or back to the payer
    GIVEN = 7  # what the client has, or suspense, of what the bank has taken
    ALLOTTED = 8  # by the bank's word, from suspense to a client


class Said(IntEnum):
    """What a bank's file says."""

    CREDIT = 1  # an entry that brings money
    DEBIT = 2  # an entry that brings none
    SETTLED = 3  # a payment has left
    FAILED = 4  # a payment has not, and will not
    TAKEN = 5  # money that had come in, or was said to, is taken back
    CHARGED = 6  # money is taken for nothing of ours
    ALLOTTED = 7  # money in suspense is a client's


class Flaw(IntEnum):
    """Why a transfer is not proven; of several the first is found."""

    EVIDENCE_NOT_NAMED = 1
    FILE_UNKNOWN = 2
    ENTRY_UNKNOWN = 3
    OTHER_TENANT = 4
    OTHER_DIRECTION = 5
    OTHER_CURRENCY = 6
    OTHER_AMOUNT = 7
    OTHER_ACCOUNT = 8
    OTHER_FEED = 9
    BOOKED_BEFORE = 10
    ALLOCATED_BEYOND = 11
    PAYMENT_UNKNOWN = 12
    AGAINST_THE_ANSWER = 13


@dataclass(slots=True)
class Booking:
    """A transfer that needs a word of the bank; ids are None where it names none, `leaf` is its index in the log."""

    leaf: int
    move: Move
    tenant: bytes
    transfer: bytes
    time_ns: int = 0
    amount_minor: int = 0
    ledger: int = 0
    mirror: bytes | None = None
    """The bank mirror; of what moves within the book the account that it credits."""
    other: bytes | None = None
    """The account at its other end."""
    is_suspense: bool = False
    """Whether that is one for suspense."""
    pending: bytes | None = None
    file: bytes | None = None
    entry: bytes | None = None
    """The entry, or the transfer that had reserved the payment that an answer is about."""
    feed: bytes | None = None
    imported: bool = False
    """Whether a migration window of its book was open; an allocation has to name it, too."""
    had_ns: int = 0
    """When the log took it over."""

    @property
    def reserved(self) -> bytes:
        """The transfer that its instruction asked custody for: itself, or what it posts or voids."""
        return self.pending or self.transfer


@dataclass(slots=True)
class Word:
    """What a file says of one entry, or of the payment that the transfer `subject` has reserved money for.

    Amount, ledger and accounts are an entry's. `booked_by` is the transfer that it has justified, `moved_minor` what of
    its money has reached a client or gone back.
    """

    file: bytes
    subject: bytes
    said: Said
    tenant: bytes
    time_ns: int
    feed: bytes | None = None
    amount_minor: int = 0
    ledger: int = 0
    mirror: bytes | None = None
    client: bytes | None = None
    booked_by: bytes | None = None
    moved_minor: int = 0

    @property
    def key(self) -> tuple[bytes, bytes, Said, bytes]:
        """What it is known by."""
        return self.file, self.subject, self.said, self.tenant


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment that leaves its book, or an allocation of an entry, as it was taken in.

    `transfer` is what moves or reserves its money; `creditor` is None where it leaves, `mandate` the entry whose money
    it is.
    """

    tenant: bytes
    transfer: bytes
    amount_minor: int
    ledger: int
    debtor: bytes
    creditor: bytes | None = None
    mandate: bytes | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the log says that may concern some bookings: words by subject, payments by transfer, files of tenants."""

    words: Mapping[bytes, Sequence[Word]]
    payments: Mapping[bytes, Payment]
    files: frozenset[tuple[bytes, bytes]]


TAKING = {
    Move.OUT: (Said.TAKEN, Said.CHARGED),
    Move.GIVEN: (Said.TAKEN,),
    Move.ALLOTTED: (Said.ALLOTTED,),
}
"""What a file has to say where a bank does something to money that it has brought."""


def shortfall_account(ledger: int) -> bytes:
    """Returns the account for what the platform owes, in whatever book (docs/ledger.md)."""
    return b"shortfall" + bytes(3) + ledger.to_bytes(4, "big")


def reserving_transfer(tenant: bytes, instruction: bytes) -> bytes:
    """Returns the transfer that reserves a payment's money, as `transfer_id_of` of payment-instruction derives it."""
    return external_id("transfer", tenant, show(instruction))


def judge(booking: Booking, known: Known) -> Flaw | None:
    """Tells why a booking is not what the bank has said, by all that is known; None where it is."""
    if booking.move is Move.ALLOCATION:
        return _judge_allocation(booking, known)
    if booking.file is None:
        return _judge_unnamed(booking, known)
    said_of_it = known.words.get(booking.entry or b"", ())
    named = [each for each in said_of_it if each.file == booking.file]
    own = [each for each in named if each.tenant == booking.tenant]
    if not named:
        is_file = (booking.tenant, booking.file) in known.files
        return Flaw.ENTRY_UNKNOWN if is_file else Flaw.FILE_UNKNOWN
    if not own:
        return Flaw.OTHER_TENANT
    if booking.move is Move.IN:
        return _judge_entry(booking, own, said_of_it)
    if booking.move in TAKING:
        return _judge_taking(booking, own, said_of_it)
    return _judge_answer(booking, own, known)


def prove(booking: Booking, known: Known) -> list[Word]:
    """Notes what a booking without a flaw has used up; returns the entries that this has changed."""
    entries = [
        each
        for each in known.words.get(booking.entry or b"", ())
        if each.said is Said.CREDIT and each.tenant == booking.tenant
    ]
    if booking.move is Move.ALLOCATION:
        used = entries[:1]  # none where an importer has brought in the entry too
        for each in used:
            each.moved_minor += booking.amount_minor
        return used
    if booking.move in TAKING:
        return _use(booking, known)
    if booking.move is not Move.IN:
        return []
    used = [each for each in entries if each.file == booking.file]
    for each in used:
        each.booked_by = booking.transfer
        each.moved_minor += 0 if booking.is_suspense else booking.amount_minor
    return used


def _use(booking: Booking, known: Known) -> list[Word]:
    """Notes which entry has justified what the bank does to money that it has brought."""
    used = [
        each
        for each in known.words.get(booking.entry or b"", ())
        if each.said in TAKING[booking.move] and each.tenant == booking.tenant and each.file == booking.file
    ]
    for each in used:
        if booking.move is Move.GIVEN:
            each.moved_minor += booking.amount_minor
        else:
            each.booked_by = booking.transfer
    return used


def _judge_taking(booking: Booking, own: Sequence[Word], said_of_it: Sequence[Word]) -> Flaw | None:
    """The mirror follows once and whole; what is given for it comes from the client, or suspense, and is no more."""
    words = [each for each in own if each.said in TAKING[booking.move]]
    if not words:
        return Flaw.OTHER_DIRECTION
    word, is_given = words[0], booking.move is Move.GIVEN
    if booking.ledger != word.ledger:
        return Flaw.OTHER_CURRENCY
    is_amount = booking.amount_minor == word.amount_minor
    if not (is_amount or (is_given and booking.amount_minor + word.moved_minor <= word.amount_minor)):
        return Flaw.OTHER_AMOUNT
    if not _is_between(booking, word):
        return Flaw.OTHER_ACCOUNT
    if booking.feed != word.feed:
        return Flaw.OTHER_FEED
    used = [each for each in said_of_it if each.tenant == booking.tenant]
    is_used = any(each.moved_minor for each in used) if is_given else any(each.booked_by for each in used)
    return Flaw.BOOKED_BEFORE if is_used else None


def _is_between(booking: Booking, word: Word) -> bool:
    """Tells whether a booking is between the accounts that a file's word is about."""
    owed = shortfall_account(booking.ledger)
    if booking.move is Move.OUT:
        return (booking.mirror, booking.other) == (word.mirror, owed)
    if booking.move is Move.GIVEN:
        return booking.mirror == owed and (booking.is_suspense or booking.other == word.client)
    return booking.is_suspense and booking.mirror == word.client


def _judge_unnamed(booking: Booking, known: Known) -> Flaw | None:
    """What was never at the bank is released without its word, unless it had spoken by then."""
    if booking.move is not Move.VOID:
        return None if booking.imported else Flaw.EVIDENCE_NOT_NAMED
    said = known.words.get(booking.pending or b"", ())
    settled = [each for each in said if each.said is Said.SETTLED and each.tenant == booking.tenant]
    return Flaw.AGAINST_THE_ANSWER if any(each.time_ns < booking.time_ns for each in settled) else None


def _judge_entry(booking: Booking, own: Sequence[Word], said_of_it: Sequence[Word]) -> Flaw | None:
    credits = [each for each in own if each.said is Said.CREDIT]
    if not credits:
        return Flaw.OTHER_DIRECTION
    entry = credits[0]
    to_client = booking.other == entry.client
    if booking.ledger != entry.ledger:
        return Flaw.OTHER_CURRENCY
    if booking.amount_minor != entry.amount_minor:
        return Flaw.OTHER_AMOUNT
    if booking.mirror != entry.mirror or not (to_client or booking.is_suspense):
        return Flaw.OTHER_ACCOUNT
    if booking.feed != entry.feed:
        return Flaw.OTHER_FEED
    is_used = any(each.booked_by is not None for each in said_of_it if each.tenant == booking.tenant)
    return Flaw.BOOKED_BEFORE if is_used else None


def _judge_answer(booking: Booking, own: Sequence[Word], known: Known) -> Flaw | None:
    wanted = {Move.POST: Said.SETTLED, Move.VOID: Said.FAILED}.get(booking.move)
    answers = [each for each in own if each.said is wanted]
    if not answers:
        contrary = any(each.said in (Said.SETTLED, Said.FAILED) for each in own)
        return Flaw.AGAINST_THE_ANSWER if contrary else Flaw.OTHER_DIRECTION
    payment = known.payments.get(booking.entry or b"")
    if payment is None or payment.tenant != booking.tenant or booking.entry != booking.pending:
        return Flaw.PAYMENT_UNKNOWN
    if booking.ledger != payment.ledger:
        return Flaw.OTHER_CURRENCY
    if booking.amount_minor != payment.amount_minor:
        return Flaw.OTHER_AMOUNT
    if booking.other != payment.debtor:
        return Flaw.OTHER_ACCOUNT
    return None if any(each.feed == booking.feed for each in answers) else Flaw.OTHER_FEED


def _judge_allocation(booking: Booking, known: Known) -> Flaw | None:
    """An operator orders it of an entry; an importer has neither order nor entry, but its window."""
    said_of_it = known.words.get(booking.entry or b"", ())
    own = [each for each in said_of_it if each.said is Said.CREDIT and each.tenant == booking.tenant]
    order = known.payments.get(booking.reserved)
    if order is None and booking.imported:
        return None
    if not own:
        return Flaw.OTHER_TENANT if said_of_it else Flaw.ENTRY_UNKNOWN
    if order is None or order.tenant != booking.tenant or order.mandate != booking.entry:
        return Flaw.PAYMENT_UNKNOWN
    if booking.ledger != own[0].ledger or booking.ledger != order.ledger:
        return Flaw.OTHER_CURRENCY
    if booking.amount_minor != order.amount_minor:
        return Flaw.OTHER_AMOUNT
    credited = None if booking.pending else booking.mirror
    if (booking.other, credited) != (order.debtor, order.creditor):
        return Flaw.OTHER_ACCOUNT
    moved_minor = booking.amount_minor + sum(each.moved_minor for each in own)
    return Flaw.ALLOCATED_BEYOND if moved_minor > min(each.amount_minor for each in own) else None
