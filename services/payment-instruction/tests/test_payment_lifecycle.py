"""An instruction's way through the desk."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.writing.journal import Journal
from ringfence_payment_instruction.approvals.domain import ApprovalLimits, decided
from ringfence_payment_instruction.deposits.domain.confirming import booked
from ringfence_payment_instruction.rail.domain.replies import answered, contradicted, dispatched
from ringfence_payment_instruction.screening.domain.deciding import screened
from ringfence_payment_instruction.settlement.domain.settling import MirrorMissing, plan, transferred
from ringfence_payment_instruction.settlement.domain.transfers import TransferKind
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.deadlines import Patience, overdue
from ringfence_payment_instruction.submissions.domain.errors import SubmissionConflict
from ringfence_payment_instruction.submissions.domain.receiving import NewSubmission, receive
from ringfence_payment_instruction.submissions.domain.status import TRANSITIONS, Directive, Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.transitions import Step, directed

LIMITS = ApprovalLimits({978: 1_000_00})
PATIENCE = Patience(for_approval_ns=3_600 * 10**9, for_bank_ns=86_400 * 10**9)
MIRRORS = {978: b"m" * 16}
EVIDENCE = b"e" * 32


def screen(desk: Any, submission: Submission) -> None:
    """Screens every row that waits for it, all clean."""
    outcomes: dict[int, Step | None] = dict.fromkeys(submission.at_stage(Stage.SCREEN))
    desk.record(submission.stream, screened(submission, outcomes, LIMITS.needs_second_person, EVIDENCE))


def custody(desk: Any, submission: Submission, result: str = "created") -> None:
    """Answers everything that custody is asked for with one result."""
    results = {
        index: (submission.stages[index], result)
        for index in range(len(submission))
        if submission.stages[index] in (Stage.TRANSFER, Stage.RELEASE, Stage.CONFIRM, Stage.RETURN)
    }
    desk.record(submission.stream, transferred(submission, results)[0])


def send(desk: Any, submission: Submission, message_id: str = "MSG") -> None:
    """Directs and dispatches everything reserved."""
    ready = list(submission.at_stage(Stage.SEND))
    desk.record(submission.stream, directed(submission, Directive.SEND, ready, reference=message_id))
    desk.record(submission.stream, dispatched(submission, message_id, ready))


def steps_of(desk: Any, index: int = 0) -> list[Status]:
    """Returns the states that one row went through, as events tell it."""
    found = [Status.RECEIVED]
    for recorded in desk.log:
        if type(recorded.event).__name__ == "InstructionsAdvanced":
            rows = [int.from_bytes(recorded.event.indexes[at : at + 4], "big") for at in
                    range(0, len(recorded.event.indexes), 4)]  # fmt: skip
            found += [Status(s) for row, s in zip(rows, recorded.event.statuses, strict=True) if row == index]
    return found


def test_a_payment_inside_the_book_settles(desk: Any) -> None:
    """Received, validated, authenticated, screened, reserved, settled: in this order and in three events."""
    submission = desk.submit("one")
    screen(desk, submission)
    assert plan(submission, 0, {}).kind is TransferKind.PLAIN
    custody(desk, submission)
    assert steps_of(desk) == [
        Status.RECEIVED, Status.VALIDATED, Status.AUTHENTICATED, Status.SCREENED, Status.RESERVED, Status.SETTLED,
    ]  # fmt: skip


def test_a_payment_by_the_bank_settles_on_the_banks_word(desk: Any, external: bytes) -> None:
    """Money that leaves is set aside, sent, and posted when the bank confirms."""
    submission = desk.submit("one", creditor=external)
    screen(desk, submission)
    reserve = plan(submission, 0, MIRRORS)
    custody(desk, submission)
    send(desk, submission)
    assert desk.status(submission) is Status.SENT
    desk.record(submission.stream, answered(submission, [0], {}, EVIDENCE, "MSG"))
    post = plan(submission, 0, MIRRORS)
    custody(desk, submission)
    assert desk.status(submission) is Status.SETTLED
    assert (reserve.kind, post.kind) == (TransferKind.PENDING, TransferKind.POST)
    assert post.pending_id == reserve.id != post.id
    desk.record(submission.stream, booked(submission, [0], EVIDENCE))
    assert desk.status(submission) is Status.RECONCILED


def test_a_payment_that_the_bank_refuses_fails_and_frees_the_money(desk: Any, external: bytes) -> None:
    """The reservation is voided before the state says FAILED, and the bank's own code is kept."""
    submission = desk.submit("one", creditor=external)
    screen(desk, submission)
    custody(desk, submission)
    send(desk, submission)
    desk.record(submission.stream, answered(submission, [], {0: "AC04"}, EVIDENCE, "MSG"))
    assert desk.status(submission) is Status.SENT
    assert plan(submission, 0, MIRRORS).kind is TransferKind.VOID
    custody(desk, submission)
    assert desk.status(submission) is Status.FAILED
    assert reasons.iso_reason(submission.reasons[0], submission.details[0]) == "AC04"


def test_the_bank_may_answer_before_sent_is_noted(desk: Any, external: bytes) -> None:
    """A reply to a message that is still being dispatched proves that it was sent."""
    submission = desk.submit("one", creditor=external)
    screen(desk, submission)
    custody(desk, submission)
    desk.record(submission.stream, directed(submission, Directive.SEND, [0], reference="MSG"))
    desk.record(submission.stream, answered(submission, [0], {}, EVIDENCE, "MSG"))
    assert (desk.status(submission), submission.stages[0]) == (Status.SENT, Stage.CONFIRM)
    assert dispatched(submission, "MSG", [0]) == []


@pytest.mark.parametrize("reply_first", [False, True])
def test_the_banks_own_account_settles_and_reconciles(desk: Any, external: bytes, reply_first: bool) -> None:
    """A debit entry is the better evidence, whether it comes before the reply was worked off or instead of it."""
    submission = desk.submit("one", creditor=external)
    screen(desk, submission)
    custody(desk, submission)
    send(desk, submission)
    if reply_first:
        desk.record(submission.stream, answered(submission, [0], {}, EVIDENCE, "MSG"))
    desk.record(submission.stream, booked(submission, [0], EVIDENCE))
    custody(desk, submission)
    assert steps_of(desk)[-2:] == [Status.SETTLED, Status.RECONCILED]
    assert booked(submission, [0], EVIDENCE) == []


def test_a_second_answer_of_the_bank_changes_nothing(desk: Any, external: bytes) -> None:
    """Once settled, neither the same answer nor a contrary one is taken."""
    submission = desk.submit("one", creditor=external)
    screen(desk, submission)
    custody(desk, submission)
    send(desk, submission)
    desk.record(submission.stream, answered(submission, [0], {}, EVIDENCE, "MSG"))
    assert answered(submission, [], {0: "AC04"}, EVIDENCE, "MSG") == []
    custody(desk, submission)
    assert answered(submission, [0], {}, EVIDENCE, "MSG") == []
    assert (contradicted(submission, [0], []), contradicted(submission, [], [0])) == (0, 1)


def test_a_bank_that_takes_a_refusal_back_is_noticed(desk: Any, external: bytes) -> None:
    """The payer may have the money again, and the payee too: from the refusal on it is counted as a contradiction."""
    submission = desk.submit("one", creditor=external)
    screen(desk, submission)
    custody(desk, submission)
    send(desk, submission)
    assert contradicted(submission, [0], []) == contradicted(submission, [], [0]) == 0
    desk.record(submission.stream, answered(submission, [], {0: "AC04"}, EVIDENCE, "MSG"))
    for _ in range(2):
        assert (contradicted(submission, [0], []), contradicted(submission, [], [0])) == (1, 0)
        custody(desk, submission)


def test_above_the_limit_a_second_person_decides(desk: Any, make_id: Callable[[str], bytes]) -> None:
    """The maker is not the checker; the limit itself passes, a currency without a limit is always held."""
    submission = desk.submit("large", amount_minor=1_000_01)
    screen(desk, submission)
    assert (desk.status(submission), submission.reasons[0]) == (Status.HELD, reasons.SECOND_APPROVER_REQUIRED)
    maker = submission.received.maker
    assert decided(submission, [0], Directive.APPROVE, maker, "") == []
    desk.record(submission.stream, decided(submission, [0], Directive.APPROVE, make_id("other"), "seen"))
    assert submission.approvers[0] == make_id("other")
    custody(desk, submission)
    assert desk.status(submission) is Status.SETTLED
    assert not LIMITS.needs_second_person(978, 1_000_00)
    assert LIMITS.needs_second_person(203, 1)


def test_a_held_payment_can_be_refused_cancelled_or_expire(desk: Any, make_id: Callable[[str], bytes]) -> None:
    """Each end has its own state and reason."""
    submission = desk.submit("held", rows=3, amount_minor=2_000_00)
    screen(desk, submission)
    desk.record(submission.stream, decided(submission, [0], Directive.REJECT, make_id("other"), ""))
    desk.record(submission.stream, decided(submission, [1], Directive.CANCEL, make_id("other"), ""))
    assert overdue(submission, desk.now_ns + PATIENCE.for_approval_ns - 1, PATIENCE) == []
    desk.record(submission.stream, overdue(submission, desk.now_ns + PATIENCE.for_approval_ns, PATIENCE))
    assert [desk.status(submission, index) for index in range(3)] == [
        Status.REJECTED, Status.CANCELLED, Status.EXPIRED,
    ]  # fmt: skip
    assert submission.reasons == [reasons.APPROVAL_REFUSED, reasons.CANCELLED_BY_CUSTOMER, reasons.APPROVAL_EXPIRED]


def test_cancelling_a_reserved_payment_frees_the_money_first(desk: Any, external: bytes) -> None:
    """The void is decided, then done, then the state says CANCELLED; meanwhile it cannot be sent."""
    submission = desk.submit("one", creditor=external)
    screen(desk, submission)
    custody(desk, submission)
    desk.record(submission.stream, decided(submission, [0], Directive.CANCEL, b"", ""))
    assert list(submission.at_stage(Stage.SEND)) == []
    assert plan(submission, 0, {}).kind is TransferKind.VOID
    custody(desk, submission)
    assert desk.status(submission) is Status.CANCELLED


@pytest.mark.parametrize("directed_to_send", [False, True])
def test_what_custody_or_the_bank_may_hold_is_not_cancelled(desk: Any, external: bytes, directed_to_send: bool) -> None:
    """SCREENED may be posting, RESERVED and directed may be at the bank: too late."""
    submission = desk.submit("one", creditor=external)
    screen(desk, submission)
    if directed_to_send:
        custody(desk, submission)
        desk.record(submission.stream, directed(submission, Directive.SEND, [0], reference="MSG"))
    assert decided(submission, [0], Directive.CANCEL, b"", "") == []


def test_a_hit_is_refused_and_says_where_it_stands(desk: Any) -> None:
    """The list's entry is in the event, the customer sees the regulatory code only."""
    submission = desk.submit("one")
    hit = Step(0, Status.REJECTED, reasons.SANCTIONS_HIT, "UN/CDi.001")
    desk.record(submission.stream, screened(submission, {0: hit}, LIMITS.needs_second_person, EVIDENCE))
    assert (desk.status(submission), submission.details[0]) == (Status.REJECTED, "UN/CDi.001")
    assert reasons.iso_reason(submission.reasons[0], submission.details[0]) == "RR04"


@pytest.mark.parametrize(
    ("result", "reason"),
    [("exceeds_credits", reasons.INSUFFICIENT_FUNDS), ("something_new", reasons.TRANSFER_REFUSED)],
)
def test_custodys_refusal_rejects_with_a_reason(desk: Any, result: str, reason: str) -> None:
    """Known results have their own reason, others a general one; none settles."""
    submission = desk.submit("one")
    screen(desk, submission)
    custody(desk, submission, result)
    assert (desk.status(submission), submission.reasons[0]) == (Status.REJECTED, reason)


def test_a_contradiction_of_the_ledger_is_left_for_people(desk: Any, external: bytes) -> None:
    """When the bank has paid and custody will not post, no state is invented."""
    submission = desk.submit("one", creditor=external)
    screen(desk, submission)
    custody(desk, submission)
    send(desk, submission)
    desk.record(submission.stream, answered(submission, [0], {}, EVIDENCE, "MSG"))
    found, contradictions = transferred(submission, {0: (Stage.CONFIRM, "pending_transfer_already_voided")})
    assert (found, contradictions) == ([], 1)


def test_a_silent_bank_leaves_the_payment_unknown(desk: Any, external: bytes) -> None:
    """UNKNOWN after the bound, and settled by a late answer."""
    submission = desk.submit("one", creditor=external)
    screen(desk, submission)
    custody(desk, submission)
    send(desk, submission)
    desk.record(submission.stream, overdue(submission, desk.now_ns + PATIENCE.for_bank_ns, PATIENCE))
    assert desk.status(submission) is Status.UNKNOWN
    desk.record(submission.stream, answered(submission, [0], {}, EVIDENCE, "MSG"))
    custody(desk, submission)
    assert desk.status(submission) is Status.SETTLED


def test_a_payment_for_a_later_day_waits_for_it(desk: Any) -> None:
    """Before its execution date nothing is screened or moved."""
    tomorrow = desk.now_ns // DAY_NS + 1
    submission = desk.submit("later", execution_day=tomorrow)
    assert (submission.stages[0], submission.reasons[0]) == (Stage.IDLE, reasons.EXECUTION_DATE_NOT_REACHED)
    desk.record(submission.stream, overdue(submission, tomorrow * DAY_NS, PATIENCE))
    assert (submission.stages[0], submission.reasons[0]) == (Stage.SCREEN, "")


def test_the_same_submission_again_records_nothing(desk: Any, make_submission: Callable[..., NewSubmission]) -> None:
    """Same id and content: no event; same id and other content: refused."""
    desk.submit("one")
    assert receive(desk.submissions, make_submission("one"), desk.now_ns) == []
    with pytest.raises(SubmissionConflict):
        receive(desk.submissions, make_submission("one", digest=b"x" * 32), desk.now_ns)


def test_an_instruction_id_is_paid_once(desk: Any, make_id: Callable[[str], bytes]) -> None:
    """An id used before, in the same or another submission, is rejected; the first keeps it."""
    first = desk.submit("one", rows=2, ids=[make_id("same"), make_id("same")])
    second = desk.submit("two", ids=[make_id("same")])
    assert [desk.status(first, 0), desk.status(first, 1)] == [Status.AUTHENTICATED, Status.REJECTED]
    assert (desk.status(second), second.reasons[0]) == (Status.REJECTED, reasons.DUPLICATE_INSTRUCTION_ID)
    assert desk.submissions.find(first.tenant, make_id("same")) == (first, 0)


def test_invalid_and_forbidden_rows_are_rejected_alone(desk: Any) -> None:
    """One bad row does not hold back its neighbours."""
    submission = desk.submit("mixed", rows=3, invalid=["AMOUNT_INVALID", "", ""],
                             forbidden=["", "DEBTOR_ACCOUNT_UNKNOWN", ""])  # fmt: skip
    assert [desk.status(submission, index) for index in range(3)] == [
        Status.REJECTED, Status.REJECTED, Status.AUTHENTICATED,
    ]  # fmt: skip
    assert steps_of(desk, 0) == [Status.RECEIVED, Status.REJECTED]
    assert steps_of(desk, 1) == [Status.RECEIVED, Status.VALIDATED, Status.REJECTED]


def test_money_does_not_leave_without_a_bank_mirror(desk: Any, external: bytes) -> None:
    """A book without an account at a bank in that currency cannot pay out."""
    submission = desk.submit("one", creditor=external)
    screen(desk, submission)
    with pytest.raises(MirrorMissing):
        plan(submission, 0, {203: b"m" * 16})


def test_a_failed_commit_leaves_no_trace(desk: Any) -> None:
    """The journal takes every column back."""
    submission = desk.submit("one", rows=3)
    before = desk.state.digest()
    journal = Journal()
    for event in screened(submission, dict.fromkeys(range(3)), LIMITS.needs_second_person, EVIDENCE):
        desk.state.apply(type(desk.log[0])(99, submission.stream, 99, event, desk.now_ns, ""), journal)
    assert desk.state.digest() != before
    journal.rollback()
    assert desk.state.digest() == before


def act(desk: Any, submission: Submission, action: str) -> None:
    """Tries one thing on all rows, whatever their state."""
    rows = range(len(submission))
    decisions = {"approve": Directive.APPROVE, "cancel": Directive.CANCEL, "reject": Directive.REJECT}
    if action == "screen":
        screen(desk, submission)
    elif action in ("created", "exceeds_credits"):
        custody(desk, submission, action)
    elif action == "send":
        send(desk, submission)
    elif action == "settle":
        desk.record(submission.stream, answered(submission, list(rows), {}, EVIDENCE, "MSG"))
    elif action == "booked":
        desk.record(submission.stream, booked(submission, list(rows), EVIDENCE))
    elif action == "fail":
        desk.record(submission.stream, answered(submission, [], dict.fromkeys(rows, "AC04"), EVIDENCE, "MSG"))
    elif action == "later":
        desk.now_ns += PATIENCE.for_bank_ns
        desk.record(submission.stream, overdue(submission, desk.now_ns, PATIENCE))
    else:
        desk.record(submission.stream, decided(submission, rows, decisions[action], b"c" * 16, ""))


ACTIONS = "screen created exceeds_credits send settle booked fail approve cancel reject later".split()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(ACTIONS), max_size=14), st.sampled_from([10_00, 5_000_00]), st.booleans())
def test_no_sequence_of_decisions_leaves_the_state_machine(
    make_desk: type[Any], external: bytes, actions: list[str], amount: int, inside: bool
) -> None:
    """Whatever is tried in whatever order, every step is listed, and the events alone give the same state."""
    desk = make_desk()
    way_out = {} if inside else {"creditor": external}
    submission = desk.submit("one", rows=2, amount_minor=amount, **way_out)
    for action in actions:
        act(desk, submission, action)
    taken = steps_of(desk)
    assert set(pairwise(taken)) <= TRANSITIONS
    assert taken[-1] == desk.status(submission)
    assert desk.replayed().digest() == desk.state.digest()
