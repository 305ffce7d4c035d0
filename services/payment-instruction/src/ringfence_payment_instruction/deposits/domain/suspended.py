"""Entries whose money lies in suspense, as whoever decides about it has to know them."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_payment_instruction.deposits.domain.evidence import BLOCKED
from ringfence_payment_instruction.submissions.domain.orders import NamedParty


@dataclass(frozen=True, slots=True)
class SuspendedEntry:
    """A bank's entry that was credited to suspense, in clear: it lives in memory only.

    `payer_iban` and `payer_name` are empty where the bank did not tell, or they were erased. `parties` are all others
    whom the bank named, the payee among them.
    """

    id: bytes
    reference: str
    amount_minor: int
    ledger: int
    reason: str
    payer_iban: str
    payer_name: str
    parties: tuple[NamedParty, ...] = ()

    @property
    def is_blocked(self) -> bool:
        """Tells whether its money may not be moved."""
        return self.reason in BLOCKED
