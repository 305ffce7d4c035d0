"""Entries whose money lies in suspense, as whoever decides about it has to know them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from ringfence_kernel.values.ids import external_id, show

from ringfence_payment_instruction.deposits.domain.evidence import BLOCKED
from ringfence_payment_instruction.screening.domain.listed import Hit, ListedEntry
from ringfence_payment_instruction.screening.domain.screened_fields import Side
from ringfence_payment_instruction.submissions.domain.orders import NamedParty

MOST_ATTEMPTS = 32
"""How often what is done about one entry may come to nothing."""
UNREADABLE = "unreadable"
"""Stands in the place of "list/reference" where nobody can tell whom a bank's entry names."""


def clearing_id(tenant: bytes, entry: bytes, attempt: int) -> bytes:
    """Returns the instruction, and submission, that clears an entry: another one only after it came to nothing."""
    return external_id("suspense", tenant, f"{show(entry)}/{attempt}")


def release_stream(tenant: bytes, proposal: bytes) -> bytes:
    """Returns the stream of one release: it ends with it."""
    return external_id("suspended-entry", tenant, proposal.hex())


def unreadable(sealed: bytes) -> Hit:
    """Returns the finding that an entry does not open: two people release it as they do what a list says."""
    return Hit(Side.OTHER, ListedEntry(UNREADABLE, sha256(sealed).digest()), "")


class EntryRef(NamedTuple):
    """Where an entry stands: the stream of its file, and its index there."""

    entry: bytes
    stream: bytes
    at: int


class LyingEntry(NamedTuple):
    """An entry in suspense, without whom it names: what is left of it, by which mirror, since when (UTC ns) and why."""

    id: bytes
    amount_minor: int
    ledger: int
    reference: str
    reason: str
    mirror: bytes
    suspended_ns: int


@dataclass(frozen=True, slots=True)
class SuspendedEntry:
    """A bank's entry that was credited to suspense, in clear: it lives in memory only.

    `reason` is why it came there. `payer_iban` and `payer_name` are empty where the bank did not tell, or they were
    erased. `parties` are all others whom the bank named, the payee among them. `hits` are what names somebody behind it
    now, or that it is unreadable, and what nobody has released.
    """

    id: bytes
    reference: str
    amount_minor: int
    ledger: int
    reason: str
    payer_iban: str
    payer_name: str
    parties: tuple[NamedParty, ...] = ()
    hits: tuple[Hit, ...] = ()
    was_released: bool = False

    @property
    def named(self) -> tuple[ListedEntry, ...]:
        """The entries of the hits, each once."""
        return tuple(dict.fromkeys(each.entry for each in self.hits))

    @property
    def is_blocked(self) -> bool:
        """Tells whether its money may not be moved.

        Whoever a list names now blocks it, whatever it came to suspense for, and so does that nobody can tell whom it
        names; what a list has once blocked is for two people to release, even where no list says so any more.
        """
        return bool(self.hits) or (self.reason in BLOCKED and not self.was_released)
