"""An instruction's way through the history."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.money import MAX_AMOUNT_MINOR
from ringfence_kernel.writing.journal import Journal
from ringfence_payment_instruction.deposits.domain.confirming import booked
from ringfence_payment_instruction.limits.domain.bounds import Bounds, InstallationLimits
from ringfence_payment_instruction.rail.domain.replies import answered, contradicted, dispatched
from ringfence_payment_instruction.screening.domain.deciding import screened
from ringfence_payment_instruction.settlement.adapters.custody_client import RESULTS
from ringfence_payment_instruction.settlement.domain.settling import MirrorMissing, plan, transferred
from ringfence_payment_instruction.settlement.domain.transfers import (
    _OTHER_REFUSALS,
    _REFUSALS,
    DONE,
    TransferKind,
    is_known,
)
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.days import LocalDays
from ringfence_payment_instruction.submissions.domain.deadlines import Patience, overdue
from ringfence_payment_instruction.submissions.domain.errors import SubmissionConflict
from ringfence_payment_instruction.submissions.domain.receiving import NewSubmission, receive
from ringfence_payment_instruction.submissions.domain.status import TRANSITIONS, Directive, Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.transitions import Step, directed

from .deciding import decided, review

LIMITS = InstallationLimits({978: Bounds(1_000_00, MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR)})
PATIENCE = Patience(for_approval_ns=3_600 * 10**9, for_bank_ns=86_400 * 10**9)
MIRRORS = {978: b"m" * 16}
FEED = b"feed of the bank"
EVIDENCE = b"e" * 32


def screen(history: Any, submission: Submission) -> None:
    """Screens every row that waits for it, all clean."""
    outcomes: dict[int, Step | None] = dict.fromkeys(submission.at_stage(Stage.SCREEN))
    history.record(
        submission.stream, screened(submission, outcomes, review(history, LIMITS, submission), history.now_ns, EVIDENCE)
    )


def custody(history: Any, submission: Submission, result: str = "created") -> None:
    """Answers everything that custody is asked for with one result."""
    results = {
        index: (submission.stages[index], result)
        for index in range(len(submission))
        if submission.stages[index] in (Stage.TRANSFER, Stage.RELEASE, Stage.CONFIRM, Stage.RETURN)
    }
    history.record(submission.stream, transferred(submission, results)[0])


def send(history: Any, submission: Submission, message_id: str = "MSG") -> None:
    """Directs and dispatches everything reserved."""
    ready = list(submission.at_stage(Stage.SEND))
    history.record(submission.stream, directed(submission, Directive.SEND, ready, reference=message_id))
    history.record(submission.stream, dispatched(submission, message_id, ready))


def steps_of(history: Any, index: int = 0) -> list[Status]:
    """Returns the states that one row went through, as events tell it."""
    found = [Status.RECEIVED]
    for recorded in history.log:
        if type(recorded.event).__name__ == "InstructionsAdvanced":
            rows = [int.from_bytes(recorded.event.indexes[at : at + 4], "big") for at in
                    range(0, len(recorded.event.indexes), 4)]  # fmt: skip
            found += [Status(s) for row, s in zip(rows, recorded.event.statuses, strict=True) if row == index]
    return found


def test_a_payment_inside_the_book_settles(history: Any) -> None:
    """Received, validated, authenticated, screened, reserved, settled: in this order and in three events."""
    submission = history.submit("one")
    screen(history, submission)
    assert plan(submission, 0, {}).kind is TransferKind.PLAIN
    custody(history, submission)
    assert steps_of(history) == [
        Status.RECEIVED, Status.VALIDATED, Status.AUTHENTICATED, Status.SCREENED, Status.RESERVED, Status.SETTLED,
    ]  # fmt: skip


def test_a_payment_by_the_bank_settles_on_the_banks_word(history: Any, external: bytes) -> None:
    """Money that leaves is set aside, sent, and posted when the bank confirms."""
    submission = history.submit("one", creditor=external)
    screen(history, submission)
    reserve = plan(submission, 0, MIRRORS)
    custody(history, submission)
    send(history, submission)
    assert history.status(submission) is Status.SENT
    history.record(submission.stream, answered(submission, [0], {}, EVIDENCE, "MSG"))
    post = plan(submission, 0, MIRRORS)
    custody(history, submission)
    assert history.status(submission) is Status.SETTLED
    assert (reserve.kind, post.kind) == (TransferKind.PENDING, TransferKind.POST)
    assert post.pending_id == reserve.id != post.id
    history.record(submission.stream, booked(submission, [0], EVIDENCE, FEED))
    assert history.status(submission) is Status.RECONCILED


def test_a_payment_that_the_bank_refuses_fails_and_frees_the_money(history: Any, external: bytes) -> None:
    """The reservation is voided before the state says FAILED, and the bank's own code is kept."""
    submission = history.submit("one", creditor=external)
    screen(history, submission)
    custody(history, submission)
    send(history, submission)
    history.record(submission.stream, answered(submission, [], {0: "AC04"}, EVIDENCE, "MSG"))
    assert history.status(submission) is Status.SENT
    assert plan(submission, 0, MIRRORS).kind is TransferKind.VOID
    custody(history, submission)
    assert history.status(submission) is Status.FAILED
    assert reasons.iso_reason(submission.reasons[0], submission.details[0]) == "AC04"


def test_the_bank_may_answer_before_sent_is_noted(history: Any, external: bytes) -> None:
    """A reply to a message that is still being dispatched proves that it was sent."""
    submission = history.submit("one", creditor=external)
    screen(history, submission)
    custody(history, submission)
    history.record(submission.stream, directed(submission, Directive.SEND, [0], reference="MSG"))
    history.record(submission.stream, answered(submission, [0], {}, EVIDENCE, "MSG"))
    assert (history.status(submission), submission.stages[0]) == (Status.SENT, Stage.CONFIRM)
    assert dispatched(submission, "MSG", [0]) == []


@pytest.mark.parametrize("reply_first", [False, True])
def test_the_banks_own_account_settles_and_reconciles(history: Any, external: bytes, reply_first: bool) -> None:
    """A debit entry is the better evidence, whether it comes before the reply was worked off or instead of it."""
    submission = history.submit("one", creditor=external)
    screen(history, submission)
    custody(history, submission)
    send(history, submission)
    if reply_first:
        history.record(submission.stream, answered(submission, [0], {}, EVIDENCE, "MSG"))
    history.record(submission.stream, booked(submission, [0], EVIDENCE, FEED))
    custody(history, submission)
    assert steps_of(history)[-2:] == [Status.SETTLED, Status.RECONCILED]
    assert booked(submission, [0], EVIDENCE, FEED) == []


def test_a_second_answer_of_the_bank_changes_nothing(history: Any, external: bytes) -> None:
    """Once settled, neither the same answer nor a contrary one is taken."""
    submission = history.submit("one", creditor=external)
    screen(history, submission)
    custody(history, submission)
    send(history, submission)
    history.record(submission.stream, answered(submission, [0], {}, EVIDENCE, "MSG"))
    assert answered(submission, [], {0: "AC04"}, EVIDENCE, "MSG") == []
    custody(history, submission)
    assert answered(submission, [0], {}, EVIDENCE, "MSG") == []
    assert (contradicted(submission, [0], []), contradicted(submission, [], [0])) == ([], [0])


def test_a_bank_that_takes_a_refusal_back_is_noticed(history: Any, external: bytes) -> None:
    """The payer may have the money again, and the payee too: from the refusal on it is counted as a contradiction."""
    submission = history.submit("one", creditor=external)
    screen(history, submission)
    custody(history, submission)
    send(history, submission)
    assert contradicted(submission, [0], []) == contradicted(submission, [], [0]) == []
    history.record(submission.stream, answered(submission, [], {0: "AC04"}, EVIDENCE, "MSG"))
    for _ in range(2):
        assert (contradicted(submission, [0], []), contradicted(submission, [], [0])) == ([0], [])
        custody(history, submission)


def test_above_the_limit_a_second_person_decides(history: Any, make_id: Callable[[str], bytes]) -> None:
    """The maker is not the checker; the limit itself passes."""
    submission = history.submit("large", amount_minor=1_000_01)
    screen(history, submission)
    assert (history.status(submission), submission.reasons[0]) == (Status.HELD, reasons.SECOND_APPROVER_REQUIRED)
    maker = submission.received.maker
    assert decided(submission, [0], Directive.APPROVE, maker, "") == []
    history.record(submission.stream, decided(submission, [0], Directive.APPROVE, make_id("other"), "seen"))
    assert submission.approvers[0] == make_id("other")
    custody(history, submission)
    assert history.status(submission) is Status.SETTLED
    at_the_limit = history.submit("at the limit", amount_minor=1_000_00)
    screen(history, at_the_limit)
    assert history.status(at_the_limit) is Status.SCREENED


def test_a_held_payment_can_be_refused_cancelled_or_expire(history: Any, make_id: Callable[[str], bytes]) -> None:
    """Each end has its own state and reason."""
    submission = history.submit("held", rows=3, amount_minor=2_000_00)
    screen(history, submission)
    history.record(submission.stream, decided(submission, [0], Directive.REJECT, make_id("other"), ""))
    history.record(submission.stream, decided(submission, [1], Directive.CANCEL, make_id("other"), ""))
    assert overdue(submission, history.now_ns + PATIENCE.for_approval_ns - 1, PATIENCE) == []
    history.record(submission.stream, overdue(submission, history.now_ns + PATIENCE.for_approval_ns, PATIENCE))
    assert [history.status(submission, index) for index in range(3)] == [
        Status.REJECTED, Status.CANCELLED, Status.EXPIRED,
    ]  # fmt: skip
    assert submission.reasons == [reasons.APPROVAL_REFUSED, reasons.CANCELLED_BY_CUSTOMER, reasons.APPROVAL_EXPIRED]


def test_cancelling_a_reserved_payment_frees_the_money_first(history: Any, external: bytes) -> None:
    """The void is decided, then done, then the state says CANCELLED; meanwhile it cannot be sent."""
    submission = history.submit("one", creditor=external)
    screen(history, submission)
    custody(history, submission)
    history.record(submission.stream, decided(submission, [0], Directive.CANCEL, b"", ""))
    assert list(submission.at_stage(Stage.SEND)) == []
    assert plan(submission, 0, {}).kind is TransferKind.VOID
    custody(history, submission)
    assert history.status(submission) is Status.CANCELLED


@pytest.mark.parametrize("directed_to_send", [False, True])
def test_what_custody_or_the_bank_may_hold_is_not_cancelled(
    history: Any, external: bytes, directed_to_send: bool
) -> None:
    """SCREENED may be posting, RESERVED and directed may be at the bank: too late."""
    submission = history.submit("one", creditor=external)
    screen(history, submission)
    if directed_to_send:
        custody(history, submission)
        history.record(submission.stream, directed(submission, Directive.SEND, [0], reference="MSG"))
    assert decided(submission, [0], Directive.CANCEL, b"", "") == []


def test_a_hit_is_refused_and_says_where_it_stands(history: Any) -> None:
    """The list's entry is in the event, the customer sees the regulatory code only."""
    submission = history.submit("one")
    hit = Step(0, Status.REJECTED, reasons.SANCTIONS_HIT, "UN/CDi.001")
    history.record(
        submission.stream, screened(submission, {0: hit}, review(history, LIMITS, submission), history.now_ns, EVIDENCE)
    )
    assert (history.status(submission), submission.details[0]) == (Status.REJECTED, "UN/CDi.001")
    assert reasons.iso_reason(submission.reasons[0], submission.details[0]) == "RR04"


@pytest.mark.parametrize(
    ("result", "reason"),
    [("exceeds_credits", reasons.INSUFFICIENT_FUNDS), ("overflows_debits", reasons.TRANSFER_REFUSED)],
)
def test_custodys_refusal_rejects_with_a_reason(history: Any, result: str, reason: str) -> None:
    """Known results have their own reason, others a general one; none settles."""
    submission = history.submit("one")
    screen(history, submission)
    custody(history, submission, result)
    assert (history.status(submission), submission.reasons[0]) == (Status.REJECTED, reason)


def test_a_contradiction_of_the_ledger_is_left_for_people(history: Any, external: bytes) -> None:
    """When the bank has paid and custody will not post, no state is invented."""
    submission = history.submit("one", creditor=external)
    screen(history, submission)
    custody(history, submission)
    send(history, submission)
    history.record(submission.stream, answered(submission, [0], {}, EVIDENCE, "MSG"))
    found, unresolved = transferred(submission, {0: (Stage.CONFIRM, "pending_transfer_already_voided")})
    assert (found, unresolved) == ([], {"LEDGER_CONTRADICTION"})


@pytest.mark.parametrize("stage", [Stage.TRANSFER, Stage.CONFIRM])
def test_a_result_that_is_not_listed_changes_nothing(history: Any, external: bytes, stage: Stage) -> None:
    """Whatever custody is asked, an unknown answer is neither a refusal nor a success: money may have moved."""
    submission = history.submit("one", creditor=external)
    screen(history, submission)
    if stage is Stage.CONFIRM:
        custody(history, submission)
        send(history, submission)
        history.record(submission.stream, answered(submission, [0], {}, EVIDENCE, "MSG"))
    assert transferred(submission, {0: (stage, "status_250")}) == ([], {"RESULT_UNKNOWN"})
    assert transferred(submission, {0: (stage, "exists_with_different_amount")}) == ([], {"LEDGER_CONTRADICTION"})


def test_every_result_of_custody_is_known() -> None:
    """Each code of the proto is success, contradiction or refusal, and nothing else is known."""
    names = set(RESULTS.values())
    assert all(map(is_known, names))
    for each in (DONE, set(_REFUSALS), _OTHER_REFUSALS):
        assert each <= names
    assert not any(map(is_known, ("status_250", "", "created_anew")))


def test_a_silent_bank_leaves_the_payment_unknown(history: Any, external: bytes) -> None:
    """UNKNOWN after the bound, and settled by a late answer."""
    submission = history.submit("one", creditor=external)
    screen(history, submission)
    custody(history, submission)
    send(history, submission)
    history.record(submission.stream, overdue(submission, history.now_ns + PATIENCE.for_bank_ns, PATIENCE))
    assert history.status(submission) is Status.UNKNOWN
    history.record(submission.stream, answered(submission, [0], {}, EVIDENCE, "MSG"))
    custody(history, submission)
    assert history.status(submission) is Status.SETTLED


def test_a_payment_for_a_later_day_waits_for_it(history: Any) -> None:
    """Before its execution date nothing is screened or moved."""
    tomorrow = history.now_ns // DAY_NS + 1
    submission = history.submit("later", execution_day=tomorrow)
    assert (submission.stages[0], submission.reasons[0]) == (Stage.IDLE, reasons.EXECUTION_DATE_NOT_REACHED)
    history.record(submission.stream, overdue(submission, tomorrow * DAY_NS, PATIENCE))
    assert (submission.stages[0], submission.reasons[0]) == (Stage.SCREEN, "")


def test_the_same_submission_again_records_nothing(history: Any, make_submission: Callable[..., NewSubmission]) -> None:
    """Same id and content: no event; same id and other content: refused."""
    history.submit("one")
    assert receive(history.submissions, make_submission("one"), history.now_ns, LocalDays()) == []
    with pytest.raises(SubmissionConflict):
        receive(history.submissions, make_submission("one", digest=b"x" * 32), history.now_ns, LocalDays())


def test_an_instruction_id_is_paid_once(history: Any, make_id: Callable[[str], bytes]) -> None:
    """An id used before, in the same or another submission, is rejected; the first keeps it."""
    first = history.submit("one", rows=2, ids=[make_id("same"), make_id("same")])
    second = history.submit("two", ids=[make_id("same")])
    assert [history.status(first, 0), history.status(first, 1)] == [Status.AUTHENTICATED, Status.REJECTED]
    assert (history.status(second), second.reasons[0]) == (Status.REJECTED, reasons.DUPLICATE_INSTRUCTION_ID)
    assert history.submissions.find(first.tenant, make_id("same")) == (first, 0)


def test_invalid_and_forbidden_rows_are_rejected_alone(history: Any) -> None:
    """One bad row does not hold back its neighbours."""
    submission = history.submit("mixed", rows=3, invalid=["AMOUNT_INVALID", "", ""],
                             forbidden=["", "DEBTOR_ACCOUNT_UNKNOWN", ""])  # fmt: skip
    assert [history.status(submission, index) for index in range(3)] == [
        Status.REJECTED, Status.REJECTED, Status.AUTHENTICATED,
    ]  # fmt: skip
    assert steps_of(history, 0) == [Status.RECEIVED, Status.REJECTED]
    assert steps_of(history, 1) == [Status.RECEIVED, Status.VALIDATED, Status.REJECTED]


def test_money_does_not_leave_without_a_bank_mirror(history: Any, external: bytes) -> None:
    """A book without an account at a bank in that currency cannot pay out."""
    submission = history.submit("one", creditor=external)
    screen(history, submission)
    with pytest.raises(MirrorMissing):
        plan(submission, 0, {203: b"m" * 16})


def test_a_failed_commit_leaves_no_trace(history: Any) -> None:
    """The journal takes every column back."""
    submission = history.submit("one", rows=3)
    before = history.state.digest()
    journal = Journal()
    for event in screened(
        submission, dict.fromkeys(range(3)), review(history, LIMITS, submission), history.now_ns, EVIDENCE
    ):
        history.state.apply(type(history.log[0])(99, submission.stream, 99, event, history.now_ns, ""), journal)
    assert history.state.digest() != before
    journal.rollback()
    assert history.state.digest() == before


def act(history: Any, submission: Submission, action: str) -> None:
    """Tries one thing on all rows, whatever their state."""
    rows = range(len(submission))
    decisions = {"approve": Directive.APPROVE, "cancel": Directive.CANCEL, "reject": Directive.REJECT}
    if action == "screen":
        screen(history, submission)
    elif action in ("created", "exceeds_credits"):
        custody(history, submission, action)
    elif action == "send":
        send(history, submission)
    elif action == "settle":
        history.record(submission.stream, answered(submission, list(rows), {}, EVIDENCE, "MSG"))
    elif action == "booked":
        history.record(submission.stream, booked(submission, list(rows), EVIDENCE, FEED))
    elif action == "fail":
        history.record(submission.stream, answered(submission, [], dict.fromkeys(rows, "AC04"), EVIDENCE, "MSG"))
    elif action == "later":
        history.now_ns += PATIENCE.for_bank_ns
        history.record(submission.stream, overdue(submission, history.now_ns, PATIENCE))
    else:
        history.record(submission.stream, decided(submission, rows, decisions[action], b"c" * 16, ""))


ACTIONS = "screen created exceeds_credits send settle booked fail approve cancel reject later".split()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(ACTIONS), max_size=14), st.sampled_from([10_00, 5_000_00]), st.booleans())
def test_no_sequence_of_decisions_leaves_the_state_machine(
    make_history: type[Any], external: bytes, actions: list[str], amount: int, inside: bool
) -> None:
    """Whatever is tried in whatever order, every step is listed, and the events alone give the same state."""
    history = make_history()
    way_out = {} if inside else {"creditor": external}
    submission = history.submit("one", rows=2, amount_minor=amount, **way_out)
    for action in actions:
        act(history, submission, action)
    taken = steps_of(history)
    assert set(pairwise(taken)) <= TRANSITIONS
    assert taken[-1] == history.status(submission)
    assert history.replayed().digest() == history.state.digest()
