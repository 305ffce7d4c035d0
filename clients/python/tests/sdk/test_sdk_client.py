"""The client over real gRPC: tokens, retries, refusals, pages and streams."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from uuid import UUID

import pytest
from ringfence import Client, Patience, RingfenceError, new_id
from ringfence.ledger import AccountClass, AccountSide, AccountStatus, Balances, NewTransfer, TransferFilter
from ringfence.payments import InstructionStatus
from ringfence.tokens import TokenSource
from ringfence.transport import open_channel
from ringfence.unproven import Flaw, MirrorMove
from ringfence_protos.custody.v1 import custody_pb2 as pb
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as payments_pb

from .authority import TestAuthority
from .conftest import Fakes, credentials_of
from .far_away import FarAway


def _transfer() -> NewTransfer:
    return NewTransfer(
        id=new_id(), amount_minor=5, currency="EUR", code=1, debit_account_id=new_id(), credit_account_id=new_id()
    )


def test_token_is_fetched_once_for_many_calls(fakes: Fakes) -> None:
    """Nothing is asked of identity before the first call, and one token serves the calls after it."""
    assert fakes.tokens.assertions == []
    for _ in range(3):
        fakes.client.custody.totals()
    assert len(fakes.tokens.assertions) == 1
    assert fakes.ledger.tokens == ["Bearer token-1"] * 3


def test_token_about_to_expire_is_replaced(fakes: Fakes) -> None:
    """A token with less than half a minute left is not used again."""
    fakes.tokens.expires_in_seconds = 20
    fakes.client.custody.totals()
    fakes.client.custody.totals()
    assert fakes.ledger.tokens == ["Bearer token-1", "Bearer token-2"]


def test_an_identity_that_is_silent_holds_up_nobody_for_longer_than_they_like(fakes: Fakes) -> None:
    """While one caller waits for a token, an impatient one gives up in its own time, and all share the one answer."""
    fakes.tokens.may_answer.clear()
    credentials = fakes.client.credentials
    tokens = TokenSource(open_channel(fakes.addresses.identity, "identity", credentials), credentials)
    with ThreadPoolExecutor(3) as threads:
        patient = [threads.submit(tokens.token, 15.0) for _ in range(2)]
        while not fakes.tokens.assertions:
            time.sleep(0.01)
        started = time.monotonic()
        with pytest.raises(RingfenceError) as late:
            tokens.token(0.2)
        tokens.forget("another")
        assert time.monotonic() - started < 5
        assert late.value.code == "DEADLINE_EXCEEDED"
        fakes.tokens.may_answer.set()
        assert [each.result() for each in patient] == ["token-1", "token-1"]
    assert tokens.token(1.0) == "token-1"
    assert len(fakes.tokens.assertions) == 1


def test_services_may_be_far_away(fakes: Fakes) -> None:
    """A connection may take many times as long as within a machine: it is not given up for another."""
    with FarAway(fakes.addresses.identity) as far:
        channel = open_channel(far.address, "identity", fakes.client.credentials)
        tokens = TokenSource(channel, fakes.client.credentials)
        assert tokens.token(15.0) == "token-1"
        assert far.connections == 1
        channel.close()


def test_a_closed_client_refuses_what_nobody_had_asked_of_it(fakes: Fakes) -> None:
    """What was never used before the client was closed says so, instead of calling on connections that have ended."""
    fakes.client.close()
    for use in (lambda: fakes.client.safeguarding, lambda: fakes.client.dossiers, lambda: fakes.client.proposals):
        with pytest.raises(RingfenceError, match="CLIENT_CLOSED"):
            use()


def test_refused_token_is_renewed_once(fakes: Fakes) -> None:
    """A refused token is replaced and the call made again; a second refusal is the answer."""
    fakes.ledger.refusals = [("UNAUTHENTICATED", "TOKEN_EXPIRED")]
    fakes.client.custody.totals()
    assert fakes.ledger.tokens == ["Bearer token-1", "Bearer token-2"]
    fakes.ledger.refusals = [("UNAUTHENTICATED", "TOKEN_NOT_BOUND")] * 2
    with pytest.raises(RingfenceError) as refused:
        fakes.client.custody.totals()
    assert refused.value.reason == "TOKEN_NOT_BOUND"


def test_every_assertion_is_used_once(fakes: Fakes) -> None:
    """Each token is asked for with an assertion of its own."""
    fakes.tokens.expires_in_seconds = 0
    for _ in range(3):
        fakes.client.custody.totals()
    assert len(set(fakes.tokens.assertions)) == 3


def test_unavailable_service_is_asked_again_with_the_same_request(fakes: Fakes) -> None:
    """An outage shorter than the patience is not seen by the caller, and the ids stay the same."""
    fakes.ledger.refusals = [("UNAVAILABLE", "STORE_UNAVAILABLE"), ("RESOURCE_EXHAUSTED", "OVERLOADED")]
    (result,) = fakes.client.custody.create_transfers(new_id(), [_transfer()])
    assert result.done
    first, second, third = (request.transfers.id for request in fakes.ledger.requests)
    assert first == second == third


def test_a_call_that_a_stopping_server_cancels_is_made_again(fakes: Fakes) -> None:
    """Nobody here has cancelled it: the caller does not see that the server was just ending."""
    fakes.ledger.refusals = [("CANCELLED", "")]
    assert fakes.client.custody.create_transfers(new_id(), [_transfer()])[0].done


def test_closing_cuts_a_call_off_by_name(fakes: Fakes) -> None:
    """A call under way may have been done, a later one was not sent: each says so, with a token or without."""
    fakes.ledger.may_answer.clear()
    with ThreadPoolExecutor() as threads:
        under_way = threads.submit(fakes.client.custody.totals)
        _await_requests(fakes, 1)
        fakes.client.close()
        fakes.ledger.may_answer.set()
        assert _reason(under_way.result) == "CLOSED_UNANSWERED"
    assert _reason(fakes.client.custody.totals) == "CLIENT_CLOSED"
    assert _reason(lambda: fakes.client.identity.jwks()) == "CLIENT_CLOSED"
    assert _reason(lambda: next(fakes.client.payments.watch())) == "CLIENT_CLOSED"


def test_closing_ends_a_stream_by_name(fakes: Fakes) -> None:
    """A stream that somebody else closes the client of is not opened again."""
    fakes.instructions.goes_on = True
    changes = fakes.client.payments.watch(3)
    assert next(changes).position == 4
    fakes.client.close()
    assert _reason(lambda: next(changes)) == "CLIENT_CLOSED"


def test_closing_ends_a_pause_between_attempts(authority: TestAuthority, fakes: Fakes) -> None:
    """Nobody waits for a service any more when the client is closed; an earlier attempt may have been done."""
    fakes.ledger.refusals = [("UNAVAILABLE", "STORE_UNAVAILABLE", 60.0)]
    client = Client(fakes.addresses, credentials_of(authority), Patience(call_seconds=5, retry_seconds=120))
    with ThreadPoolExecutor() as threads:
        pausing = threads.submit(client.custody.totals)
        _await_requests(fakes, 1)
        time.sleep(0.3)  # until it has heard the refusal, and pauses
        client.close()
        with pytest.raises(RingfenceError) as refused:
            pausing.result(timeout=30)
    assert refused.value.reason == "CLOSED_UNANSWERED"


def _await_requests(fakes: Fakes, count: int) -> None:
    end = time.monotonic() + 10
    while len(fakes.ledger.requests) < count:
        assert time.monotonic() < end
        time.sleep(0.01)


def _reason(call: Callable[[], object]) -> str:
    with pytest.raises(RingfenceError) as refused:
        call()
    return refused.value.reason


def test_a_service_is_left_alone_for_as_long_as_it_asks(fakes: Fakes) -> None:
    """The time that an overloaded service names is waited for, where the SDK's own pause would be shorter."""
    fakes.ledger.refusals = [("RESOURCE_EXHAUSTED", "OVERLOADED", 0.3)]
    began = time.monotonic()
    fakes.client.custody.totals()
    assert time.monotonic() - began >= 0.3


def test_nobody_waits_longer_than_the_patience_for_a_service_that_wants_to_be_left_alone(fakes: Fakes) -> None:
    """A time beyond the patience is raised at once, and told."""
    fakes.ledger.refusals = [("RESOURCE_EXHAUSTED", "OVERLOADED", 5.0)]
    began = time.monotonic()
    with pytest.raises(RingfenceError) as refused:
        fakes.client.custody.totals()
    assert refused.value.retry_after_seconds == 5.0
    assert time.monotonic() - began < 1


def test_patience_ends(fakes: Fakes) -> None:
    """An outage longer than the patience is raised with the service's own reason."""
    fakes.ledger.refusals = [("UNAVAILABLE", "STORE_UNAVAILABLE")] * 1_000
    with pytest.raises(RingfenceError) as refused:
        fakes.client.custody.totals()
    assert (refused.value.code, refused.value.reason) == ("UNAVAILABLE", "STORE_UNAVAILABLE")
    assert refused.value.is_transient


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("PERMISSION_DENIED", "SCOPE_MISSING"),
        ("RESOURCE_EXHAUSTED", "EVENT_TOO_LARGE"),
        ("RESOURCE_EXHAUSTED", "TOO_MANY_PROPOSALS"),
    ],
)
def test_refusal_is_raised_by_name_and_not_repeated(fakes: Fakes, code: str, reason: str) -> None:
    """A refusal that no waiting changes is raised at once with code, reason and metadata."""
    fakes.ledger.refusals = [(code, reason)]
    with pytest.raises(RingfenceError) as refused:
        fakes.client.custody.totals()
    assert (refused.value.code, refused.value.reason) == (code, reason)
    assert not refused.value.is_transient
    assert refused.value.metadata == {"seen": "yes"}
    assert len(fakes.ledger.requests) == 1


def test_transfers_answer_status_and_balances_per_row(fakes: Fakes) -> None:
    """Statuses come back by name and balances per row, in the order of the rows."""
    fakes.ledger.status = bytes([0, 46, 54])
    transfers = [_transfer() for _ in range(3)]
    results = fakes.client.custody.create_transfers(new_id(), transfers, return_balances=True)
    assert [(each.id, each.status, each.done) for each in results] == [
        (transfers[0].id, "created", True),
        (transfers[1].id, "exists", True),
        (transfers[2].id, "exceeds_credits", False),
    ]
    assert [each.credit for each in results] == [Balances(0, 0, 0, row) for row in (1, 2, 3)]


def test_pages_are_fetched_as_needed(fakes: Fakes) -> None:
    """A listing goes on to the next page only when it is read that far."""
    accounts = fakes.client.custody.list_accounts()
    assert [each.balances.posted_minor for each in islice(accounts, 2)] == [0, 1]
    assert len(fakes.ledger.requests) == 1
    assert [each.balances.posted_minor for each in accounts] == [2]


def test_listing_of_transfers_asks_for_what_is_named(fakes: Fakes) -> None:
    """Filter, bounds and order are asked for on every page, and the transfers come with all their user data."""
    where, book = (
        TransferFilter(code=3, user_data_128=new_id(), user_data_64=64, user_data_32=32, currency="CZK"),
        new_id(),
    )
    listed = fakes.client.custody.list_transfers(book, where, from_ns=5, until_ns=9, newest_first=True)
    assert [each.user_data_32 for each in listed] == [0, 1, 2]
    first, second = fakes.ledger.requests
    assert (first.page_token, second.page_token) == ("", "2")
    assert (first.from_ns, first.until_ns, first.newest_first, first.book_id) == (5, 9, True, book.bytes)
    assert where.user_data_128 is not None
    assert first.filter == second.filter
    assert first.filter == pb.TransferFilter(
        code=3, user_data_128=where.user_data_128.bytes, user_data_64=64, user_data_32=32, ledger=203
    )


def test_statement_asks_for_one_side_and_order(fakes: Fakes) -> None:
    """A statement can be of one side of the account, filtered, with the newest first, and with reservations."""
    account = new_id()
    entries = fakes.client.custody.statement(
        account, None, TransferFilter(code=2), side=AccountSide.DEBIT, newest_first=True, include_reservations=True
    )
    assert list(entries) == []
    (request,) = fakes.ledger.requests
    assert (request.account_id, request.filter.code) == (account.bytes, 2)
    assert (request.side, request.newest_first, request.include_reservations) == (pb.ACCOUNT_SIDE_DEBIT, True, True)


def test_listing_of_accounts_asks_for_what_is_named(fakes: Fakes) -> None:
    """Accounts are listed by owner, class, currency, code, state, user data and time, the newest first if asked for."""
    owner, reference = new_id(), new_id()
    listed = fakes.client.custody.list_accounts(
        None,
        owner,
        account_class=AccountClass.CLIENT,
        currency="EUR",
        code=4,
        status=AccountStatus.ACTIVE,
        user_data_128=reference,
        user_data_64=6,
        user_data_32=7,
        from_ns=8,
        until_ns=9,
        newest_first=True,
    )
    assert next(listed).currency == "EUR"
    assert fakes.ledger.requests[0] == pb.ListAccountsRequest(
        page_size=1_000,
        owner_id=owner.bytes,
        account_class=pb.ACCOUNT_CLASS_CLIENT,
        ledger=978,
        code=4,
        status=pb.ACCOUNT_STATUS_ACTIVE,
        user_data_128=reference.bytes,
        user_data_64=6,
        user_data_32=7,
        from_ns=8,
        until_ns=9,
        newest_first=True,
    )


def test_balances_are_asked_for_as_of_an_event(fakes: Fakes) -> None:
    """Balances are those at a feed position where one is named."""
    account = new_id()
    assert fakes.client.custody.balances([account], as_of_position=12) == {account: 5}
    assert (fakes.ledger.requests[0].as_of_position, fakes.ledger.requests[0].as_of_ns) == (12, 0)


def test_accounts_are_moved_along_their_life_cycle(fakes: Fakes) -> None:
    """The state to move to and the reason are sent, and the state of each account comes back."""
    book, accounts = new_id(), [new_id(), new_id()]
    moved = fakes.client.custody.set_account_status(book, accounts, AccountStatus.DORMANT, reason="no movement")
    assert moved.status == [AccountStatus.DORMANT] * 2
    (request,) = fakes.ledger.requests
    assert (request.book_id, list(request.account_ids)) == (book.bytes, [each.bytes for each in accounts])
    assert (request.status, request.reason) == (pb.ACCOUNT_STATUS_DORMANT, "no movement")


def test_listing_of_instructions_asks_for_what_is_named(fakes: Fakes) -> None:
    """State, submission, bounds and order are asked for on every page; left out they ask for all, from the first."""
    submission, tenant = new_id(), new_id()
    listed = fakes.client.payments.list_instructions(
        tenant, status=InstructionStatus.SETTLED, submission_id=submission, newest_first=True, from_ns=5, until_ns=9
    )
    assert [each.state.instruction_id.bytes[0] for each in listed] == [1, 2]
    first, second = fakes.instructions.listed
    assert (first.page_token, second.page_token) == ("", "2")
    assert (second.tenant_id, second.submission_id) == (tenant.bytes, submission.bytes)
    assert (second.status, second.newest_first, second.from_ns, second.until_ns) == (8, True, 5, 9)
    next(fakes.client.payments.list_instructions())
    assert fakes.instructions.listed[-1] == payments_pb.ListInstructionsRequest(page_size=first.page_size)


def test_broken_stream_goes_on_after_the_last_position(fakes: Fakes) -> None:
    """A stream that breaks is resumed where it stood: no change is lost and none comes twice."""
    positions = [changes.position for changes in islice(fakes.client.payments.watch(), 4)]
    assert positions == [1, 2, 3, 4]
    assert fakes.instructions.asked_after == [0, 2]


def test_leaves_are_read_to_the_end(fakes: Fakes) -> None:
    """Leaves come in order and without gaps however they are cut into pages, up to a bound where one is given."""
    assert [leaf.content for leaf in fakes.client.audit.leaves()] == [b"0", b"1", b"2", b"3", b"4"]
    assert [leaf.index for leaf in fakes.client.audit.leaves(1, 4)] == [1, 2, 3]


def test_unproven_transfers_are_read_to_the_end(fakes: Fakes) -> None:
    """Findings come page by page, of all tenants or of one; what is not named is None."""
    proof = fakes.client.audit.prove_transfers()
    assert (proof.judged_leaves, proof.open) == (7, 3)
    first, second = proof.unproven
    assert (first.flaw, first.move, first.amount_minor) == (Flaw.FILE_UNKNOWN, MirrorMove.IN, 5)
    assert (first.entry_id, first.evidence_sha256) == (UUID(bytes=b"e" * 16), b"f" * 32)
    assert (second.flaw, second.entry_id, second.feed_id) == (Flaw.EVIDENCE_NOT_NAMED, None, None)
    tenant = UUID(int=9)
    assert {each.tenant_id for each in fakes.client.audit.prove_transfers(tenant).unproven} == {tenant}


def test_stream_ends_after_its_seconds(fakes: Fakes) -> None:
    """A stream that is given so many seconds ends by itself, without an error, though its service would go on."""
    fakes.instructions.goes_on = True
    assert [changes.position for changes in fakes.client.payments.watch(2, seconds=0.5)] == [3, 4]
