"""Personal data: sealed on the way into events, opened where it must be looked at, kept in memory for a short while."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from ringfence_kernel.sealing.envelopes import AssociatedData, blind_index, seal, unseal
from ringfence_kernel.values.clock import NANOSECONDS, Clock
from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.money import CurrencyUnknown, currency

from ringfence_payment_instruction.deposits.domain.matching import MatchedEntry
from ringfence_payment_instruction.submissions.application.ports import Identity, KeyRing
from ringfence_payment_instruction.submissions.domain.events import InstructionsReceived
from ringfence_payment_instruction.submissions.domain.orders import (
    MAX_END_TO_END_ID,
    MAX_NAME,
    MAX_REMITTANCE,
    Alias,
    Order,
    creditor_in_book,
)
from ringfence_payment_instruction.submissions.domain.submission import ROWS_PER_EVENT, Sealed, Submission

CREDITOR_IBAN_LABEL = "payment-instruction/creditor-iban"
MAX_IBAN = 34
MAX_BIC = 11
REMEMBERED_INSTRUCTIONS = 100_000
REMEMBERED_SECONDS = 300
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, str, str]).decode


class Clear(NamedTuple):
    """An instruction's personal data in clear. A party whose key was destroyed leaves its texts empty."""

    debtor_name: str
    debtor_iban: str
    remittance: str
    creditor_name: str
    creditor_iban: str
    creditor_agent_bic: str


def clear_of(order: Order) -> Clear:
    """Returns the personal data of an order, cut to the longest that a valid one may have."""
    return Clear(
        order.debtor_name[:MAX_NAME],
        order.debtor_iban[:MAX_IBAN],
        order.remittance[:MAX_REMITTANCE],
        order.creditor_name[:MAX_NAME],
        order.creditor_iban[:MAX_IBAN],
        order.creditor_agent_bic[:MAX_BIC],
    )


def owners(tenant: bytes, debtor: Alias | None, creditor: Alias | None) -> tuple[bytes, bytes]:
    """Returns whose keys seal the debtor's and the creditor's data."""
    return _owner(tenant, debtor), _owner(tenant, creditor)


def _owner(tenant: bytes, alias: Alias | None) -> bytes:
    """Returns the party itself where it is the tenant's client, else the tenant: it is about a stranger."""
    return alias.owner_id if alias is not None and alias.tenant == tenant and not alias.bank_mirror else tenant


class Sealer:
    """Seals the rows of one submission into its events; the first event of rows is version 2 of the stream."""

    def __init__(self, tenant: bytes, submission_id: bytes, stream: bytes, ring: KeyRing) -> None:
        """Takes the keys of all owners."""
        self._tenant, self._submission_id, self._stream, self._ring = tenant, submission_id, stream, ring

    def events(self, orders: Sequence[Order], aliases: Mapping[str, Alias]) -> tuple[InstructionsReceived, ...]:
        """Returns the events of all rows."""
        return tuple(
            self._event(2 + number, first, orders[first : first + ROWS_PER_EVENT], aliases)
            for number, first in enumerate(range(0, len(orders), ROWS_PER_EVENT))
        )

    def _event(
        self, version: int, first: int, orders: Sequence[Order], aliases: Mapping[str, Alias]
    ) -> InstructionsReceived:
        pairs = [(aliases.get(order.debtor_iban), aliases.get(order.creditor_iban)) for order in orders]
        owned = [owners(self._tenant, debtor, creditor) for debtor, creditor in pairs]
        clear = [clear_of(order) for order in orders]
        # A payee often stands in many rows, and an index costs as much as sealing a row.
        indexes = {iban: creditor_index(self._ring, iban) for iban in {each.creditor_iban for each in clear}}
        debtors = [
            debtor.account_id if debtor is not None and debtor.tenant == self._tenant else bytes(16)
            for debtor, _ in pairs
        ]
        return InstructionsReceived(
            tenant=self._tenant,
            submission_id=self._submission_id,
            first_index=first,
            instruction_ids=b"".join([order.instruction_id for order in orders]),
            end_to_end_ids=tuple(order.end_to_end_id[:MAX_END_TO_END_ID] for order in orders),
            debtor_accounts=b"".join(debtors),
            debtor_owners=b"".join([debtor for debtor, _ in owned]),
            creditor_accounts=b"".join([creditor_in_book(self._tenant, creditor) for _, creditor in pairs]),
            creditor_owners=b"".join([creditor for _, creditor in owned]),
            creditor_indexes=b"".join([indexes[each.creditor_iban] for each in clear]),
            amounts_minor=pack("Q", [order.amount_minor for order in orders]),
            ledgers=pack("H", [ledger_of(order.currency) for order in orders]),
            execution_days=pack("i", [order.execution_day for order in orders]),
            debtor_sealed=tuple(
                self._seal(owner, each[:3], version, f"debtor[{row}]")
                for row, ((owner, _), each) in enumerate(zip(owned, clear, strict=True))
            ),
            creditor_sealed=tuple(
                self._seal(owner, each[3:], version, f"creditor[{row}]")
                for row, ((_, owner), each) in enumerate(zip(owned, clear, strict=True))
            ),
        )

    def _seal(self, owner: bytes, texts: tuple[str, ...], version: int, field: str) -> bytes:
        key = self._ring.keys.get(owner)
        # An erased party's data is not kept at all; the instruction is refused at screening.
        return seal(key, _encode(texts), AssociatedData(self._stream, version, field)) if key else b""


def creditor_index(ring: KeyRing, iban: str) -> bytes:
    """Returns the keyed blind index by which payments to an IBAN are found."""
    return blind_index(ring.blind_index_key, CREDITOR_IBAN_LABEL, iban.encode())


def ledger_of(alpha: str) -> int:
    """Returns the ledger of an alphabetic currency code, 0 for an unknown one."""
    try:
        return currency(alpha).numeric_code
    except CurrencyUnknown:
        return 0


def seal_entries(stream: bytes, entries: Sequence[MatchedEntry], ring: KeyRing) -> tuple[bytes, ...]:
    """Returns the sealed personal data of bank entries: debtor's name and IBAN, creditor's, remittance."""
    sealed = []
    for row, each in enumerate(entries):
        entry, key = each.entry, ring.keys.get(each.owner)
        texts = (entry.debtor_name, entry.debtor_iban, entry.creditor_name, entry.creditor_iban, entry.remittance)
        sealed.append(seal(key, _encode(texts), AssociatedData(stream, 1, f"entry[{row}]")) if key else b"")
    return tuple(sealed)


class PersonalData:
    """Opens what was sealed. What was just taken in is remembered, so that the way through needs no keys again.

    Nothing is remembered for longer than the keys themselves are held, so that an erasure reaches this memory too.
    """

    def __init__(self, identity: Identity, clock: Clock, capacity: int = REMEMBERED_INSTRUCTIONS) -> None:
        """Remembers up to `capacity` instructions; the oldest submissions are forgotten first."""
        self._identity = identity
        self._clock = clock
        self._capacity = capacity
        self._remembered: OrderedDict[bytes, tuple[int, list[Clear]]] = OrderedDict()
        self._count = 0

    def remember(self, stream: bytes, rows: list[Clear]) -> None:
        """Keeps the rows of a submission."""
        self.forget(stream)
        self._remembered[stream] = (self._clock.now_ns() + REMEMBERED_SECONDS * NANOSECONDS, rows)
        self._count += len(rows)
        while self._count > self._capacity and len(self._remembered) > 1:
            self.forget(next(iter(self._remembered)))

    def forget(self, stream: bytes) -> None:
        """Drops a submission from memory."""
        _, rows = self._remembered.pop(stream, (0, ()))
        self._count -= len(rows)

    def expire(self) -> None:
        """Drops what has been remembered for too long."""
        now_ns = self._clock.now_ns()
        while self._remembered:
            stream, (until_ns, _) = next(iter(self._remembered.items()))
            if until_ns > now_ns:
                return
            self.forget(stream)

    async def open(self, submission: Submission, indexes: Iterable[int]) -> dict[int, Clear]:
        """Returns rows in clear; raises KeysUnavailable."""
        self.expire()
        _, remembered = self._remembered.get(submission.stream, (0, None))
        if remembered is not None:
            return {index: remembered[index] for index in indexes}
        sealed = {index: submission.sealed(index) for index in indexes}
        subjects = {owner for each in sealed.values() for owner in (each.debtor_owner, each.creditor_owner)}
        ring = await self._identity.keys(subjects) if subjects else KeyRing({}, b"")
        return await asyncio.to_thread(
            lambda: {index: _open(ring, submission.stream, each) for index, each in sealed.items()}
        )


def _open(ring: KeyRing, stream: bytes, sealed: Sealed) -> Clear:
    debtor = AssociatedData(stream, sealed.version, f"debtor[{sealed.row}]")
    creditor = AssociatedData(stream, sealed.version, f"creditor[{sealed.row}]")
    return Clear(
        *_unseal(ring.keys.get(sealed.debtor_owner), sealed.debtor, debtor),
        *_unseal(ring.keys.get(sealed.creditor_owner), sealed.creditor, creditor),
    )


def _unseal(key: bytes | None, sealed: bytes, data: AssociatedData) -> tuple[str, str, str]:
    return _decode(unseal(key, sealed, data)) if key and sealed else ("", "", "")
