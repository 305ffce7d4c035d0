"""What the rail asks of others. Adapters answer; tests answer with fakes of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ringfence_kernel.access.caller import Caller

from ringfence_payment_instruction.rail.domain.replies import BankReply


class RailVoucher(Protocol):
    """Who vouches for what the rail brings."""

    async def caller(self) -> Caller:
        """Returns the bank's principal; raises AuthorisationRefused where there is none, IdentityUnavailable."""


class Notifications(Protocol):
    """Who takes in what a bank says about its account."""

    async def take_in(self, source: RailVoucher, content: bytes) -> object:
        """Takes in a notification; raises EvidenceRefused for one that can never be used, else a DomainError."""


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
class BankAnswers:
    """What a pacs.002 says of payments sent; final answers only."""

    digest: bytes
    replies: tuple[BankReply, ...]


class BankFiles(Protocol):
    """Writes pacs.008 and reads pacs.002; pure, blocking."""

    def write_payments(self, message_id: str, created_ns: int, payments: Sequence[OutgoingPayment]) -> bytes:
        """Writes a pacs.008."""

    def read_answers(self, content: bytes) -> BankAnswers | None:
        """Reads a pacs.002; returns None for a file that is none. Raises EvidenceUnreadable."""
