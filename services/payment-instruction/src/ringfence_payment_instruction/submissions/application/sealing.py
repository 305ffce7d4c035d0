"""Sealing the rows of a submission into its events, under the keys of those whom they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import msgspec
from ringfence_kernel.sealing.envelopes import AssociatedData, blind_index, seal
from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.ids import ID_BYTES

from ringfence_payment_instruction.submissions.application.personal import MAX_IBAN, Clear, clear_of, owners
from ringfence_payment_instruction.submissions.application.ports import KeyRing
from ringfence_payment_instruction.submissions.domain.events import InstructionsReceived
from ringfence_payment_instruction.submissions.domain.orders import (
    MAX_END_TO_END_ID,
    MAX_REMITTANCE,
    Alias,
    NamedParty,
    Order,
    creditor_in_book,
    ledger_of,
    sides,
)
from ringfence_payment_instruction.submissions.domain.particulars import kept, top
from ringfence_payment_instruction.submissions.domain.submission import ROWS_PER_EVENT
from ringfence_payment_instruction.submissions.domain.uetrs import packed_uetrs

CREDITOR_IBAN_LABEL = "payment-instruction/creditor-iban"
FINGERPRINT_LABEL = "payment-instruction/payment"
_encode = msgspec.msgpack.Encoder().encode


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
        pairs = [sides(self._tenant, order, aliases) for order in orders]
        special = any(order.purpose for order in orders)
        owned = [owners(self._tenant, debtor, creditor) for debtor, creditor in pairs]
        clear = [clear_of(order) for order in orders]
        # A payee often stands in many rows, and an index costs as much as sealing a row.
        indexes = {number: creditor_index(self._ring, number) for number in {each.creditor_number for each in clear}}
        named = [order.instruction_identification[:MAX_END_TO_END_ID] for order in orders]
        debtors = [
            debtor.account_id if debtor is not None and debtor.tenant == self._tenant else bytes(16)
            for debtor, _ in pairs
        ]
        parties_sealed, parties_rows = self._parties(version, clear)
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
            creditor_indexes=b"".join([indexes[each.creditor_number] for each in clear]),
            amounts_minor=pack("Q", [order.amount_minor for order in orders]),
            ledgers=pack("H", [ledger_of(order.currency) for order in orders]),
            execution_days=pack("i", [order.execution_day for order in orders]),
            debtor_sealed=tuple(
                self._seal(owner, each.debtor_side(), version, f"debtor[{row}]")
                for row, ((owner, _), each) in enumerate(zip(owned, clear, strict=True))
            ),
            purposes=pack("H", [order.purpose for order in orders]) if special else b"",
            mandates=b"".join([order.mandate for order in orders]) if special else b"",
            fingerprints=b"".join(self._fingerprints(orders, debtors)),
            creditor_sealed=tuple(
                self._seal(owner, each.creditor_side(), version, f"creditor[{row}]")
                for row, ((_, owner), each) in enumerate(zip(owned, clear, strict=True))
            ),
            parties_sealed=parties_sealed,
            parties_rows=parties_rows,
            uetrs=packed_uetrs([order.uetr for order in orders]),
            instruction_identifications=tuple(named) if any(named) else (),
        )

    def _fingerprints(self, orders: Sequence[Order], debtors: Sequence[bytes]) -> list[bytes]:
        """Returns by what the same payment is known when it is ordered once more."""
        key = blind_index(self._ring.blind_index_key, FINGERPRINT_LABEL, self._tenant)
        return [fingerprint(key, order, debtor) for order, debtor in zip(orders, debtors, strict=True)]

    def _parties(self, version: int, clear: Sequence[Clear]) -> tuple[dict[int, bytes], bytes]:
        """Seals once whom many rows name alike, as an initiating party or the debtor's bank; see InstructionsReceived.

        They are strangers: the platform's key seals them.
        """
        first: dict[tuple[NamedParty, ...], int] = {}
        rows = [first.setdefault(each.parties, row) + 1 if each.parties else 0 for row, each in enumerate(clear)]
        sealed = {row: self._seal(self._tenant, each, version, f"parties[{row}]") for each, row in first.items()}
        return sealed, pack("H", rows) if first else b""

    def _seal(self, owner: bytes, texts: Sequence[object], version: int, field: str) -> bytes:
        key = self._ring.keys.get(owner)
        # An erased party's data is not kept at all; the instruction is refused at screening.
        return seal(key, _encode(texts), AssociatedData(self._stream, version, field)) if key else b""


def fingerprint(key: bytes, order: Order, debtor_account: bytes) -> bytes:
    """Returns the first 16 bytes of keyed BLAKE2b (RFC 7693) over parties, amount, currency and text of a payment.

    Case and spacing of the text make no difference, what is structured is its own; the debtor is its account where it
    is known, else its IBAN.
    """
    debtor = debtor_account.hex() if any(debtor_account) else order.debtor_iban
    text = " ".join(order.remittance[:MAX_REMITTANCE].casefold().split())
    parts = [debtor, order.creditor_number[:MAX_IBAN], str(order.amount_minor), order.currency, text]
    parts += [text for each in kept(order.carried) if top(each[0]) == "RmtInf" for text in each]
    if order.purpose:
        parts += [str(int(order.purpose)), order.creditor_account.hex(), order.mandate.hex()]
    return blake2b("\0".join(parts).encode(), key=key, digest_size=ID_BYTES).digest()


def creditor_index(ring: KeyRing, number: str) -> bytes:
    """Returns the keyed blind index by which payments to an IBAN, or an account of another number, are found."""
    return blind_index(ring.blind_index_key, CREDITOR_IBAN_LABEL, number.encode())
