"""Letters of the sandbox's bank: whoever opens a bank mirror has two operators register that it is countersigned."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from ringfence.client import Client
from ringfence.identity import require_done
from ringfence.ids import external_id
from ringfence.ledger import AccountStatus
from ringfence.registers import NewBank

BIC = "SANDDEFFXXX"
TEMPLATE = "sandbox 1"
TEXT_SHA256 = sha256(b"acknowledgement letter of the sandbox").digest()
WHOLE = 10_000
_YEAR = timedelta(days=365)


def countersign(operators: tuple[Client, Client], book_id: UUID, account_ids: Sequence[UUID]) -> None:
    """Has a letter of each mirror that waits for one sent and countersigned; the same again changes nothing.

    A release without letters opens mirrors active, and none waits.
    """
    first, second = operators
    found = first.custody.accounts(account_ids, book_id)
    waiting = [each.id for each in found if each.status is AccountStatus.PENDING_LETTER]
    if not waiting:
        return
    today = datetime.now(UTC).date()
    if BIC not in [each.bic for each in first.registers.banks()]:
        bank = NewBank(
            bic=BIC,
            name="Bank of the sandbox",
            country="DE",
            due_diligence=today,
            review=today + _YEAR,
            concentration_basis_points=WHOLE,
            document_sha256=TEXT_SHA256,
        )
        _agree(second, [first.registers.register_bank(bank)])
    letters = {each: external_id("sandbox.letter", book_id, str(each)) for each in waiting}
    sent = [
        first.registers.send_letter(
            letter, book_id, account, bic=BIC, template_version=TEMPLATE, template_sha256=TEXT_SHA256, sent=today
        )
        for account, letter in letters.items()
    ]
    _agree(second, sent)
    signed = [
        first.registers.countersign_letter(
            letter, countersigned=today, document_sha256=TEXT_SHA256, review=today + _YEAR
        )
        for letter in letters.values()
    ]
    _agree(second, signed)


def _agree(second: Client, proposals: Sequence[UUID | None]) -> None:
    waiting = [each for each in proposals if each is not None]
    if waiting:
        require_done(second.proposals["custody"].confirm(waiting))
