"""What is known of the movements on one mirror, built from events alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from operator import itemgetter
from typing import Any

from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.statements.domain.indexes import Amounts, Index, Key, Signature
from ringfence_payment_instruction.statements.domain.told import Part, Told, all_references, identities


class Certainty(IntEnum):
    """How sure a movement is."""

    TOLD = 0  # by news
    BOOKED = 1  # by a statement
    MISSING = 2  # the statement of its day does not have it, or not all of it


class Doubt(IntEnum):
    """Why an entry is held."""

    LIKE_ANOTHER = 1  # it may be a movement that is known
    PART_OR_SUM = 2  # it may be a part of a movement that is known, or a sum of such
    REPEATED = 3  # its reference stands twice in one telling
    LATE = 4  # the statement of its day is taken, and does not have it
    FAR_AHEAD = 5  # it is dated so far behind today that the bank cannot have booked it


class Outcome(IntEnum):
    """What an entry turned out to be."""

    BOOKED = 1  # a movement that the statement has
    SAME = 2  # one that was known already
    NOTHING = 3  # no statement has had it
    ANOTHER = 4  # another than those that are known: two people say so


class Confirmation(IntEnum):
    """How a movement was found in a statement."""

    REFERENCE = 1
    PARTS = 2
    AMOUNT = 3
    SUM = 4
    BALANCE = 5  # by nothing but that all comes out even: to be confirmed by people
    OTHER_DAY = 6  # by its amount, on another day
    CARRIED = 7  # in the opening balance of the first statement


SURE = frozenset({Confirmation.REFERENCE, Confirmation.PARTS, Confirmation.CARRIED})


@dataclass(frozen=True, slots=True)
class Movement:
    """One that the mirror has moved for.

    `missing_minor` of it was taken back; `allocated` are the parts that belong to clients; a movement with `doubters`
    may be one of these, which are of other days, and stays in suspense until they are decided. One that is not `sure`
    was told from others of its amount by nothing: what is told of it later may be about one of these.
    `explained_minor` of a debit are payments of ours or charges; `entry_id` is of what moves the mirror, `transfer_id`
    the payment's that it is. The money of one that `is_cleared` does not wait for clients. `number` counts what was
    made known on the mirror: among equals the first told goes first, for ids are others in every run.
    """

    told: Told
    certainty: Certainty
    tellings: frozenset[bytes]
    allocated: frozenset[int] = frozenset()
    missing_minor: int = 0
    doubters: frozenset[bytes] = frozenset()
    sure: bool = True
    explained_minor: int = 0
    entry_id: bytes = ZERO_ID
    transfer_id: bytes = ZERO_ID
    is_cleared: bool = False
    number: int = 0

    @property
    def posted_minor(self) -> int:
        """By how much the mirror has moved for it, below zero where money went out."""
        left = self.told.amount_minor - self.missing_minor
        return left if self.told.incoming else -left

    @property
    def is_open(self) -> bool:
        """Tells whether a statement has yet to have it."""
        return self.certainty is not Certainty.BOOKED


@dataclass(frozen=True, slots=True)
class Held:
    """An entry in doubt."""

    told: Told
    telling: bytes
    doubt: Doubt
    number: int = 0


@dataclass(frozen=True, slots=True)
class Sum:
    """An entry that stands for several known movements."""

    told: Told
    members: tuple[bytes, ...]
    number: int = 0


@dataclass(frozen=True, slots=True)
class Chain:
    """The statement of the last day that was taken."""

    last_day: int
    closing_minor: int
    electronic_sequence: int
    legal_sequence: int


@dataclass(frozen=True, slots=True)
class SavedMovements:
    """What a snapshot holds of a mirror."""

    known: list[tuple[bytes, Movement]]
    sums: list[tuple[bytes, Sum]]
    held: list[tuple[bytes, Held]]
    taken: list[tuple[bytes, bytes]]
    excepted: list[tuple[bytes, bytes]]
    accepted: list[tuple[bytes, bytes]]
    owners: list[tuple[bytes, bytes]]
    chain: Chain | None
    posted_minor: int
    numbered: int


class Movements:
    """Movements, sums and held entries of one mirror, and where to look for them. Changes go through the journal."""

    def __init__(self, *, listed: bool = True) -> None:
        """Starts empty; what is not `listed` is found by its id alone."""
        self._is_listed = listed
        self.known: dict[bytes, Movement] = {}
        self.sums: dict[bytes, Sum] = {}
        self.held: dict[bytes, Held] = {}
        self.taken: dict[bytes, bytes] = {}  # tellings of statements, and what they said
        self.excepted: dict[bytes, bytes] = {}  # tellings that people work off, and their digests
        self.accepted: dict[bytes, bytes] = {}  # of these, those that count as they stand
        self.owners: dict[bytes, bytes] = {}  # of clients' accounts that tellings name
        self.by_entry: dict[bytes, bytes] = {}  # entries in custody whose money may lie in suspense -> movements
        self.balance: dict[str, int] = {"posted": 0, "numbered": 0}
        self.chain: dict[str, Chain] = {}
        self._by_reference, self._held_by_reference, self._by_amount = Index(), Index(), Amounts()
        self._opaque: dict[bytes, None] = {}
        self.loose: dict[bytes, None] = {}  # booked movements in doubt

    @property
    def posted_minor(self) -> int:
        """What the mirror holds by these movements."""
        return self.balance["posted"]

    @property
    def booked_minor(self) -> int:
        """What the mirror holds by what statements have booked."""
        return self.posted_minor - sum(each.posted_minor for each in self.known.values() if each.is_open)

    @property
    def last(self) -> Chain | None:
        """The last statement that was taken, None before the first."""
        return self.chain.get("last")

    def by_references(self, references: Iterable[bytes]) -> Iterator[bytes]:
        """Yields the ids of movements and sums that have one of these references, themselves or in a part, as told."""
        yield from self._found(self._by_reference, references)

    def held_by_references(self, references: Iterable[bytes]) -> Iterator[bytes]:
        """Yields the ids of held entries that have one of these references, as told."""
        yield from self._found(self._held_by_reference, references)

    def _found(self, index: Index, references: Iterable[bytes]) -> Iterator[bytes]:
        found: set[bytes] = set()
        for each in identities(references):
            found.update(index.get(each))
        yield from self.in_order(found) if len(found) > 1 else found

    def in_order(self, ids: Iterable[bytes]) -> list[bytes]:
        """Returns ids of what is known in the order in which it was told: neither ids nor memory decide."""
        return sorted(ids, key=self._number)

    def _number(self, key: bytes) -> int:
        found = self.known.get(key) or self.held.get(key) or self.sums.get(key)
        return found.number if found is not None else 0

    def next_number(self, journal: Journal) -> int:
        """Returns the number of what is made known next."""
        journal.put(self.balance, "numbered", self.balance["numbered"] + 1)
        return self.balance["numbered"]

    def alike(self, part: Part, told: Told) -> Iterator[bytes]:
        """Yields the ids of movements that may have a part of an entry, as itself or as a part, for all that is said.

        Two with references of one kind differ unless they share one, and so do two for different clients.
        """
        seen = set(self._by_amount.alike((part.amount_minor, *told.way()), signature_of(part)))
        for each in part.references:
            seen.update(self._by_reference.get(each[1:]))
        return (each for each in seen if each in self.known and self.known[each].told.way() == told.way())

    def opaque(self) -> Iterator[bytes]:
        """Yields the ids of movements that may stand for several transactions."""
        return iter(self._opaque)

    def put(self, movement_id: bytes, movement: Movement, journal: Journal) -> None:
        """Notes a movement, or what has become of it."""
        before = self.known.get(movement_id)
        if before is None or _is_listed_otherwise(before, movement):
            if before is not None:
                self._unlist(movement_id, before, journal)
            self._list(movement_id, movement, journal)
        moved = movement.posted_minor - (before.posted_minor if before else 0)
        if moved:
            journal.put(self.balance, "posted", self.balance["posted"] + moved)
        journal.put(self.known, movement_id, movement)
        if before is not None and before.entry_id != movement.entry_id and before.entry_id in self.by_entry:
            journal.remove(self.by_entry, before.entry_id)
        if movement.entry_id != ZERO_ID and self.by_entry.get(movement.entry_id) != movement_id:
            journal.put(self.by_entry, movement.entry_id, movement_id)
        if movement.doubters and movement_id not in self.loose:
            journal.put(self.loose, movement_id, None)
        elif not movement.doubters and movement_id in self.loose:
            journal.remove(self.loose, movement_id)

    def drop(self, movement_id: bytes, journal: Journal) -> None:
        """Takes a movement back that turned out to be another."""
        movement = self.known[movement_id]
        self._unlist(movement_id, movement, journal)
        journal.put(self.balance, "posted", self.balance["posted"] - movement.posted_minor)
        self._remove(movement_id, movement, journal)

    def _remove(self, movement_id: bytes, movement: Movement, journal: Journal) -> None:
        journal.remove(self.known, movement_id)
        if movement.entry_id in self.by_entry:
            journal.remove(self.by_entry, movement.entry_id)
        if movement_id in self.loose:
            journal.remove(self.loose, movement_id)

    def forget(self, last_day: int, journal: Journal) -> None:
        """Lets go of what is booked for sure up to a day, and of sums of such; the mirror holds it as before."""
        gone = [
            key
            for key, each in self.known.items()
            if each.told.day <= last_day and not each.is_open and not each.doubters
        ]
        for key in gone:
            self._unlist(key, self.known[key], journal)
            self._remove(key, self.known[key], journal)
        for key, total in list(self.sums.items()):
            if not all(member in self.known for member in total.members):
                for each in _all_identities(total.told):
                    self._by_reference.remove(each, key, journal)
                journal.remove(self.sums, key)
        held = [each.told for each in self.held.values()]
        named = {part.client for told in [*held, *(each.told for each in self.known.values())] for part in told.parts}
        for account in self.owners.keys() - named:
            journal.remove(self.owners, account)

    def save(self, *, in_order: bool = False) -> SavedMovements:
        """Returns everything, in the order of the ids where that is asked for."""

        def items(of: dict[bytes, Any]) -> list[tuple[bytes, Any]]:
            return sorted(of.items(), key=itemgetter(0)) if in_order else list(of.items())

        return SavedMovements(
            items(self.known), items(self.sums), items(self.held), items(self.taken), items(self.excepted),
            items(self.accepted), items(self.owners), self.last, self.posted_minor, self.balance["numbered"],
        )  # fmt: skip

    @classmethod
    def restored(cls, saved: SavedMovements) -> Movements:
        """Returns what was saved."""
        found, journal = cls(), Journal()
        for movement_id, movement in saved.known:
            found.put(movement_id, movement, journal)
        for entry_id, total in saved.sums:
            found.put_sum(entry_id, total, journal)
        for entry_id, held in saved.held:
            found.hold(entry_id, held, journal)
        found.taken, found.excepted, found.accepted = dict(saved.taken), dict(saved.excepted), dict(saved.accepted)
        found.owners, found.balance = dict(saved.owners), {"posted": saved.posted_minor, "numbered": saved.numbered}
        found.chain = {} if saved.chain is None else {"last": saved.chain}
        return found

    def change(self, movement_id: bytes, journal: Journal, **changes: object) -> None:
        """Notes some facts of a known movement."""
        self.put(movement_id, replace(self.known[movement_id], **changes), journal)  # type: ignore[arg-type]

    def excerpt(self, ids: Iterable[bytes]) -> Movements:
        """Returns what is known of some movements and held entries, and of all in doubt, to try events on by ids."""
        found, journal = Movements(listed=False), Journal()
        for key in dict.fromkeys([*ids, *self.loose]):
            if key in self.known:
                found.put(key, self.known[key], journal)
            if key in self.held:
                found.hold(key, self.held[key], journal)
        return found

    def put_sum(self, entry_id: bytes, found: Sum, journal: Journal) -> None:
        """Notes a sum."""
        if entry_id not in self.sums and self._is_listed:
            for each in _all_identities(found.told):
                self._by_reference.add(each, entry_id, journal)
        journal.put(self.sums, entry_id, found)

    def hold(self, entry_id: bytes, held: Held, journal: Journal) -> None:
        """Notes an entry in doubt, or what it has learned."""
        if entry_id in self.held:
            self.release(entry_id, journal)
        journal.put(self.held, entry_id, held)
        for each in _all_identities(held.told) if self._is_listed else ():
            self._held_by_reference.add(each, entry_id, journal)

    def release(self, entry_id: bytes, journal: Journal) -> None:
        """Lets go of an entry that was in doubt."""
        for each in _all_identities(self.held[entry_id].told) if self._is_listed else ():
            self._held_by_reference.remove(each, entry_id, journal)
        journal.remove(self.held, entry_id)

    def _list(self, movement_id: bytes, movement: Movement, journal: Journal) -> None:
        if not self._is_listed:
            return
        told = movement.told
        for each in _all_identities(told):
            self._by_reference.add(each, movement_id, journal)
        for key, signature in _listings(movement):
            self._by_amount.add(key, signature, movement_id, journal)
        if told.is_opaque:
            journal.put(self._opaque, movement_id, None)

    def _unlist(self, movement_id: bytes, movement: Movement, journal: Journal) -> None:
        if not self._is_listed:
            return
        for each in _all_identities(movement.told):
            self._by_reference.remove(each, movement_id, journal)
        for key, signature in _listings(movement):
            self._by_amount.remove(key, signature, movement_id, journal)
        if movement.told.is_opaque:
            journal.remove(self._opaque, movement_id)


def _is_listed_otherwise(before: Movement, movement: Movement) -> bool:
    is_same_entry = before.told is movement.told or before.told == movement.told
    return not is_same_entry or before.sure != movement.sure


def taken_back(movement: Movement, gone_minor: int) -> tuple[int, dict[int, int]]:
    """Returns what is taken back of a movement: from suspense first, then of the clients' parts in their order."""
    parts = {number: movement.told.parts[number].amount_minor for number in sorted(movement.allocated)}
    lying = min(max(0, abs(movement.posted_minor) - sum(parts.values())), gone_minor)
    left, found = gone_minor - lying, dict[int, int]()
    for number, amount in parts.items():
        if left:
            found[number] = min(amount, left)
            left -= found[number]
    return lying, found


def _all_identities(told: Told) -> frozenset[bytes]:
    """Returns what all references say: the payer's too, which are looked for to compare, not to recognise."""
    return frozenset([each[1:] for each in all_references(told)])


def signature_of(part: Part) -> Signature:
    """Returns which kinds of references a part has, and whom it is for."""
    kinds = 0
    for each in part.references:
        kinds |= 1 << each[0]
    return kinds, part.client


def _listings(movement: Movement) -> set[tuple[Key, Signature]]:
    """Returns where a movement is looked for: one that is not sure may be any of its amount."""
    told, way = movement.told, movement.told.way()
    whole = told.whole()
    # The only part is mostly like the whole.
    parts = told.parts if told.parts != (whole,) else ()
    return {
        ((part.amount_minor, *way), signature_of(part) if movement.sure else (0, ZERO_ID)) for part in (whole, *parts)
    }


def keys_of(told: Told) -> set[Key]:
    """Returns the amounts of an entry and of its parts, with its way."""
    amounts = {told.amount_minor, *(part.amount_minor for part in told.parts)}
    return {(amount, *told.way()) for amount in amounts}
