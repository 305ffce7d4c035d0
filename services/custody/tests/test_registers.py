"""Banks, letters, agents and key people: two people register them, and mirrors follow their letters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ringfence_custody.ledger.domain.lifecycle import AccountStatus
from ringfence_custody.registers.domain.days import DAY_NS
from ringfence_custody.registers.domain.errors import (
    AppointmentNotFound,
    BankNotRegistered,
    BankReviewDue,
    DayRefused,
    LetterNotFound,
    LetterOutstanding,
    LetterStateRefused,
    MirrorNotFound,
    RegisterIdTaken,
    TemplateVersionTaken,
)
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_kernel.proposals.domain.errors import ProposalVoid, SecondPersonRequired
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.errors import DomainError, InvalidArgument
from ringfence_kernel.writing.snapshots import SnapshotFile
from ringfence_protos.custody.v1 import registers_pb2 as pb

from .conftest import OPERATOR, Custody, running
from .ledger import DEPOSIT, START_NS, Row, id_of
from .registering import (
    ONE,
    OTHER_DOCUMENT,
    THREE,
    TODAY,
    TWO,
    appointing,
    bank,
    countersigned,
    countersigning,
    ending,
    exempting,
    letters,
    mirrors,
    open_mirror,
    reviewing,
    sending,
    with_mirrors,
)
from .test_custody_service import OTHER, PLATFORM, account, send
from .test_custody_snapshots import saved

S = AccountStatus


@pytest.fixture
async def books(custody: Custody) -> Custody:
    """A book with clients' money at one bank, and a mirror beside it that has no letter."""
    return await with_mirrors(custody)


async def test_a_mirror_becomes_active_by_its_letter_and_two_people(books: Custody) -> None:
    """Sent is not countersigned, and one person's word is nobody's; each step is the other's to confirm."""
    received = Row("in", "mirror", "alice", 10, code=DEPOSIT)
    await books.agree("RegisterBank", bank())
    assert await send(books, received) == ["debit_account_not_active"]
    await books.agree("SendLetter", sending())
    proposal = (await books.register("CountersignLetter", countersigning())).proposal_id
    decision = Decision(proposal, Verdict.CONFIRM)
    with pytest.raises(SecondPersonRequired):
        await books.writer.commit(lambda unit: books.proposals.decide_within(unit, decision, OPERATOR))
    assert (await account(books, "mirror")).status == S.PENDING_LETTER
    await books.confirm(proposal)
    assert (await account(books, "mirror")).status == S.ACTIVE
    assert await send(books, Row("again", "mirror", "alice", 10, code=DEPOSIT)) == ["created"]
    (letter,) = await letters(books)
    assert (letter.state, letter.bic, letter.sent_day) == (pb.LETTER_STATE_COUNTERSIGNED, "COBADEFFXXX", TODAY - 5)


async def test_the_end_of_its_letter_stops_a_mirror(books: Custody) -> None:
    """Money stays where it is; another letter lets it move again."""
    await countersigned(books)
    assert await send(books, Row("in", "mirror", "alice", 10, code=DEPOSIT)) == ["created"]
    await books.agree("EndLetter", ending())
    found = await account(books, "mirror")
    assert (found.status, found.debits_posted_minor) == (S.PENDING_LETTER, 10)
    assert await send(books, Row("in 2", "mirror", "alice", 10, code=DEPOSIT)) == ["debit_account_not_active"]
    await countersigned(books, TWO)
    assert (await account(books, "mirror")).status == S.ACTIVE


async def test_no_decision_stands_in_for_a_letter(books: Custody) -> None:
    """Nobody makes a mirror active by its state; a mirror that an operator restricted stays so with a letter."""
    with pytest.raises(DomainError, match="ACTIVE") as refused:
        await books.move(PLATFORM, [id_of("mirror")], S.ACTIVE)
    assert refused.value.metadata["because"] == "no_such_transition"
    await countersigned(books)
    await books.move(PLATFORM, [id_of("mirror")], S.RESTRICTED)
    await books.agree("EndLetter", ending())
    await countersigned(books, TWO)
    assert (await account(books, "mirror")).status == S.RESTRICTED


async def test_another_letter_replaces_the_one_in_force_without_a_gap(books: Custody) -> None:
    """The mirror is active all the time, has one letter in force, and its history tells both."""
    await countersigned(books)
    await books.agree("SendLetter", sending(TWO))
    changes = books.state.look(PLATFORM).accounts.changes[:]
    await books.agree("CountersignLetter", countersigning(TWO))
    assert books.state.look(PLATFORM).accounts.changes == changes
    assert [each.state for each in await letters(books)] == [pb.LETTER_STATE_ENDED, pb.LETTER_STATE_COUNTERSIGNED]
    assert (await account(books, "mirror")).status == S.ACTIVE
    await books.agree("SendLetter", sending(THREE))
    await books.agree("EndLetter", ending(THREE, reason="never answered"))
    assert (await account(books, "mirror")).status == S.ACTIVE


async def test_an_exemption_stands_where_a_letter_would(books: Custody) -> None:
    """With its reason on record, it is reviewed and ended like one."""
    await books.agree("RegisterBank", bank())
    await books.agree("ExemptMirror", exempting())
    assert (await account(books, "mirror")).status == S.ACTIVE
    (letter,) = await letters(books)
    assert (letter.kind, letter.reason) == (pb.LETTER_KIND_EXEMPT, "settlement account at the central bank")
    await books.registers.acts.due(TODAY + 365)
    await books.agree("ReviewLetter", reviewing())
    await books.agree("EndLetter", ending())
    assert (await account(books, "mirror")).status == S.PENDING_LETTER


async def test_reviews_fall_due_once(books: Custody, stores: Callable[[], EventStore]) -> None:
    """By the day that finds them, however late it comes; a letter stays in force, a bank gets no further one."""
    await countersigned(books)
    assert await books.registers.acts.due(TODAY + 299) == 0
    proposal = (await books.register("ReviewLetter", reviewing())).proposal_id
    assert await books.registers.acts.due(TODAY + 400) == 2
    assert await books.registers.acts.due(TODAY + 401) == 0
    (letter,) = await letters(books)
    assert letter.state == pb.LETTER_STATE_REVIEW_DUE
    assert (await account(books, "mirror")).status == S.ACTIVE
    await open_mirror(books, "second")
    with pytest.raises(BankReviewDue):
        await books.register("SendLetter", sending(TWO, "second"))
    async with running(stores) as again:
        assert await again.registers.acts.due(TODAY + 402) == 0
    # That a review fell due is what it is for: it voids none that waits.
    await books.confirm(proposal)
    assert (await letters(books))[0].state == pb.LETTER_STATE_COUNTERSIGNED
    await books.agree("RegisterBank", bank(due_diligence_day=TODAY, review_day=TODAY + 500))
    assert (await books.register("SendLetter", sending(TWO, "second"))).proposal_id


async def test_a_review_falls_due_by_the_clock(books: Custody) -> None:
    """On its day, at midnight UTC, and not before."""
    await countersigned(books)
    books.clock.advance((TODAY + 300) * DAY_NS - START_NS - 1)
    assert await books.registers.acts.due_today() == 0
    books.clock.advance(1)
    assert await books.registers.acts.due_today() == 1


async def test_everything_is_there_after_a_restart(
    books: Custody, stores: Callable[[], EventStore], tmp_path: Path
) -> None:
    """From events alone, and from a snapshot; what is read of it is the same."""
    await countersigned(books)
    await books.agree("Appoint", appointing())
    await books.agree("SendLetter", sending(TWO))
    await books.registers.acts.due(TODAY + 400)
    digest, told = books.whole.digest(), await letters(books)
    async with running(stores) as again:
        assert again.whole.digest() == digest
        assert await letters(again) == told
    file = SnapshotFile(tmp_path, "custody")
    await saved(books, file)
    async with running(stores, file) as restored:
        assert restored.whole.digest() == digest
        assert await letters(restored) == told
        assert await mirrors(restored) == await mirrors(books)
        with pytest.raises(BankReviewDue):
            await restored.register("SendLetter", sending(THREE))


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("RegisterBank", bank()),
        ("SendLetter", sending()),
        ("CountersignLetter", countersigning()),
        ("ReviewLetter", reviewing()),
        ("Appoint", appointing()),
        ("EndLetter", ending()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_the_same_again_changes_nothing(books: Custody, method: str, request_: Any) -> None:
    """Asked again after it was confirmed, there is nothing to confirm."""
    await books.agree("RegisterBank", bank())
    if "Letter" in method and method != "SendLetter":
        await books.agree("SendLetter", sending())
    if method in ("ReviewLetter", "EndLetter"):
        await books.agree("CountersignLetter", countersigning())
    await books.agree(method, request_)
    head = books.writer.head
    assert (await books.register(method, request_)).proposal_id == b""
    assert books.writer.head == head


@pytest.mark.parametrize(
    ("method", "request_", "refusal", "named"),
    [
        ("RegisterBank", bank("COBADEF"), InvalidArgument, {"field": "bic"}),
        ("RegisterBank", bank("cobadeff"), InvalidArgument, {"field": "bic"}),
        ("RegisterBank", bank("COBADEFFX"), InvalidArgument, {"field": "bic"}),
        ("RegisterBank", bank("COBADEFF\n"), InvalidArgument, {"field": "bic"}),
        ("RegisterBank", bank(country="ZZ"), InvalidArgument, {"field": "country"}),
        ("RegisterBank", bank(name=""), InvalidArgument, {"field": "name"}),
        ("RegisterBank", bank(concentration_basis_points=0), InvalidArgument, {"field": "concentration_basis_points"}),
        (
            "RegisterBank",
            bank(concentration_basis_points=10_001),
            InvalidArgument,
            {"field": "concentration_basis_points"},
        ),
        ("RegisterBank", bank(document_sha256=bytes(32)), InvalidArgument, {"field": "document_sha256"}),
        ("RegisterBank", bank(document_sha256=b"short"), InvalidArgument, {"field": "document_sha256"}),
        ("RegisterBank", bank(due_diligence_day=0), InvalidArgument, {"field": "due_diligence_day"}),
        (
            "RegisterBank",
            bank(due_diligence_day=TODAY + 2),
            DayRefused,
            {"field": "due_diligence_day", "because": "in_future"},
        ),
        ("RegisterBank", bank(review_day=TODAY), DayRefused, {"field": "review_day", "because": "not_in_future"}),
        ("SendLetter", sending(TWO, bic="NOTADEFF"), BankNotRegistered, {}),
        ("SendLetter", sending(TWO, "alice"), MirrorNotFound, {}),
        ("SendLetter", sending(TWO, book_id=OTHER), MirrorNotFound, {}),
        ("SendLetter", sending(TWO), LetterOutstanding, {}),
        ("SendLetter", sending(template_version="another"), RegisterIdTaken, {}),
        ("SendLetter", sending(TWO, "bank", template_sha256=OTHER_DOCUMENT), TemplateVersionTaken, {}),
        ("SendLetter", sending(TWO, "bank", sent_day=TODAY + 2), DayRefused, {"because": "in_future"}),
        ("SendLetter", sending(TWO, "bank", template_version=""), InvalidArgument, {"field": "template_version"}),
        ("ExemptMirror", exempting(TWO), LetterOutstanding, {}),
        ("ExemptMirror", exempting(), RegisterIdTaken, {}),
        ("ExemptMirror", exempting(TWO, "bank", reason=""), InvalidArgument, {"field": "reason"}),
        ("ExemptMirror", exempting(TWO, "bank", review_day=TODAY), DayRefused, {"because": "not_in_future"}),
        ("CountersignLetter", countersigning(TWO), LetterNotFound, {}),
        ("CountersignLetter", countersigning(countersigned_day=TODAY - 6), DayRefused, {"because": "too_early"}),
        ("CountersignLetter", countersigning(countersigned_day=TODAY + 2), DayRefused, {"because": "in_future"}),
        ("CountersignLetter", countersigning(review_day=TODAY), DayRefused, {"because": "not_in_future"}),
        ("ReviewLetter", reviewing(), LetterStateRefused, {"state": "SENT", "to": "COUNTERSIGNED"}),
        ("EndLetter", ending(TWO), LetterNotFound, {}),
        ("EndLetter", ending(ended_day=TODAY - 6), DayRefused, {"because": "too_early"}),
        ("Appoint", appointing(role="Jane Doe"), InvalidArgument, {"field": "role"}),
        ("Appoint", appointing(kind=pb.APPOINTMENT_KIND_UNSPECIFIED), InvalidArgument, {"field": "kind"}),
        ("Appoint", appointing(until_day=TODAY - 1), DayRefused, {"field": "until_day"}),
        (
            "EndAppointment",
            pb.EndAppointmentRequest(appointment_id=ONE, until_day=TODAY, reason="left"),
            AppointmentNotFound,
            {},
        ),
    ],
)
async def test_what_cannot_be_is_refused_by_name(
    books: Custody, method: str, request_: Any, refusal: type[DomainError], named: dict[str, str]
) -> None:
    """One letter is with the bank; nothing is recorded of what is refused, nor proposed."""
    await books.agree("RegisterBank", bank())
    await books.agree("SendLetter", sending())
    digest = books.whole.digest()
    with pytest.raises(refusal) as refused:
        await books.register(method, request_)
    assert named.items() <= refused.value.metadata.items()
    assert books.whole.digest() == digest


async def test_a_letter_that_has_ended_does_no_further_step(books: Custody) -> None:
    """It is final; another one is sent instead."""
    await countersigned(books)
    await books.agree("EndLetter", ending())
    for method, request in (
        ("CountersignLetter", countersigning()),
        ("ReviewLetter", reviewing()),
        ("EndLetter", ending(reason="another reason")),
    ):
        with pytest.raises(LetterStateRefused) as refused:
            await books.register(method, request)
        assert refused.value.metadata["state"] == "ENDED"


async def test_what_changed_meanwhile_voids_a_proposal(books: Custody) -> None:
    """Who confirms confirms what was there when it was proposed: the letter, its mirror's state, its bank."""
    await books.agree("RegisterBank", bank())
    sent = (await books.register("SendLetter", sending())).proposal_id
    await books.agree("RegisterBank", bank(concentration_basis_points=100))
    with pytest.raises(ProposalVoid):
        await books.confirm(sent)
    await books.agree("SendLetter", sending())
    signed = (await books.register("CountersignLetter", countersigning())).proposal_id
    await books.commands.set_freeze(PLATFORM, [id_of("mirror")], "ORDER-1", OPERATOR.subject)
    with pytest.raises(ProposalVoid):
        await books.confirm(signed)
    signed = (await books.register("CountersignLetter", countersigning())).proposal_id
    await books.agree("EndLetter", ending())
    with pytest.raises(ProposalVoid):
        await books.confirm(signed)
