"""Finding money in suspense again, with the payer in clear."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from ringfence_kernel.sealing.envelopes import AssociatedData, unseal

from ringfence_payment_instruction.deposits.domain.evidence import EvidenceFile
from ringfence_payment_instruction.deposits.domain.suspended import SuspendedEntry
from ringfence_payment_instruction.submissions.application.ports import Identity
from ringfence_payment_instruction.submissions.domain.orders import MAX_NAME
from ringfence_payment_instruction.submissions.domain.submission import slot

_decode = msgspec.msgpack.Decoder(list[Any]).decode
_TEXTS = 5
"""An entry of an earlier release has these alone."""


class SuspendedEntries(Protocol):
    """Entries that were credited to suspense; blocks, raises StoreUnavailable."""

    def find(self, tenant: bytes, entry: bytes) -> tuple[EvidenceFile, int] | None:
        """Returns the file of a tenant's suspended entry, and the entry's place there."""


@dataclass(frozen=True, slots=True)
class Suspense:
    """What lies in suspense."""

    entries: SuspendedEntries
    identity: Identity

    async def find(self, tenant: bytes, entry: bytes) -> SuspendedEntry | None:
        """Returns a tenant's entry, None where none of its is suspended under that id; raises KeysUnavailable."""
        found = await asyncio.to_thread(self.entries.find, tenant, entry)
        if found is None:
            return None
        file, index = found
        owner = slot(file.event.owners, index)
        ring = await self.identity.keys({owner})
        key, sealed = ring.keys.get(owner), file.event.sealed[index]
        bound_to = AssociatedData(file.stream, 1, f"entry[{index}]")
        content: list[Any] = _decode(unseal(key, sealed, bound_to)) if key and sealed else [""] * _TEXTS
        name, iban, payee = content[:3]
        others = [(role, text) for role, text in content[_TEXTS] if text] if len(content) > _TEXTS else []
        named = [*others, *([("Cdtr", payee)] if payee else [])]
        amounts, ledgers, _ = file.columns()
        return SuspendedEntry(
            entry,
            file.event.references[index],
            amounts[index],
            ledgers[index],
            file.reasons[index],
            iban,
            name,
            tuple([(role, text[:MAX_NAME]) for role, text in named]),
        )
