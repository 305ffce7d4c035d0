"""What the rail asks of others. Adapters answer; tests answer with fakes of these."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.store.recorder import Within
from ringfence_kernel.values.addresses import NO_ADDRESS, PostalAddress

from ringfence_payment_instruction.rail.domain.replies import BankReply
from ringfence_payment_instruction.submissions.domain.particulars import Carried
from ringfence_payment_instruction.submissions.domain.returning import ReturnedPayment


class RailVoucher(Protocol):
    """Who vouches for what the rail brings."""

    async def caller(self) -> Caller:
        """Returns the bank's principal; raises AuthorisationRefused where there is none, IdentityUnavailable."""


class Notifications(Protocol):
    """Who takes in what a bank says about its account."""

    async def take_in(self, source: RailVoucher, content: bytes) -> object:
        """Takes in a notification; raises EvidenceRefused for one that can never be used, else a DomainError."""


class Returns(Protocol):
    """Who gives clients back what a bank has returned."""

    async def prepare(
        self, source: RailVoucher, digest: bytes, message_id: str, returned: Sequence[ReturnedPayment]
    ) -> list[tuple[bytes, Any]]:
        """Returns streams and events by which the money of returned payments is posted, once each, when recorded.

        Raises AuthorisationRefused where nobody vouches, PrincipalSuspended, BookAccountMissing, CustodyUnavailable,
        IdentityUnavailable, KeysUnavailable.
        """


class Rail(Protocol):
    """The way to the bank and back; every call blocks and may raise OSError."""

    def deliver(self, message_id: str, content: bytes) -> str | None:
        """Puts a message where the bank takes it, unless it is there or was taken already; returns a receipt.

        The first to come under a message id is the message, for ever. Returns None where it was withdrawn: the bank
        never has it. Raises RailContradiction where it is another.
        """

    def withdraw(self, message_id: str) -> bool:
        """Puts a tombstone where a message would stand, for ever; tells whether one stands there now.

        False where something else was first: then the bank has the message, or is about to take it.
        """

    def has(self, message_id: str) -> bool:
        """Tells whether a message is where the bank takes it, or was taken already."""

    def pending(self) -> Sequence[str]:
        """Returns the names of the bank's files that were not put away yet, oldest first."""

    def read(self, name: str) -> bytes:
        """Returns the bytes of one of them."""

    def archive(self, name: str) -> None:
        """Puts away a file whose content is committed."""

    def refuse(self, name: str) -> None:
        """Puts aside a file that cannot be used."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A message under a data key, which only the key service can unwrap."""

    wrapped_key: str
    envelope: bytes = field(repr=False)


class Seals(Protocol):
    """Seals whole messages: they name many people, and outlive the erasure of one of them until they are delivered."""

    async def seal(self, message: bytes, field: str, content: bytes) -> Sealed:
        """Seals what belongs to a message (16 bytes) in a place; raises VaultUnavailable."""

    async def unseal(self, message: bytes, field: str, sealed: Sealed) -> bytes:
        """Returns the content; raises VaultUnavailable, and EnvelopeBroken for what was not sealed there."""


class Outbox(Protocol):
    """Messages that were decided on, kept until the bank has them. Reading blocks and raises StoreUnavailable."""

    def put(self, message_id: str, sealed: Sealed) -> Within:
        """Returns what keeps a message, to be committed with the decision to send it."""

    def load(self, message_id: str) -> Sealed | None:
        """Returns a message that waits, None once the bank has it.

        Raises KeyError for one that was decided on before there was an outbox.
        """

    def delivered(self, message_ids: Sequence[str], receipt: str) -> Within:
        """Returns what records a receipt and drops the content, to be committed with the news that it was sent."""


class Outcome(StrEnum):
    """What became of a file of the bank."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class Received(Protocol):
    """The bank's files as they came, kept until it is decided on them. Calls block and raise StoreUnavailable."""

    def outcome(self, file_id: bytes) -> Outcome | None:
        """Returns what became of a file; None where that is open; raises KeyError for one that is not kept."""

    def keep(self, file_id: bytes, sealed: Sealed) -> None:
        """Keeps a file that has come, once."""

    def undecided(self) -> list[bytes]:
        """Returns the files on which nothing is decided, the oldest first."""

    def load(self, file_id: bytes) -> Sealed:
        """Returns one of them; raises KeyError when it is decided meanwhile."""

    def decide(self, file_id: bytes, outcome: Outcome) -> None:
        """Records what became of a file, and drops its content."""


class SettlementDays(Protocol):
    """Knows business days."""

    def settlement_day(self, tenant: bytes, ledger: int, now_ns: int) -> int:
        """Returns the day on which a platform's payment in a currency settles that is sent at UTC nanoseconds.

        Days count from 1970-01-01. Raises CalendarYearMissing.
        """


@dataclass(frozen=True, slots=True, repr=False)
class Payer:
    """Who a payer is, as registered; texts may be empty but for the name. Nothing of it shows in a representation.

    `identification` is a number that a register, or the custodian, knows the payer by: `scheme` is its ISO 20022 code.
    """

    name: str
    address: str = ""
    postal_address: PostalAddress = NO_ADDRESS
    identification: str = ""
    scheme: str = ""
    issuer: str = ""
    is_company: bool = False


class Payers(Protocol):
    """Who payers are."""

    async def registered(self, tenant: bytes, owners: Collection[bytes]) -> dict[bytes, Payer]:
        """Returns the owners of accounts of a tenant, itself among them; an erased one is left out.

        Raises IdentityUnavailable.
        """


@dataclass(frozen=True, slots=True)
class OutgoingPayment:
    """A payment for the bank, in clear; `carried` is what is told beside, by the paths of its elements."""

    transaction_id: str
    end_to_end_id: str
    amount_minor: int
    currency: str
    settlement_day: int
    debtor_name: str
    debtor_iban: str
    creditor_name: str
    creditor_iban: str
    remittance: str
    uetr: str
    instruction_identification: str
    carried: Carried


@dataclass(frozen=True, slots=True)
class BankAnswers:
    """What a pacs.002 or pacs.004 says of payments sent; final answers only. `message_id` is the bank's."""

    digest: bytes
    message_id: str
    replies: tuple[BankReply, ...]


class BankFiles(Protocol):
    """Writes pacs.008, reads pacs.002 and pacs.004; pure, blocking."""

    def write_payments(self, message_id: str, created_ns: int, payments: Sequence[OutgoingPayment]) -> bytes:
        """Writes a pacs.008."""

    def read_answers(self, content: bytes) -> BankAnswers | None:
        """Reads a pacs.002 or pacs.004; returns None for another file. Raises EvidenceUnreadable."""
