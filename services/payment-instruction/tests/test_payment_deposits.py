"""Bank notifications: money that came in, and payments that went out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_payment_instruction.deposits.domain.confirming import booked, by_submission
from ringfence_payment_instruction.deposits.domain.errors import BankAccountUnknown
from ringfence_payment_instruction.deposits.domain.events import EvidenceReceived
from ringfence_payment_instruction.deposits.domain.evidence import (
    CREDITOR_UNKNOWN,
    PAYER_ON_SANCTIONS_LIST,
    BankEntry,
    Disposition,
    EvidenceFile,
    Outcome,
    evidence_stream,
)
from ringfence_payment_instruction.deposits.domain.matching import Matcher, Matching
from ringfence_payment_instruction.deposits.domain.posting import plan_deposits, posted
from ringfence_payment_instruction.rail.domain.replies import answered, dispatched
from ringfence_payment_instruction.screening.domain.lists import SanctionsList, Screening
from ringfence_payment_instruction.screening.domain.names import fingerprint
from ringfence_payment_instruction.settlement.domain.settling import transferred
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.errors import EvidenceConflict
from ringfence_payment_instruction.submissions.domain.orders import Alias
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


def match(history: Any, entries: Sequence[BankEntry], aliases: dict[str, Alias], lists: Screening) -> Matching:
    """Returns what a file's entries are good for, by what the history knows."""

    def blocked_for(entry: BankEntry) -> str:
        return PAYER_ON_SANCTIONS_LIST if lists.hit([entry.debtor_name]) else ""

    return Matcher(history.deposits, history.submissions, aliases, blocked_for).match(entries)


def found(history: Any, aliases: dict[str, Alias], *entries: BankEntry, lists: Screening = NO_LISTS) -> list[Any]:
    """Returns what the entries match."""
    matching = match(history, entries, aliases, lists)
    return [each for group in matching.by_tenant.values() for each in group]


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
    event = received(found(history, aliases, *entries))
    stream = evidence_stream(event.tenant, event.digest)
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


@pytest.mark.parametrize("iban", ["", "NOBODY", "FOREIGN", "BANK", "ERASED"])
def test_what_cannot_be_matched_goes_to_suspense(history: Any, aliases: dict[str, Alias], iban: str) -> None:
    """No IBAN, an unknown one, another tenant's client, the bank account itself, an erased client: all suspense."""
    (matched,) = found(history, aliases, replace(ENTRY, creditor_iban=iban))
    assert (matched.disposition, matched.reason) == (Disposition.CREDIT_SUSPENSE, CREDITOR_UNKNOWN)
    file = take_in(history, aliases, replace(ENTRY, creditor_iban=iban))
    assert plan_deposits(file, SUSPENSE)[0].credit_account == SUSPENSE[978]


def test_a_payer_on_a_list_goes_to_suspense(history: Any, aliases: dict[str, Alias]) -> None:
    """Money of a listed person is kept apart from the client it was meant for."""
    lists = Screening({"UN": SanctionsList(b"", 0, {fingerprint("Bad Actor"): ("1",)})}, 0)
    (matched,) = found(history, aliases, replace(ENTRY, debtor_name="ACTOR, Bad"), lists=lists)
    assert (matched.disposition, matched.reason) == (Disposition.CREDIT_SUSPENSE, PAYER_ON_SANCTIONS_LIST)


def test_the_same_entry_in_another_file_is_a_duplicate(history: Any, aliases: dict[str, Alias]) -> None:
    """Known by account and reference, also twice in one file."""
    take_in(history, aliases, ENTRY)
    matching = match(history, [ENTRY, replace(ENTRY, reference="REF-2")] * 2, aliases, NO_LISTS)
    assert (len(matching.by_tenant[aliases["BANK"].tenant]), matching.duplicates) == (1, 3)


def test_a_reference_with_another_amount_is_refused(history: Any, aliases: dict[str, Alias]) -> None:
    """A bank that contradicts itself is not believed."""
    take_in(history, aliases, ENTRY)
    with pytest.raises(EvidenceConflict):
        found(history, aliases, replace(ENTRY, amount_minor=51_00))


@pytest.mark.parametrize("account", ["CLIENT", "NOBODY"])
def test_only_safeguarding_accounts_have_evidence(history: Any, aliases: dict[str, Alias], account: str) -> None:
    """A notification about any other account is refused whole."""
    with pytest.raises(BankAccountUnknown):
        found(history, aliases, replace(ENTRY, account_iban=account))


@pytest.mark.parametrize("changes", [{"status": "PDNG"}, {"status": "INFO"}])
def test_what_is_not_booked_is_not_taken_in(history: Any, aliases: dict[str, Alias], changes: dict[str, Any]) -> None:
    """Announced money is no money."""
    assert found(history, aliases, replace(ENTRY, **changes)) == []


@pytest.mark.parametrize("changes", [{"reversal": True}, {"credit_debit": "DBIT"}])
def test_booked_entries_that_are_not_ours_are_kept_for_reconciliation(
    history: Any, aliases: dict[str, Alias], changes: dict[str, Any]
) -> None:
    """They are recorded, and nothing is posted."""
    file = take_in(history, aliases, replace(ENTRY, **changes))
    assert file.event.purposes == bytes([Disposition.UNMATCHED])
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


@pytest.mark.parametrize("changes", [{}, {"currency": "USD"}, {"amount_minor": 100_01}, {"reversal": True}])
def test_a_debit_confirms_the_same_money_only(
    history: Any, aliases: dict[str, Alias], sent_payment: tuple[Any, BankEntry], changes: dict[str, Any]
) -> None:
    """Another currency, another amount or a reversal is none of that payment's."""
    (matched,) = found(history, aliases, replace(sent_payment[1], **changes))
    assert matched.disposition is (Disposition.UNMATCHED if changes else Disposition.CONFIRM)


def test_one_file_confirms_a_payment_once(
    history: Any, aliases: dict[str, Alias], sent_payment: tuple[Any, BankEntry]
) -> None:
    """The bank's second debit of one file is left for reconciliation, and the first counts."""
    submission, debit = sent_payment
    history.record(submission.stream, answered(submission, [0], {}, b"e" * 32, "MSG"))
    history.record(submission.stream, transferred(submission, {0: (Stage.CONFIRM, "created")})[0])
    matched = found(history, aliases, debit, replace(debit, reference="REF-2"))
    assert [each.disposition for each in matched] == [Disposition.CONFIRM, Disposition.UNMATCHED]
    for stream, indexes in by_submission(matched).items():
        history.record(stream, booked(history.submissions.known(stream), indexes, b"e" * 32, ZERO_ID))
    assert history.status(submission) is Status.RECONCILED


def test_a_debit_for_a_payment_that_the_bank_refused_is_left_for_reconciliation(
    history: Any, aliases: dict[str, Alias], sent_payment: tuple[Any, BankEntry]
) -> None:
    """The money is on its way back to the payer: what the bank took all the same must be seen."""
    submission, debit = sent_payment
    history.record(submission.stream, answered(submission, [], {0: "AC04"}, b"e" * 32, "MSG"))
    (matched,) = found(history, aliases, debit)
    assert matched.disposition is Disposition.UNMATCHED
