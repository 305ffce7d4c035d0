"""On whose authority transfers are created: which mandates it covers, and whose the reservations are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ringfence_kernel.values.ids import ZERO_ID, external_id

from ringfence_custody.ledger.domain.purposes import PURPOSES, AccountClass, Mandate, Purpose

PAYMENT_INSTRUCTION = external_id("custody.owner", b"", "payment-instruction")
"""Owns what it reserves, and what was reserved before there were owners: nobody else can be sure that it is his."""
CLIENTS = frozenset(each.code for each in PURPOSES if each.mandate is Mandate.CLIENT)
BANKS = frozenset(each.code for each in PURPOSES if each.mandate is Mandate.BANK)


class Reach(Enum):
    """What transfers rest on."""

    MIGRATION = "a window that two people opened: the importer brings in what was elsewhere"
    SUBMISSION = "the platform's authorisation of a submission"
    EVIDENCE = "the bank's word"


@dataclass(frozen=True, slots=True)
class Authority:
    """Who creates transfers, 16 bytes, and on what; `window` is the open one that an importer works in."""

    owner: bytes
    reach: Reach
    window: bytes = ZERO_ID

    def covers(self, purpose: Purpose, debit_class: int, mandate: bytes) -> bool:
        """Tells whether a transfer of a purpose, that names a mandate, may be created.

        Money from a bank rests on the bank's word, and nothing else does. An importer has no client's mandate but its
        window's, which it names.
        """
        is_banks = purpose.mandate is Mandate.BANK and debit_class == AccountClass.BANK_MIRROR
        if self.reach is Reach.MIGRATION:
            return purpose.mandate is not Mandate.CLIENT or mandate == self.window
        return is_banks == (self.reach is Reach.EVIDENCE)

    def owns(self, owner: bytes) -> bool:
        """Tells whether a reservation is its own to post or void."""
        return self.owner == (PAYMENT_INSTRUCTION if owner == ZERO_ID else owner)
