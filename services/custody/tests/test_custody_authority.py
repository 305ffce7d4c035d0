"""On whose authority money moves: reservations have owners, importers windows, the bank's word needs no leave."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from ringfence_custody.ledger.adapters.identity_feed import (
    CURSOR,
    CertificatePinned,
    PrincipalActivated,
    PrincipalSuspended,
    facts_of,
)
from ringfence_custody.ledger.application.commands import Poster
from ringfence_custody.ledger.domain.authority import BY_THE_BANK, PAYMENT_INSTRUCTION, Authority, Reach
from ringfence_custody.ledger.domain.digest import digest
from ringfence_custody.ledger.domain.errors import (
    ColumnsMalformed,
    EvidenceMissing,
    MigrationWindowClosed,
    MigrationWindowOpen,
    MigrationWindowUnknown,
    OrderUnknown,
    PlatformSuspended,
)
from ringfence_custody.ledger.domain.events import TransfersEvidenced
from ringfence_custody.ledger.domain.purposes import PURPOSES, AccountClass, Mandate, Purpose
from ringfence_custody.ledger.domain.result_codes import CreateTransferStatus, TransferFlag
from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_kernel.proposals.domain.errors import SecondPersonRequired
from ringfence_kernel.store import EventStore, Head, StoredEvent, save_cursor
from ringfence_kernel.store.codec import EventCodec
from ringfence_protos.custody.v1 import custody_pb2 as pb

from .conftest import CODEC, Custody, running
from .ledger import DEPOSIT, EUR, GRANT, IMPORTER, MANDATE, PAYMENT, SECOND, WITHDRAWAL, Ledger, Row, columns_of, id_of
from .test_custody_service import PLATFORM, account, open_accounts, transfers

F = TransferFlag
BANK = f"bank {EUR}"
SUBMISSION, EVIDENCE = (Authority(PAYMENT_INSTRUCTION, reach) for reach in (Reach.SUBMISSION, Reach.EVIDENCE))
OTHER_IMPORTER = replace(IMPORTER, owner=b"importer number2")
AUTHORITIES = (IMPORTER, OTHER_IMPORTER, SUBMISSION, EVIDENCE)
RESERVE = Row("reserved", "alice", BANK, 100, int(F.PENDING), code=WITHDRAWAL)
POST = Row("end", flags=int(F.POST_PENDING_TRANSFER), pending_id="reserved", amount=100, code=0, ledger=0)
VOID = replace(POST, flags=int(F.VOID_PENDING_TRANSFER), amount=0)
COURT = "court 7"


def operator(name: str) -> Caller:
    """Returns an operator with a key and a certificate of its own."""
    principal = sha256(name.encode()).digest()[:16]
    thumbprint = base64.urlsafe_b64encode(sha256(principal).digest()).rstrip(b"=").decode()
    roles = frozenset({"operator"})
    return Caller("spiffe://test/o", None, principal, thumbprint, roles=roles, person=principal, key_sha256=principal)


ADA, BEA = operator("ada"), operator("bea")


def funded() -> Ledger:
    """Returns a book in which Alice has 1,000."""
    ledger = Ledger()
    for name in ("alice", "bob"):
        ledger.account(name)
    ledger.fund("alice", 1_000)
    return ledger


def send(ledger: Ledger, authority: Authority, *rows: Row) -> list[str]:
    """Sends rows on an authority."""
    ledger.authority = authority
    return ledger.send(*rows)


@pytest.mark.parametrize("end", [POST, VOID], ids=["post", "void"])
@pytest.mark.parametrize("by", AUTHORITIES, ids=["importer", "other importer", "submission", "evidence"])
@pytest.mark.parametrize("owner", AUTHORITIES[:3], ids=["importer", "other importer", "submission"])
def test_only_who_reserved_posts_or_voids(owner: Authority, by: Authority, end: Row) -> None:
    """Also in the batch that reserves, among many rows, and after a replay; what is refused leaves the money."""
    company = [Row(f"plain {number}", "alice", "bob", 1) for number in range(12)]
    ledger = funded()
    assert send(ledger, owner, *company, RESERVE) == ["created"] * 13
    expected = "created" if owner.owner == by.owner else "pending_transfer_has_different_owner"
    ledger.book = ledger.replayed()
    assert send(ledger, by, replace(end, id="alone")) == [expected]
    assert ledger.balances("alice")[0] == (0 if expected == "created" else 100)
    if owner == by:
        rows = [replace(each, id=f"in one {each.id}") for each in (RESERVE, end)]
        together = [*rows[:1], replace(rows[1], pending_id=rows[0].id)]
        assert send(ledger, by, *together) == ["created", "created"]
    assert digest(ledger.replayed()) == digest(ledger.book)


def test_what_was_reserved_before_there_were_owners_is_payment_instructions() -> None:
    """A release without owners wrote the event: an importer cannot touch it."""
    ledger = funded()
    send(ledger, IMPORTER, RESERVE)
    ledger.events[-1] = replace(ledger.events[-1], pending_owner=b"")
    ledger.book = ledger.replayed()
    assert send(ledger, IMPORTER, replace(POST, id="x")) == ["pending_transfer_has_different_owner"]
    assert send(ledger, EVIDENCE, replace(POST, id="y")) == ["created"]


def test_reservations_of_several_owners_in_one_event_keep_theirs() -> None:
    """A commit of many callers is one event; after a rollback, too, each is its own."""
    ledger = funded()
    for number, authority in enumerate((SUBMISSION, IMPORTER, SUBMISSION)):
        ledger.authority = authority
        ledger.decide(replace(RESERVE, id=f"r{number}", amount=1), Row(f"p{number}", "alice", "bob", 1))
    rows, burnt = 4, len(ledger.book.open.burnt)
    ledger.book.undo(rows, burnt, ledger.book.last_timestamp)
    ledger.commit()
    ledger.book = ledger.replayed()
    owners = {transfer.id: transfer.owner for transfer in ledger.book.pending.values()}
    assert owners == {id_of("r0"): PAYMENT_INSTRUCTION, id_of("r1"): IMPORTER.owner}


DEPOSITED = Row("new", BANK, "alice", 1, code=DEPOSIT)
PAID = Row("new", "alice", "bob", 1, code=PAYMENT)
GRANTED = Row("new", "platform", "bob", 1, code=GRANT)
ALLOCATED = Row("new", "suspense", "bob", 1, code=9)
RETURNED = Row("new", "suspense", BANK, 1, code=10)


@pytest.mark.parametrize("company", [0, 12], ids=["alone", "among others"])
@pytest.mark.parametrize(
    ("authority", "row", "result"),
    [
        (IMPORTER, PAID, "created"),
        (IMPORTER, replace(PAID, user_data_128=b"any other bytes."), "mandate_unknown"),
        (IMPORTER, replace(PAID, user_data_128=bytes(16)), "mandate_missing"),
        (IMPORTER, replace(DEPOSITED, user_data_128=b"any other bytes."), "created"),
        (IMPORTER, ALLOCATED, "created"),
        (IMPORTER, replace(ALLOCATED, user_data_128=b"any other bytes."), "mandate_unknown"),
        (IMPORTER, replace(RETURNED, user_data_128=b"any other bytes."), "mandate_unknown"),
        (IMPORTER, RETURNED, "created"),
        (SUBMISSION, replace(ALLOCATED, user_data_128=b"any other bytes."), "created"),
        (SUBMISSION, replace(PAID, user_data_128=b"any other bytes."), "created"),
        (SUBMISSION, GRANTED, "created"),
        (SUBMISSION, DEPOSITED, "mandate_unknown"),
        (EVIDENCE, DEPOSITED, "created"),
        (EVIDENCE, PAID, "mandate_unknown"),
        (EVIDENCE, GRANTED, "mandate_unknown"),
    ],
)
def test_a_mandate_is_looked_up(authority: Authority, row: Row, result: str, company: int) -> None:
    """It is not enough that one is named: an importer's is its window, a deposit's the bank's word."""
    ledger = funded()
    ledger.account("platform", AccountClass.PLATFORM)
    ledger.account("suspense", AccountClass.SUSPENSE)
    for funded_too in ("platform", "suspense"):
        ledger.fund(funded_too, 10)
    others = [Row(f"plain {number}", "alice", "bob", 1) for number in range(company)]
    expected = "mandate_unknown" if authority is EVIDENCE else "created"
    assert send(ledger, authority, *others, row) == [expected] * company + [result]


@pytest.mark.parametrize("company", [0, 12], ids=["alone", "among others"])
@pytest.mark.parametrize(
    ("purpose", "debit", "credit"),
    [(purpose, *pair) for purpose in PURPOSES for pair in sorted(purpose.pairs) if not purpose.closing_only],
    ids=lambda each: getattr(each, "name", str(each)),
)
def test_no_submission_makes_money(purpose: Purpose, debit: AccountClass, credit: AccountClass, company: int) -> None:
    """Every purpose between every two classes: what leaves a bank's mirror rests on the bank's word alone."""
    ledger = funded()
    for side, account_class in (("debit", debit), ("credit", credit)):
        ledger.account(side, account_class)
    others = [Row(f"plain {number}", "alice", "bob", 1) for number in range(company)]
    row = Row("new", "debit", "credit", 1, code=purpose.code)
    ordered = (
        debit is not AccountClass.BANK_MIRROR
        and purpose.code not in BY_THE_BANK
        and (purpose.mandate is not Mandate.OPERATOR or purpose.code in (9, 10))
    )
    found = send(ledger, SUBMISSION, *others, row)[-1]
    assert (found != "mandate_unknown") == ordered, found


async def proposed(custody: Custody, method: str, request: Any, caller: Caller = ADA) -> bytes:
    """Proposes an act; returns the proposal."""
    with calling(caller):
        reply: Any = await getattr(custody.servicer, method)(request, None)
    return bytes(reply.proposal_id)


async def confirmed(custody: Custody, proposal: bytes, caller: Caller = BEA) -> str:
    """Confirms it; returns the reason why not, or nothing."""
    (reason,) = await custody.proposals.decide([Decision(proposal, Verdict.CONFIRM)], caller)
    return reason


async def post(custody: Custody, *rows: Row, window: bytes = MANDATE) -> list[str]:
    """Posts as an importer."""
    columns = columns_of([replace(row, user_data_128=window) for row in rows])
    poster = Poster(b"importer number1", Reach.MIGRATION)
    outcome = await custody.commands.create_transfers(PLATFORM, columns, poster, with_balances=False)
    return [CreateTransferStatus(code).name.lower() for code in outcome.status]


def opening(window: bytes = b"window number 01", seconds: int = 60) -> pb.OpenMigrationRequest:
    """Asks for a window."""
    return pb.OpenMigrationRequest(book_id=PLATFORM, window_id=window, seconds=seconds, reason="moving in")


def closing(window: bytes = b"window number 01") -> pb.CloseMigrationRequest:
    """Asks for its end."""
    return pb.CloseMigrationRequest(book_id=PLATFORM, window_id=window, reason="moved in")


async def test_an_importer_posts_in_a_window_of_two_people(custody: Custody, stores: Callable[[], EventStore]) -> None:
    """Not before, not by one person's leave, not after it is closed, and not after its time."""
    await open_accounts(custody)
    window, row = b"window number 01", Row("i", "alice", "bob", 1)
    # The accounts were funded in a window of their own.
    assert await confirmed(custody, await proposed(custody, "CloseMigration", closing(MANDATE))) == ""
    with pytest.raises(MigrationWindowClosed):
        await post(custody, row)
    proposal = await proposed(custody, "OpenMigration", opening())
    with pytest.raises(MigrationWindowClosed):
        await post(custody, row, window=window)
    assert await confirmed(custody, proposal, ADA) == SecondPersonRequired.reason
    assert await confirmed(custody, proposal) == ""
    assert await post(custody, row, replace(row, id="j"), window=MANDATE) == ["mandate_unknown"] * 2
    assert await post(custody, replace(row, id="k"), window=window) == ["created"]
    assert await proposed(custody, "OpenMigration", opening()) == b""
    with pytest.raises(MigrationWindowOpen):
        await proposed(custody, "OpenMigration", opening(b"window number 02"))
    with pytest.raises(MigrationWindowUnknown):
        await proposed(custody, "CloseMigration", closing(b"window number 02"))
    custody.clock.advance(61 * SECOND)
    with pytest.raises(MigrationWindowClosed):
        await post(custody, row, window=window)
    async with running(stores) as fresh:
        assert fresh.state.digest() == custody.state.digest()


async def test_a_freeze_is_lifted_by_two_people_who_name_its_order(custody: Custody) -> None:
    """Another reference lifts nothing, and an order that comes in between voids what was proposed."""
    await open_accounts(custody)
    freeze = pb.SetFreezeRequest(book_id=PLATFORM, account_ids=[id_of("alice")], frozen=True, order_reference=COURT)
    lift = pb.LiftFreezeRequest(book_id=PLATFORM, account_ids=[id_of("alice")], order_reference=COURT)
    await custody.call("SetFreeze", freeze, None)
    another = pb.LiftFreezeRequest(book_id=PLATFORM, account_ids=[id_of("alice")], order_reference="court 9")
    with pytest.raises(OrderUnknown):
        await proposed(custody, "LiftFreeze", another)
    stale = await proposed(custody, "LiftFreeze", lift)
    assert (await account(custody, "alice")).status == pb.ACCOUNT_STATUS_FROZEN
    freeze.order_reference = "court 8"
    await custody.call("SetFreeze", freeze, None)
    assert await confirmed(custody, stale) == "PROPOSAL_VOID"
    assert await confirmed(custody, await proposed(custody, "LiftFreeze", lift)) == ""
    assert (await account(custody, "alice")).status == pb.ACCOUNT_STATUS_FROZEN
    lift.order_reference = "court 8"
    assert await confirmed(custody, await proposed(custody, "LiftFreeze", lift)) == ""
    assert (await account(custody, "alice")).status == pb.ACCOUNT_STATUS_ACTIVE


async def learn(
    custody: Custody, *events: PrincipalSuspended | PrincipalActivated | CertificatePinned, position: int = 50
) -> None:
    """Takes in what identity says of principals."""
    codec = EventCodec([PrincipalSuspended, PrincipalActivated, CertificatePinned])
    stored = [StoredEvent(position, each.principal, 1, *codec.encode(each, 1), bytes(32)) for each in events]
    await custody.commands.note_identity(
        facts_of(stored), lambda connection: save_cursor(connection, CURSOR, Head(1, position, bytes(32)))
    )


@pytest.mark.parametrize("events", [[CertificatePinned], [PrincipalSuspended, PrincipalActivated]])
async def test_tokens_from_before_have_ended(
    custody: Custody, stores: Callable[[], EventStore], events: list[type[Any]]
) -> None:
    """Of who has a certificate pinned, or was suspended and is not any more: known in every process."""
    await learn(custody, *(each(PLATFORM) for each in events))
    async with running(stores) as fresh:
        for state in (custody.whole, fresh.whole):
            assert state.digest() == custody.whole.digest()
        endings = [each.commands.proposals.state.endings.position_of(PLATFORM) for each in (custody, fresh)]
        assert endings == [50, 50]
        assert PLATFORM not in fresh.commands.proposals.state.stopped


async def test_nobody_posts_into_a_suspended_platforms_book(custody: Custody, stores: Callable[[], EventStore]) -> None:
    """An importer is no part of the platform: the book is closed to it too, in every process, until that is lifted."""
    await open_accounts(custody)
    await learn(custody, PrincipalSuspended(PLATFORM))
    with pytest.raises(PlatformSuspended):
        await custody.call("CreateTransfers", transfers(Row("a", "alice", "bob", 1)), PLATFORM)
    async with running(stores) as fresh:
        assert fresh.whole.digest() == custody.whole.digest()
        with pytest.raises(PlatformSuspended):
            await fresh.call("CreateTransfers", transfers(Row("a", "alice", "bob", 1)), PLATFORM)
    await learn(custody, PrincipalActivated(PLATFORM))
    reply: Any = await custody.call("CreateTransfers", transfers(Row("a", "alice", "bob", 1)), PLATFORM)
    assert reply.status == b"\0"


def booking(*rows: Row, evidence: bytes = b"e" * 32) -> pb.BookEvidenceRequest:
    """Asks to book the bank's word."""
    message = transfers(*rows).transfers
    count = len(rows)
    return pb.BookEvidenceRequest(
        book_id=PLATFORM,
        transfers=message,
        evidence_sha256=evidence * count,
        entry_ids=b"entry number one" * count,
        feed_ids=b"feed of the bank" * count,
    )


async def booked(custody: Custody, request: pb.BookEvidenceRequest) -> list[str]:
    """Books it as payment-instruction's workload."""
    with calling(Caller("spiffe://test/service/payment-instruction", "payment-instruction", bytes(16), "")):
        reply = await custody.servicer.BookEvidence(request, None)
    return [CreateTransferStatus(code).name.lower() for code in reply.status]


async def test_the_banks_word_is_booked_whoever_is_suspended(custody: Custody) -> None:
    """A post, a void and a deposit need nobody's leave, are idempotent, and say on what they rest."""
    await open_accounts(custody)
    pending = [Row(name, "alice", "bank", 10, int(F.PENDING), code=WITHDRAWAL) for name in ("one", "two")]
    await custody.call("CreateTransfers", transfers(*pending), PLATFORM)
    await learn(custody, PrincipalSuspended(PLATFORM))
    rows = (
        replace(POST, id="paid", pending_id="one", amount=10),
        replace(VOID, id="refused", pending_id="two"),
        Row("arrived", "bank", "bob", 7, code=DEPOSIT),
    )
    assert await booked(custody, booking(*rows)) == ["created"] * 3
    assert await booked(custody, booking(*rows)) == ["exists"] * 3
    (said,) = [each.event for each in custody.store.replay(CODEC) if isinstance(each.event, TransfersEvidenced)]
    assert said.id == b"".join(id_of(each.id) for each in rows)
    assert (said.evidence_sha256, said.feed_id) == (b"e" * 96, b"feed of the bank" * 3)
    shown = await account(custody, "alice")
    assert (shown.debits_pending_minor, shown.debits_posted_minor) == (0, 10)


async def test_the_banks_word_names_its_evidence(custody: Custody) -> None:
    """Only a void may rest on none; columns that do not fit are refused whole."""
    await open_accounts(custody)
    arrived = Row("arrived", "bank", "bob", 7, code=DEPOSIT)
    with pytest.raises(EvidenceMissing):
        await booked(custody, booking(arrived, evidence=bytes(32)))
    request = booking(arrived)
    request.feed_ids = b"short"
    with pytest.raises(ColumnsMalformed):
        await booked(custody, request)
    await custody.call(
        "CreateTransfers", transfers(Row("one", "alice", "bank", 10, int(F.PENDING), code=WITHDRAWAL)), PLATFORM
    )
    assert await booked(custody, booking(replace(VOID, pending_id="one"), evidence=bytes(32))) == ["created"]
    assert not [each for each in custody.store.replay(CODEC) if isinstance(each.event, TransfersEvidenced)]


async def test_the_accounts_for_the_banks_word_are_told(custody: Custody) -> None:
    """Mirrors and suspense accounts, the oldest of each currency, and the other mirrors, whoever is suspended."""
    await open_accounts(custody)
    columns = pb.AccountColumns(
        id=b"".join(map(id_of, ("suspense", "bank too"))),
        account_class=[int(AccountClass.SUSPENSE), int(AccountClass.BANK_MIRROR)],  # type: ignore[list-item]
        ledger=[EUR],
        code=[1],
    )
    await custody.call("CreateAccounts", pb.CreateAccountsRequest(accounts=columns), PLATFORM)
    reply = await custody.servicer.GetBookAccounts(pb.GetBookAccountsRequest(book_id=PLATFORM), None)
    found = [[each.id for each in accounts] for accounts in (reply.mirrors, reply.suspense, reply.other_mirrors)]
    assert found == [[id_of("bank")], [id_of("suspense")], [id_of("bank too")]]


async def test_a_credit_that_is_barred_is_never_made(custody: Custody) -> None:
    """Voiding nothing under a deposit's own id says that it stands, or burns the id: late it is refused."""
    await open_accounts(custody)
    arrived = Row("arrived", "bank", "bob", 7, code=DEPOSIT)
    late = replace(arrived, id="late")
    assert await booked(custody, booking(arrived)) == ["created"]
    bars = [
        replace(VOID, id=each, pending_id="nothing", amount=7, code=DEPOSIT, ledger=EUR) for each in ("arrived", "late")
    ]
    stands, barred = await booked(custody, booking(*bars))
    assert (stands.startswith("exists_with_different_"), barred) == (True, "pending_transfer_not_found")
    assert await booked(custody, booking(late)) == ["id_already_failed"]
    assert await booked(custody, booking(bars[1])) == ["id_already_failed"]
    assert (await account(custody, "bob")).credits_posted_minor == 1_007
