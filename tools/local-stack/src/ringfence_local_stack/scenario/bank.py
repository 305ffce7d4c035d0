"""The bank, played by the caller: what it tells about an account, what it is sent, and what it answers."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

from ringfence.client import Client
from ringfence.payments import EvidenceAnswer

from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.sandbox.birth import spool_folder
from ringfence_local_stack.scenario import messages
from ringfence_local_stack.scenario.account import Account
from ringfence_local_stack.scenario.messages import SentPayment
from ringfence_local_stack.scenario.payment import Payment, Status
from ringfence_local_stack.scenario.people import Customer
from ringfence_local_stack.scenario.waiting import StillWaiting, eventually, fresh

_NOTHING = (b"", b"withdrawn\n")
"""What stands in the place of a message that was taken before, or taken back."""
_SENT = (Status.SENT, Status.SETTLED, Status.RECONCILED, Status.FAILED, Status.UNKNOWN)


class Bank:
    """A platform's account at a bank: the mirror in the book, its IBAN, and the principal that speaks for the bank."""

    def __init__(self, directory: Path, mirror: Account, iban: str, feed: Client) -> None:
        self.mirror, self.iban, self.feed = mirror, iban, feed
        self._spool = spool_folder(directory)

    @property
    def holds_minor(self) -> int:
        """What the book says that the bank holds."""
        return -self.mirror.posted_minor

    def notification(self, *entries: Element, message_id: str = "", copy: str = "") -> bytes:
        """A camt.054 about this account."""
        return messages.notification(self.iban, entries, message_id=message_id, copy=copy)

    def hand_in(self, content: bytes) -> EvidenceAnswer:
        """Hands a notification in as the bank's feed, and waits until it is posted."""
        return self.feed.payments.submit_evidence(content)

    def tell(self, *entries: Element, copy: str = "") -> EvidenceAnswer:
        """Hands in a notification of these entries under new ids."""
        return self.hand_in(self.notification(*entries, copy=copy))

    def deposit(self, customer: Customer, amount_minor: int, payer: str = "A Payer") -> EvidenceAnswer:
        """Money comes in for a customer, under a reference of its own."""
        currency, reference = self.mirror.currency, fresh("R")
        return self.tell(
            messages.entry(amount_minor, customer.iban, reference=reference, payer=payer, currency=currency)
        )

    def lay_in(self, content: bytes, seconds: float = 10.0) -> str:
        """Lays a file into the rail's inbox; tells where it went: "archive", "refused", or still "inbox"."""
        name = f"{fresh()}.xml"
        inbox = private_folder(self._spool / "inbox")
        hidden = inbox / f".{name}"
        hidden.write_bytes(content)
        hidden.rename(inbox / name)
        eventually(lambda: self._place_of(name) not in ("", "inbox"), seconds)
        return self._place_of(name)

    def sent(self, payment: Payment, seconds: float = 10.0) -> tuple[bytes, SentPayment]:
        """The pacs.008 that carries a payment, and the payment in it; the bank takes it, and leaves an empty file.

        Raises StillWaiting where the payment is not sent.
        """
        transaction = payment.wait_for(*_SENT, seconds=seconds).transfer_id
        assert transaction is not None
        taken = private_folder(self._spool / "taken")
        for folder in (self._spool / "outbox", taken):
            for file in folder.glob("*.xml"):
                if (content := file.read_bytes()) in _NOTHING:
                    continue
                for each in messages.sent_payments(content):
                    if each.transaction_id == transaction.hex:
                        write_private(taken / file.name, content.decode())
                        if folder != taken:
                            write_private(file, "")
                        return content, each
        raise StillWaiting("no file in the outbox carries the payment: does a simulated bank take them?")

    def answer(self, payment: Payment, status: str, reason: str = "") -> str:
        """Answers a payment by a pacs.002, for instance ACSC, or RJCT with AC04; tells where the file went."""
        _, sent = self.sent(payment)
        row = messages.report_row(
            status, transaction_id=sent.transaction_id, end_to_end_id=sent.end_to_end_id, reason=reason
        )
        return self.lay_in(messages.status_report(sent.message_id, [row]))

    def _place_of(self, name: str) -> str:
        """The folder in which a file is now; the empty text in the moment of its move."""
        folders = ("archive", "refused", "inbox")
        return next((folder for folder in folders if any((self._spool / folder).glob(f"*{name}"))), "")
