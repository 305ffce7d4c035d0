"""What a bank says about its account: money that came in, and payments of ours that went out."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum

from ringfence_kernel.values.columns import unpack
from ringfence_kernel.values.ids import ZERO_ID, external_id, show

from ringfence_payment_instruction.deposits.domain.events import EvidenceReceived
from ringfence_payment_instruction.screening.domain.screened_fields import Side
from ringfence_payment_instruction.submissions.domain.orders import NamedParty

CREDIT = "CRDT"
BOOKED = "BOOK"
CREDITOR_UNKNOWN = "CREDITOR_UNKNOWN"
PAYER_ON_SANCTIONS_LIST = "PAYER_ON_SANCTIONS_LIST"
CREDITOR_ON_SANCTIONS_LIST = "CREDITOR_ON_SANCTIONS_LIST"
PARTY_ON_SANCTIONS_LIST = "PARTY_ON_SANCTIONS_LIST"
ENTRY_UNREADABLE = "ENTRY_UNREADABLE"
"""Whom the bank has named cannot be looked at again before a client is credited."""
BLOCKED = frozenset({PAYER_ON_SANCTIONS_LIST, CREDITOR_ON_SANCTIONS_LIST, PARTY_ON_SANCTIONS_LIST})
"""Why money stays in blocked suspense: it is neither allocated nor given back."""
BLOCKED_FOR = {
    Side.DEBTOR: PAYER_ON_SANCTIONS_LIST,
    Side.CREDITOR: CREDITOR_ON_SANCTIONS_LIST,
    Side.OTHER: PARTY_ON_SANCTIONS_LIST,
}
"""The same, by whose name is listed."""
# Entries per EvidenceReceived event: keeps it below the feed's bounds, and its transfers below custody's.
ENTRIES_PER_PART = 1_000


class Disposition(IntEnum):
    """What an entry is good for."""

    UNMATCHED = 0  # booked, and none of ours: for reconciliation
    CREDIT_CLIENT = 1
    CREDIT_SUSPENSE = 2
    CONFIRM = 3  # a payment that we sent
    ALLOCATE = 4  # (part of) a movement in suspense belongs to a client
    REVERSE = 5  # the bank took money back that had come in
    RETRACT = 6  # told, and never booked: back to the mirror
    CHARGE = 7  # the bank took money for no payment of ours
    RESTORE = 8  # money that comes back for a payment of ours
    REPAY = 9  # money that comes back, and that nobody had when it was taken: the platform owes so much less


# What brings money.
CREDITS = (Disposition.CREDIT_CLIENT, Disposition.CREDIT_SUSPENSE, Disposition.RESTORE, Disposition.REPAY)
TAKES = (Disposition.REVERSE, Disposition.RETRACT, Disposition.CHARGE)
"""What the bank has taken: the mirror follows."""
POSTED = (*CREDITS, Disposition.ALLOCATE, *TAKES)


class Outcome(IntEnum):
    """What became of an entry."""

    WAITING = 0
    CREDITED = 1
    SUSPENDED = 2
    RECORDED = 3
    TAKEN = 4
    RELEASING = 5  # the mirror has followed, and payments are released for what the client lacks
    REPAID = 6  # the platform owes so much less


OPEN = (Outcome.WAITING, Outcome.RELEASING)


@dataclass(frozen=True, slots=True)
class BankEntry:
    """One entry of a notification, in clear: it lives in memory only. Texts that the bank left out are empty."""

    account_iban: str
    reference: str
    amount_minor: int
    currency: str
    credit_debit: str
    reversal: bool
    status: str
    value_day: int
    transaction_id: str = ""
    debtor_name: str = ""
    debtor_iban: str = ""
    creditor_name: str = ""
    creditor_iban: str = ""
    remittance: str = ""
    parties: tuple[NamedParty, ...] = ()


def row_id(movement_id: bytes, part: int, disposition: Disposition) -> bytes:
    """Returns the id of what is to be posted of a movement of the bank: once for each part and action."""
    return external_id("bank-movement-row", movement_id, f"{part}/{disposition.name}")


def entry_id(tenant: bytes, entry: BankEntry) -> bytes:
    """Returns the id by which people name an entry, and earlier releases knew it: from its account and reference."""
    return external_id("bank-entry", tenant, f"{entry.account_iban}|{entry.reference}")


def entry_digest(entry: BankEntry) -> bytes:
    """Returns the SHA-256 of what must not differ when the same entry comes again."""
    content = "|".join(
        (entry.account_iban, entry.reference, entry.credit_debit, str(entry.amount_minor), entry.currency)
    )
    return hashlib.sha256(content.encode()).digest()


def evidence_stream(tenant: bytes, telling: bytes, change: int, part: int = 0) -> bytes:
    """Returns the stream of one part of what a telling brings about, as the mirror's change of that number."""
    return external_id("evidence", tenant, f"{telling.hex()}/{change}/{part}")


DOMAINS = {
    Disposition.CREDIT_CLIENT: "deposit",
    Disposition.CREDIT_SUSPENSE: "deposit.suspense",
    Disposition.ALLOCATE: "deposit.allocated",
    Disposition.REVERSE: "deposit.reversed",
    Disposition.RETRACT: "deposit.retracted",
    Disposition.CHARGE: "bank.charge",
    Disposition.RESTORE: "deposit.restored",
    Disposition.REPAY: "deposit.repaid",
}
"""Whose ids transfers get; money that comes back goes to suspense as any."""


def deposit_transfer_id(tenant: bytes, entry: bytes, disposition: Disposition, burnt: int = 0) -> bytes:
    """Returns the transfer that posts an entry; a client's refused credit goes to suspense under an id of its own.

    `burnt` counts the ids that custody has failed for good, as when the bank mirror was frozen.
    """
    domain = DOMAINS[disposition]
    return external_id(domain, tenant, f"{show(entry)}/{burnt}" if burnt else show(entry))


def is_incoming(entry: BankEntry) -> bool:
    """Tells whether the entry is money that came in for good."""
    return entry.credit_debit == CREDIT and not entry.reversal


def entry_digests(event: EvidenceReceived) -> list[bytes]:
    """Returns the digest of each entry's content, 32 bytes each."""
    return [event.entry_digests[at : at + 32] for at in range(0, len(event.entry_digests), 32)]


@dataclass(frozen=True, slots=True)
class KnownEntries:
    """What was asked about, as of a position of the feed: the digests of entries that had been handed in by then."""

    position: int
    digests: Mapping[bytes, bytes]


class EvidenceFile:
    """Entries of one file and tenant in memory; `outcomes` has one byte per entry."""

    __slots__ = ("burnt", "event", "outcomes", "position", "reasons", "stream")

    def __init__(self, stream: bytes, position: int, event: EvidenceReceived) -> None:
        """Starts with everything that needs posting still waiting; `position` is that of its event."""
        self.stream = stream
        self.position = position
        self.event = event
        self.outcomes = bytearray(
            Outcome.WAITING if disposition in POSTED else Outcome.RECORDED for disposition in event.purposes
        )
        self.reasons = list(event.reasons)
        self.burnt: dict[int, int] = {}

    def columns(self) -> tuple[array[int], array[int], array[int]]:
        """Returns amounts in minor units, ledgers and value days."""
        event = self.event
        return unpack("Q", event.amounts_minor), unpack("H", event.ledgers), unpack("i", event.value_days)

    def content(self) -> bytes:
        """Returns everything that events have said of it, for a digest."""
        return bytes(self.outcomes) + repr((self.position, self.reasons, sorted(self.burnt.items()))).encode()

    def waiting(self) -> list[int]:
        """Returns the indexes of which something is still to be posted."""
        return [index for index, outcome in enumerate(self.outcomes) if outcome in OPEN]

    def releasing(self) -> list[int]:
        """Returns the indexes for which payments are released."""
        return [index for index, outcome in enumerate(self.outcomes) if outcome == Outcome.RELEASING]

    def for_clients(self) -> list[int]:
        """Returns the indexes still to be credited to clients: nothing has sent them to suspense so far."""
        return [index for index in self.waiting() if self.asks_client(index)]

    def disposition(self, index: int) -> Disposition:
        """Returns what an entry is good for."""
        return Disposition(self.event.purposes[index])

    def client(self, index: int) -> bytes:
        """Returns the client's account that an entry names, zero for none."""
        return self.event.client_accounts[index * len(ZERO_ID) : (index + 1) * len(ZERO_ID)]

    def origin(self, index: int) -> bytes:
        """Returns the entry that has brought what an entry allots or takes back, zero where none is named."""
        found = self.event.origins[index * len(ZERO_ID) : (index + 1) * len(ZERO_ID)]
        return found or ZERO_ID

    def is_credit_of_client(self, index: int) -> bool:
        """Tells whether an entry moves money from the mirror to a client, so that suspense takes no part."""
        return self.asks_client(index) and self.disposition(index) is not Disposition.ALLOCATE

    def is_repayment(self, index: int) -> bool:
        """Tells whether an entry is to go to what the platform owes, as far as anybody knows."""
        return self.disposition(index) is Disposition.REPAY and not self.reasons[index]

    def asks_suspense(self, index: int) -> bool:
        """Tells whether an entry's money goes to suspense, or stays there: nobody is named, or whoever is, refuses."""
        return not (self.asks_client(index) or self.is_repayment(index))

    def asks_client(self, index: int) -> bool:
        """Tells whether an entry is to be credited to a client, as far as anybody knows."""
        disposition = self.disposition(index)
        sure = disposition is Disposition.RESTORE and self.client(index) != ZERO_ID
        credits = disposition in (Disposition.CREDIT_CLIENT, Disposition.ALLOCATE) or sure
        return credits and not self.reasons[index]


def origins(file: EvidenceFile, dispositions: Collection[Disposition]) -> frozenset[bytes]:
    """Returns the entries that have brought what waiting entries of some dispositions allot or take back."""
    found = {file.origin(index) for index in file.waiting() if file.disposition(index) in dispositions}
    return frozenset(found - {ZERO_ID})
