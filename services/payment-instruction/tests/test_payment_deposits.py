"""Bank notifications: money that came in, and payments that went out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_payment_instruction.deposits.domain.confirming import booked
from ringfence_payment_instruction.deposits.domain.events import EvidenceReceived
from ringfence_payment_instruction.deposits.domain.evidence import (
    CREDITOR_UNKNOWN,
    BankEntry,
    Disposition,
    EvidenceFile,
    Outcome,
    entry_digest,
    evidence_stream,
    row_id,
)
from ringfence_payment_instruction.deposits.domain.matching import MatchedEntry, payment_at
from ringfence_payment_instruction.deposits.domain.posting import plan_deposits, posted
from ringfence_payment_instruction.rail.domain.replies import answered, dispatched
from ringfence_payment_instruction.screening.domain.lists import Screening
from ringfence_payment_instruction.settlement.domain.settling import transferred
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.named import PaymentNames, payments_named
from ringfence_payment_instruction.submissions.domain.orders import Alias
from ringfence_payment_instruction.submissions.domain.past import InstructionRef
from ringfence_payment_instruction.submissions.domain.status import Directive, Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import transfer_id_of
from ringfence_payment_instruction.submissions.domain.transitions import Step, directed, moved

NO_LISTS = Screening({}, 0)
ENTRY = BankEntry("BANK", "REF-1", 50_00, "EUR", "CRDT", False, "BOOK", 20_000, creditor_iban="CLIENT")
SUSPENSE = {978: b"s" * 16}


@pytest.fixture
def aliases(make_id: Callable[[str], bytes]) -> dict[str, Alias]:
    """A safeguarding account and one client of the same tenant, and a client of another."""
    tenant = make_id("platform")
    return {
        "BANK": Alias(tenant, make_id("mirror"), bytes(16), True),
        "CLIENT": Alias(tenant, make_id("client account"), make_id("client"), False),
        "FOREIGN": Alias(make_id("other"), make_id("foreign account"), make_id("foreigner"), False),
        "ERASED": Alias(tenant, bytes(16), tenant, False, erased=True),
    }


def found(aliases: dict[str, Alias], *entries: BankEntry) -> list[MatchedEntry]:
    """Returns the rows of money that came in, for the client whom they name or for suspense."""
    rows = []
    for number, entry in enumerate(entries):
        client = aliases["CLIENT"] if entry.creditor_iban == "CLIENT" else None
        disposition = Disposition.CREDIT_CLIENT if client else Disposition.CREDIT_SUSPENSE
        row = row_id(bytes(15) + bytes([number]), 0, disposition)
        reason = "" if client else CREDITOR_UNKNOWN
        mirror = aliases["BANK"]
        rows.append(MatchedEntry(row, entry_digest(entry), entry, mirror, disposition, client, reason=reason))
    return rows


def received(matched: list[Any]) -> EvidenceReceived:
    """Returns the event of matched entries."""
    count = len(matched)
    return EvidenceReceived(
        tenant=matched[0].mirror.tenant,
        evidence_id=b"f" * 16,
        digest=b"f" * 32,
        message_id="MSG",
        source=bytes(16),
        authorisation="token",
        authorisation_expires_ns=0,
        entry_ids=b"".join(each.id for each in matched),
        entry_digests=b"".join(each.digest for each in matched),
        references=tuple(each.entry.reference for each in matched),
        purposes=bytes(each.disposition for each in matched),
        mirror_accounts=b"".join(each.mirror.account_id for each in matched),
        client_accounts=b"".join(each.client.account_id if each.client else bytes(16) for each in matched),
        owners=b"".join(each.owner for each in matched),
        instruction_ids=bytes(16 * count),
        amounts_minor=pack("Q", [each.entry.amount_minor for each in matched]),
        ledgers=pack("H", [978] * count),
        value_days=pack("i", [each.entry.value_day for each in matched]),
        reasons=tuple(each.reason for each in matched),
        sealed=(b"sealed",) * count,
    )


def take_in(history: Any, aliases: dict[str, Alias], *entries: BankEntry) -> Any:
    """Records the entries and returns their file."""
    event = received(found(aliases, *entries))
    stream = evidence_stream(event.tenant, event.digest, 0)
    history.record(stream, [event])
    return history.deposits.file(stream) or EvidenceFile(stream, len(history.log), event)


def test_a_deposit_credits_the_client_that_its_iban_names(history: Any, aliases: dict[str, Alias]) -> None:
    """From the bank mirror to the client's account, with the bank's value date."""
    file = take_in(history, aliases, ENTRY)
    planned = plan_deposits(file, SUSPENSE)[0]
    assert planned.debit_account == aliases["BANK"].account_id
    assert planned.credit_account == aliases["CLIENT"].account_id
    assert (planned.amount_minor, planned.value_day) == (50_00, 20_000)
    history.record(file.stream, posted(file, {0: (False, "created")}))
    assert file.outcomes[0] == Outcome.CREDITED
    assert file.waiting() == []


def test_a_client_account_that_refuses_sends_the_money_to_suspense(history: Any, aliases: dict[str, Alias]) -> None:
    """The reason is kept, and the second transfer has an id of its own."""
    file = take_in(history, aliases, ENTRY)
    first = plan_deposits(file, SUSPENSE)[0]
    history.record(file.stream, posted(file, {0: (False, "credit_account_already_closed")}))
    second = plan_deposits(file, SUSPENSE)[0]
    assert file.reasons[0] == reasons.ACCOUNT_CLOSED
    assert (second.credit_account, second.id == first.id) == (SUSPENSE[978], False)
    history.record(file.stream, posted(file, {0: (True, "exists")}))
    assert file.outcomes[0] == Outcome.SUSPENDED
    assert history.replayed().digest() == history.state.digest()


def test_without_a_suspense_account_the_entry_waits(history: Any, aliases: dict[str, Alias]) -> None:
    """Nothing is planned, nothing is lost."""
    file = take_in(history, aliases, replace(ENTRY, creditor_iban=""))
    assert plan_deposits(file, {}) == {}
    assert file.waiting() == [0]


@pytest.fixture
def sent_payment(history: Any, aliases: dict[str, Alias]) -> tuple[Any, BankEntry]:
    """A payment of 100.00 EUR that is with the bank, and the debit entry that shows it."""
    submission = history.submit("one", creditor=bytes(16))
    for status in (Status.SCREENED, Status.RESERVED):
        history.record(submission.stream, moved(submission, "test", [Step(0, status)]))
    history.record(submission.stream, directed(submission, Directive.SEND, [0], reference="MSG"))
    history.record(submission.stream, dispatched(submission, "MSG", [0]))
    transaction_id = transfer_id_of(submission.tenant, submission.instruction_id(0)).hex()
    return submission, replace(ENTRY, credit_debit="DBIT", amount_minor=100_00, transaction_id=transaction_id)


def payment_of(history: Any, debit: BankEntry) -> InstructionRef:
    """Returns the payment that a debit names."""
    (ref,) = payments_named(history.submissions, PaymentNames(transaction_id=debit.transaction_id))
    return ref


def test_a_payment_is_due_on_the_account_until_it_was_seen_there(
    history: Any, sent_payment: tuple[Any, BankEntry]
) -> None:
    """Its transfer and its money are known by the transaction id; once booked it is not due again."""
    submission, debit = sent_payment
    history.record(submission.stream, answered(submission, [0], {}, b"e" * 32, "MSG"))
    history.record(submission.stream, transferred(submission, {0: (Stage.CONFIRM, "created")})[0])
    payment = payment_at(history.submissions, payment_of(history, debit))
    assert (payment.amount_minor, payment.currency, payment.is_due) == (100_00, "EUR", True)
    assert payment.transfer_id.hex() == debit.transaction_id
    assert payments_named(history.submissions, PaymentNames(transaction_id="another")) == []
    history.record(submission.stream, booked(submission, [payment.ref.index], b"e" * 32, ZERO_ID))
    assert history.status(submission) is Status.RECONCILED
    assert not payment_at(history.submissions, payment.ref).is_due


def test_a_payment_that_the_bank_refused_is_not_due(history: Any, sent_payment: tuple[Any, BankEntry]) -> None:
    """The money is on its way back to the payer: what the bank took all the same must be seen."""
    submission, debit = sent_payment
    history.record(submission.stream, answered(submission, [], {0: "AC04"}, b"e" * 32, "MSG"))
    payment = payment_at(history.submissions, payment_of(history, debit))
    assert not payment.is_due
