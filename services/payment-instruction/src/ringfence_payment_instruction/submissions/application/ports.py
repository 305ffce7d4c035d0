"""What payment-instruction asks of others. Adapters answer; tests answer with fakes of these."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from ringfence_payment_instruction.deposits.domain.evidence import BankEntry, BankReply
from ringfence_payment_instruction.settlement.domain.transfers import PlannedTransfer
from ringfence_payment_instruction.submissions.domain.orders import Alias, Order


@dataclass(frozen=True, slots=True)
class Submitter:
    """An authenticated caller who hands something in. Token and certificate prove it to identity."""

    subject: bytes
    tenant: bytes | None
    access_token: str = field(default="", repr=False)
    certificate_sha256: bytes = b""


@dataclass(frozen=True, slots=True)
class Authorisation:
    """Identity's word, for one tenant, that custody accepts from this service alone."""

    token: str = field(repr=False)
    expires_ns: int


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Data keys by subject, 32 bytes each; a subject without one is erased or unknown."""

    keys: Mapping[bytes, bytes] = field(repr=False)
    blind_index_key: bytes = field(repr=False)


class Identity(Protocol):
    """Who may order, whose IBANs these are, and the keys of personal data."""

    async def resolve(self, ibans: Sequence[str]) -> dict[str, Alias]:
        """Returns what IBANs stand for; unknown ones are left out. Raises IdentityUnavailable."""

    async def keys(self, subjects: Collection[bytes]) -> KeyRing:
        """Returns the data keys of subjects, made where a known subject has none yet. Raises KeysUnavailable."""

    async def authorise(
        self, submitter: Submitter, tenant: bytes, submission_id: bytes, digest: bytes
    ) -> Authorisation:
        """Returns the authorisation to act on a submission later; raises IdentityUnavailable, AuthorisationRefused."""


@dataclass(frozen=True, slots=True)
class BookAccounts:
    """A book's accounts without an owner, by ledger."""

    mirrors: Mapping[int, bytes]
    suspense: Mapping[int, bytes]


class Custody(Protocol):
    """The ledger."""

    async def create_transfers(self, tenant: bytes, token: str, transfers: Sequence[PlannedTransfer]) -> list[str]:
        """Returns custody's result name per transfer, lower case, after its commit.

        Raises CustodyUnavailable, AuthorisationRefused; the same transfers may then be asked for again.
        """

    async def book_accounts(self, tenant: bytes, token: str, *, fresh: bool = False) -> BookAccounts:
        """Returns the book's bank mirrors and suspense accounts; errors as above."""


class RailVoucher(Protocol):
    """Who vouches for what the rail brings."""

    async def submitter(self) -> Submitter:
        """Returns the bank's principal; raises AuthorisationRefused where there is none, IdentityUnavailable."""


class Rail(Protocol):
    """The way to the bank and back; every call blocks and may raise OSError."""

    def send(self, message_id: str, content: bytes) -> Any:
        """Hands a message over; the same message id hands over the same message."""

    def pending(self) -> Sequence[str]:
        """Returns the names of the bank's files that were not archived yet, oldest first."""

    def read(self, name: str) -> bytes:
        """Returns the bytes of one of them."""

    def archive(self, name: str) -> None:
        """Puts away a file whose content is committed."""

    def refuse(self, name: str) -> None:
        """Puts aside a file that cannot be used."""


class Verdict(NamedTuple):
    """What a status report says of one transaction: ISO status, and ISO reason code with a text, or empty."""

    iso_status: str
    iso_reason: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class OrderFile:
    """A payment initiation that can be taken in; `original` is the file as its reader knows it."""

    message_id: str
    message_name: str
    digest: bytes
    orders: tuple[Order, ...]
    original: Any

    def refused(self, refusal: FileRefusal) -> RefusedFile:
        """Returns the file as a refused one."""
        return RefusedFile(self.message_id, self.message_name, self.digest, refusal)


class FileRefusal(NamedTuple):
    """Why a file is refused whole: our reason, the ISO code, and a text without any value of the file."""

    reason: str
    iso_reason: str
    text: str


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A payment initiation that is refused whole; ids are NOTPROVIDED where they could not be read."""

    message_id: str
    message_name: str
    digest: bytes
    refusal: FileRefusal


@dataclass(frozen=True, slots=True)
class OutgoingPayment:
    """A payment for the bank, in clear."""

    transaction_id: str
    end_to_end_id: str
    amount_minor: int
    currency: str
    settlement_day: int
    debtor_name: str
    debtor_iban: str
    creditor_name: str
    creditor_iban: str
    creditor_agent_bic: str
    remittance: str


@dataclass(frozen=True, slots=True)
class BankFile:
    """What a bank's file says: answers to payments, or entries of its account."""

    message_id: str
    digest: bytes
    replies: tuple[BankReply, ...]
    entries: tuple[BankEntry, ...]


class PaymentFiles(Protocol):
    """Reads and writes the messages of ISO 20022; pure, blocking."""

    def read_orders(self, content: bytes, identify: Callable[[str, int], bytes]) -> OrderFile | RefusedFile:
        """Reads a pain.001; `identify(message id, position)` gives each transaction its instruction id."""

    def report(self, file: OrderFile, verdicts: Sequence[Verdict], message_id: str, created_ns: int) -> bytes:
        """Writes the pain.002 of a file that was taken in."""

    def report_refusal(self, file: RefusedFile, message_id: str, created_ns: int) -> bytes:
        """Writes the pain.002 of a file that was refused."""

    def write_payments(self, message_id: str, created_ns: int, payments: Sequence[OutgoingPayment]) -> bytes:
        """Writes a pacs.008."""

    def read_bank_file(self, content: bytes) -> BankFile:
        """Reads a pacs.002 or camt.054; raises EvidenceUnreadable."""
