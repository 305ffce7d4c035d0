"""On whose authority transfers are created: which mandates it covers, and whose the reservations are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ringfence_kernel.values.ids import ZERO_ID, external_id

from ringfence_custody.ledger.domain.lifecycle import AccountStatus
from ringfence_custody.ledger.domain.purposes import CORRECTION, OF_FACTS, PURPOSES, AccountClass, Mandate, Purpose

PAYMENT_INSTRUCTION = external_id("custody.owner", b"", "payment-instruction")
"""Owns what it reserves, and what was reserved before there were owners: nobody else can be sure that it is his."""
CORRECTING = external_id("custody.owner", b"", "corrections")
"""In whose name two operators put right what custody and a bank disagree about."""
CLEARING = frozenset({9, 10})
"""What operators of the custodian order through payment-instruction: suspense is allocated, or returned."""
BY_THE_BANK = OF_FACTS - {17}
"""What only a bank does to money that lies in the book."""
OF_WINDOWS = CLEARING | BY_THE_BANK | {each.code for each in PURPOSES if each.mandate is Mandate.CLIENT}
"""Purposes for which an importer names its window: clients' money moves, or money that awaits its owner."""
LOOKED_AT = frozenset(each.code for each in PURPOSES if each.mandate in (Mandate.BANK, Mandate.OPERATOR))
"""Purposes that a submission's authorisation may not cover: by the bank's word, or by an operator's decision."""


class Reach(Enum):
    """What transfers rest on."""

    MIGRATION = "a window that two people opened: the importer brings in what was elsewhere"
    SUBMISSION = "the platform's authorisation of a submission"
    EVIDENCE = "the bank's word"
    CORRECTION = "two operators, who put right what a bank and the books disagree about"


@dataclass(frozen=True, slots=True)
class Authority:
    """Who creates transfers, 16 bytes, and on what; `window` is the open one that an importer works in."""

    owner: bytes
    reach: Reach
    window: bytes = ZERO_ID

    def covers(self, purpose: Purpose, debit_class: int, mandate: bytes) -> bool:
        """Tells whether a transfer of a purpose, that names a mandate, may be created.

        Money from a bank, and what it does to money that it has brought, rests on its word alone: no authorisation
        makes any. Of what needs an operator's mandate only the clearing of suspense comes by submissions. An importer
        has no client's mandate, and no operator's order to clear suspense, but its window, which it names.
        """
        if self.reach is Reach.CORRECTION:
            return purpose.code == CORRECTION
        is_from_bank = debit_class == AccountClass.BANK_MIRROR
        if self.reach is Reach.MIGRATION:
            return purpose.code not in OF_WINDOWS or mandate == self.window
        if self.reach is Reach.EVIDENCE:
            return purpose.code in BY_THE_BANK or (is_from_bank and purpose.mandate is Mandate.BANK)
        if purpose.code in BY_THE_BANK:
            return False
        return not is_from_bank and (purpose.mandate is not Mandate.OPERATOR or purpose.code in CLEARING)

    def is_booked_in(self, state: int) -> bool:
        """Tells whether it moves money in a state that no other does: what a bank did is so, with a letter or not."""
        return state == AccountStatus.PENDING_LETTER and self.reach is Reach.EVIDENCE

    def owns(self, owner: bytes) -> bool:
        """Tells whether a reservation is its own to post or void."""
        return self.owner == (PAYMENT_INSTRUCTION if owner == ZERO_ID else owner)
