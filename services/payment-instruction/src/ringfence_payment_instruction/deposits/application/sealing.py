"""Sealing the personal data of bank entries."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from ringfence_kernel.sealing.envelopes import AssociatedData, seal

from ringfence_payment_instruction.deposits.domain.matching import MatchedEntry
from ringfence_payment_instruction.submissions.application.ports import KeyRing

_encode = msgspec.msgpack.Encoder().encode


def seal_entries(stream: bytes, entries: Sequence[MatchedEntry], ring: KeyRing) -> tuple[bytes, ...]:
    """Returns the sealed personal data of bank entries: debtor's name and IBAN, creditor's, remittance, others."""
    sealed = []
    for row, each in enumerate(entries):
        entry, key = each.entry, ring.keys.get(each.owner)
        texts = (entry.debtor_name, entry.debtor_iban, entry.creditor_name, entry.creditor_iban, entry.remittance)
        content = (*texts, entry.parties)
        sealed.append(seal(key, _encode(content), AssociatedData(stream, 1, f"entry[{row}]")) if key else b"")
    return tuple(sealed)
