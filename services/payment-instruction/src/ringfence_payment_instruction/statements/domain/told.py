"""Entries as identity sees them: amounts, references without their texts, and whom the money is for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from enum import IntEnum

from ringfence_kernel.values.ids import ZERO_ID, external_id

from ringfence_payment_instruction.statements.domain.statement import CREDIT, Detail, Entry, Kind

EPOCH = date(1970, 1, 1)
REFERENCE_BYTES = 17


class ReferenceKind(IntEnum):
    """Whose word a reference is, and of what. All but the last are given by banks."""

    ENTRY = 1
    DETAIL = 2
    TRANSACTION = 3
    UETR = 4
    SET = 5  # all references of the details in one, where the details say no amounts
    END_TO_END = 6  # the payer's word: it tells apart, it never tells that two are one


class Likeness(IntEnum):
    """Whether two tellings may be of one movement."""

    DIFFERENT = 0
    OPEN = 1
    SAME = 2


def reference(kind: ReferenceKind, text: str) -> bytes:
    """Returns a reference as it is kept: its kind, and 16 bytes of the SHA-256 of its text."""
    return bytes([kind]) + hashlib.sha256(text.encode()).digest()[: REFERENCE_BYTES - 1]


@dataclass(frozen=True, slots=True)
class Part:
    """A share of an entry: its references, and the account whom it is for, zero where nobody is found.

    Of one that is `blocked` a list names somebody: it is nobody's to have.
    """

    amount_minor: int
    references: frozenset[bytes] = frozenset()
    client: bytes = ZERO_ID
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """One entry of a telling.

    `day` is its booking day since 1970. `parts` account for all of it, or are none. `transactions` is how many it
    stands for, 0 where that is open. Where a list names somebody and nothing tells for which part, all is `blocked`.
    """

    day: int
    amount_minor: int
    incoming: bool
    reversal: bool
    references: frozenset[bytes] = frozenset()
    parts: tuple[Part, ...] = ()
    transactions: int = 0
    blocked: bool = False

    @property
    def signed_minor(self) -> int:
        """The amount, below zero where money went out."""
        return self.amount_minor if self.incoming else -self.amount_minor

    @property
    def client(self) -> bytes:
        """Whom it is for as a whole, zero where that is nobody or several."""
        return self.parts[0].client if len(self.parts) == 1 else ZERO_ID

    @property
    def is_opaque(self) -> bool:
        """Tells whether it may stand for several transactions that it does not tell apart."""
        return self.transactions != 1 and len(self.parts) < 2

    @property
    def is_single(self) -> bool:
        """Tells whether it is, or may be, one transaction."""
        return self.transactions <= 1 and len(self.parts) < 2

    def way(self) -> tuple[bool, bool]:
        """Returns direction and reversal: tellings of one movement agree in them."""
        return self.incoming, self.reversal

    def whole(self) -> Part:
        """Returns all of it as one part: mostly that is the only one."""
        if len(self.parts) == 1:
            (part,) = self.parts
            if part.references is self.references and part.amount_minor == self.amount_minor and not part.blocked:
                return part
        return Part(self.amount_minor, self.references, self.client)

    def pieces(self) -> tuple[Part, ...]:
        """Returns its parts where they are several, else all of it as one."""
        return self.parts if len(self.parts) > 1 else (self.whole(),)


@dataclass(frozen=True, slots=True)
class Telling:
    """Entries that a bank told together, all of one account: whole pages of a statement, a report or a notification.

    Each of its entries is another movement, or another part of one; `id` is the same when the same is told again.
    `past` are the places of entries of news that tell of movements which memory has let go of. `entry_ids` are those of
    its entries, and of the movements of which these are the first to tell.
    """

    id: bytes
    kind: Kind
    entries: tuple[Told, ...]
    past: frozenset[int] = frozenset()
    entry_ids: tuple[bytes, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Finds the ids once: everything asks for them."""
        ids = [external_id("bank-movement", self.id, str(position)) for position in range(len(self.entries))]
        object.__setattr__(self, "entry_ids", tuple(ids))

    def items(self) -> Iterator[tuple[bytes, Told]]:
        """Yields the entries by their ids."""
        return zip(self.entry_ids, self.entries, strict=True)


def identities(references: Iterable[bytes]) -> frozenset[bytes]:
    """Returns what a bank's references say, whatever their kinds: the same text may stand in another position."""
    return frozenset([each[1:] for each in references if each[0] != ReferenceKind.END_TO_END])


def likeness(one: Part, other: Part) -> Likeness:
    """Compares two of the same amount and way.

    A reference of a bank that both have makes them one, unless another tells them apart: two of one kind that differ,
    or two clients. With neither it is open, and so it is with both.
    """
    apart = one.client != other.client and ZERO_ID not in (one.client, other.client)
    shared = False
    if one.references and other.references:
        apart = apart or _differ(one.references, other.references)
        shared = bool(identities(one.references) & identities(other.references))
    if shared and not apart:
        return Likeness.SAME
    return Likeness.DIFFERENT if apart and not shared else Likeness.OPEN


def is_same(one: Told, other: Told, within_days: int) -> bool:
    """Tells whether two are one by reference: their own, or that of a part that both tell apart."""
    if (one.amount_minor, one.way()) != (other.amount_minor, other.way()) or abs(one.day - other.day) > within_days:
        return False
    as_a_whole = likeness(one.whole(), other.whole())
    if as_a_whole is not Likeness.OPEN:
        return as_a_whole is Likeness.SAME
    if len(one.parts) < 2 or len(other.parts) < 2:
        return False
    return any(
        part.amount_minor == each.amount_minor and likeness(part, each) is Likeness.SAME
        for part in one.parts
        for each in other.parts
    )


def agree_in_parts(one: Told, other: Told) -> bool:
    """Tells whether nothing tells two sums of one amount apart in a part that stands once in each of them."""
    if len(one.parts) < 2 or len(other.parts) < 2:
        return True
    first, second = ({part.amount_minor: part for part in each.parts} for each in (one, other))
    if min(len(first), len(second)) < max(len(one.parts), len(other.parts)):
        return True
    return all(likeness(part, second[key]) is not Likeness.DIFFERENT for key, part in first.items() if key in second)


def all_references(told: Told) -> frozenset[bytes]:
    """Returns the references of an entry and of its parts."""
    parts = told.parts
    if not parts or (len(parts) == 1 and parts[0].references is told.references):
        return told.references
    return told.references.union(*[part.references for part in parts])


def _differ(one: frozenset[bytes], other: frozenset[bytes]) -> bool:
    """Tells whether both have references of one kind, and none of that kind in common."""
    common = {each[0] for each in one & other}
    kinds = {each[0] for each in one} & {each[0] for each in other}
    return bool(kinds - common)


def merged(known: Told, again: Told) -> Told:
    """Returns a movement with what another telling of it adds: references, parts, whom they are for."""
    parts = known.parts
    if len(again.parts) > len(parts):
        parts = again.parts
    elif len(parts) == len(again.parts) == 1:
        (first,), (second,) = parts, again.parts
        client = first.client if first.client != ZERO_ID else second.client
        parts = (replace(first, references=first.references | second.references, client=client),)
    elif len(parts) == len(again.parts):
        parts = tuple(_with_client(each, again.parts) for each in parts)
    transactions = max(known.transactions, again.transactions)
    news = {part for part in again.parts if part.blocked} if parts is not again.parts else set()
    return replace(
        known,
        references=known.references | again.references,
        parts=parts,
        transactions=transactions or len(parts),
        blocked=known.blocked or again.blocked or bool(news) or _lost_blocks(known, parts),
    )


def _lost_blocks(known: Told, parts: tuple[Part, ...]) -> bool:
    """Tells whether a list's hit would be gone with the parts that another telling puts in place of these."""
    return parts is not known.parts and any(part.blocked for part in known.parts) and len(parts) != len(known.parts)


def _with_client(part: Part, others: Iterable[Part]) -> Part:
    """Returns a part with the client of the same part in another telling, where only one part can be that."""
    if part.client != ZERO_ID:
        return part
    found = [
        each
        for each in others
        if each.amount_minor == part.amount_minor and likeness(each, part) is Likeness.SAME and each.client != ZERO_ID
    ]
    return replace(part, client=found[0].client) if len(found) == 1 else part


def _is_free(named: Entry | Detail) -> bool:
    return False


def told(
    entry: Entry,
    day: date,
    client_of: Callable[[Detail], bytes],
    is_blocked: Callable[[Entry | Detail], bool] = _is_free,
) -> Told:
    """Returns an entry as identity sees it; without a booking date it is of that `day`.

    `client_of` says whom a transaction is for, `is_blocked` whether a list names somebody in an entry or transaction.
    Parts are the transactions where their amounts, of the entry's kind, account for all of it, or the only transaction
    there is.
    """
    incoming = entry.direction == CREDIT
    own = frozenset([reference(ReferenceKind.ENTRY, entry.bank_reference)] if entry.bank_reference else [])
    details = entry.details
    amounts = [each.amount_minor for each in details]
    parts: tuple[Part, ...] = ()
    blocked = is_blocked(entry)
    if len(details) == 1 and entry.transactions == 1:
        found = _references(details[0])
        own |= found
        parts = (Part(entry.amount_minor, own, client_of(details[0])),)
    elif len(details) > 1:
        if all(each is not None and each > 0 for each in amounts) and sum(filter(None, amounts)) == entry.amount_minor:
            parts = tuple(
                Part(amount or 0, _references(each), client_of(each), is_blocked(each))
                for amount, each in zip(amounts, details, strict=True)
            )
            blocked = False
        own |= _set_of(details)
    booked = ((entry.booking_date or day) - EPOCH).days
    return Told(booked, entry.amount_minor, incoming, entry.reversal, own, parts, entry.transactions or 0, blocked)


def _references(detail: Detail) -> frozenset[bytes]:
    said = (
        (ReferenceKind.DETAIL, detail.bank_reference),
        (ReferenceKind.TRANSACTION, detail.transaction_id),
        (ReferenceKind.UETR, detail.uetr),
        (ReferenceKind.END_TO_END, detail.end_to_end_id),
    )
    return frozenset([reference(kind, text) for kind, text in said if text])


def _set_of(details: Iterable[Detail]) -> frozenset[bytes]:
    """Returns the bank's references of all details as one, none where a detail has none."""
    texts = [each.bank_reference or each.transaction_id or each.uetr for each in details]
    return frozenset([reference(ReferenceKind.SET, "\n".join(sorted(texts)))] if all(texts) else [])
