"""Personal data: sealed on the way into events, opened where it must be looked at, kept in memory for a short while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from ringfence_kernel.sealing.envelopes import AssociatedData, unseal
from ringfence_kernel.service.threads import computed
from ringfence_kernel.values.clock import NANOSECONDS, Clock

from ringfence_payment_instruction.submissions.application.ports import Identity, KeyRing
from ringfence_payment_instruction.submissions.domain.chunks import Sealed
from ringfence_payment_instruction.submissions.domain.orders import (
    MAX_NAME,
    MAX_REMITTANCE,
    Alias,
    NamedParty,
    Order,
)
from ringfence_payment_instruction.submissions.domain.particulars import OTHER_ACCOUNT, Carried, kept, parted, text_at
from ringfence_payment_instruction.submissions.domain.submission import Submission

MAX_IBAN = 34
MAX_BIC = 11
REMEMBERED_INSTRUCTIONS = 100_000
REMEMBERED_SECONDS = 300
_decode_parties = msgspec.msgpack.Decoder(tuple[NamedParty, ...]).decode


class _Side(msgspec.Struct, array_like=True):
    """One side's data as it is sealed; what else the bank is told stands there where there is something."""

    name: str = ""
    iban: str = ""
    third: str = ""
    carried: Carried = ()


_decode = msgspec.msgpack.Decoder(_Side).decode
_NOBODY = _Side()


class Clear(NamedTuple):
    """An instruction's personal data in clear. A party whose key was destroyed leaves its texts empty."""

    debtor_name: str
    debtor_iban: str
    remittance: str
    creditor_name: str
    creditor_iban: str
    creditor_agent_bic: str
    parties: tuple[NamedParty, ...] = ()
    debtor_carried: Carried = ()
    creditor_carried: Carried = ()

    @property
    def creditor_number(self) -> str:
        """The creditor's IBAN, or what else his account is known by."""
        return self.creditor_iban or text_at(self.creditor_carried, OTHER_ACCOUNT)

    def debtor_side(self) -> tuple[object, ...]:
        """Returns what the debtor's key seals."""
        return self[:3] + ((self.debtor_carried,) if self.debtor_carried else ())

    def creditor_side(self) -> tuple[object, ...]:
        """Returns what the creditor's key seals."""
        return self[3:6] + ((self.creditor_carried,) if self.creditor_carried else ())


def clear_of(order: Order) -> Clear:
    """Returns the personal data of an order, cut to the longest that a valid one may have."""
    return Clear(
        order.debtor_name[:MAX_NAME],
        order.debtor_iban[:MAX_IBAN],
        order.remittance[:MAX_REMITTANCE],
        order.creditor_name[:MAX_NAME],
        order.creditor_iban[:MAX_IBAN],
        order.creditor_agent_bic[:MAX_BIC],
        tuple([(role, name[:MAX_NAME]) for role, name in order.parties]),
        *parted(kept(order.carried)),
    )


def readable(row: Clear, debtor: bool, creditor: bool) -> Clear:
    """Returns what is left of a row whose debtor's or creditor's data was not sealed."""
    if debtor and creditor:
        return row
    nothing = ("", "", "")
    return Clear(
        *(row[:3] if debtor else nothing),
        *(row[3:6] if creditor else nothing),
        row.parties if creditor else (),
        row.debtor_carried if debtor else (),
        row.creditor_carried if creditor else (),
    )


def owners(tenant: bytes, debtor: Alias | None, creditor: Alias | None) -> tuple[bytes, bytes]:
    """Returns whose keys seal the debtor's and the creditor's data."""
    return _owner(tenant, debtor), _owner(tenant, creditor)


def _owner(tenant: bytes, alias: Alias | None) -> bytes:
    """Returns the party itself where it is the tenant's client, else the tenant: it is about a stranger."""
    return alias.owner_id if alias is not None and alias.tenant == tenant and not alias.bank_mirror else tenant


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

    def forget_all(self) -> None:
        """Drops everything from memory."""
        self._remembered.clear()
        self._count = 0

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
        if any(each.parties for each in sealed.values()):
            subjects.add(submission.tenant)
        ring = await self._identity.keys(subjects) if subjects else KeyRing({}, b"")
        return await computed(
            len(sealed),
            lambda: {index: _open(ring, submission, each) for index, each in sealed.items()},
        )


def _open(ring: KeyRing, submission: Submission, sealed: Sealed) -> Clear:
    stream = submission.stream
    debtor = AssociatedData(stream, sealed.version, f"debtor[{sealed.row}]")
    creditor = AssociatedData(stream, sealed.version, f"creditor[{sealed.row}]")
    payer = _unseal(ring.keys.get(sealed.debtor_owner), sealed.debtor, debtor)
    payee = _unseal(ring.keys.get(sealed.creditor_owner), sealed.creditor, creditor)
    return Clear(
        payer.name,
        payer.iban,
        payer.third,
        payee.name,
        payee.iban,
        payee.third,
        _parties(ring.keys.get(submission.tenant), stream, sealed),
        payer.carried,
        payee.carried,
    )


def _unseal(key: bytes | None, sealed: bytes, data: AssociatedData) -> _Side:
    return _decode(unseal(key, sealed, data)) if key and sealed else _NOBODY


def _parties(key: bytes | None, stream: bytes, sealed: Sealed) -> tuple[NamedParty, ...]:
    if not key or not sealed.parties:
        return ()
    data = AssociatedData(stream, sealed.version, f"parties[{sealed.parties_row}]")
    return _decode_parties(unseal(key, sealed.parties, data))
