"""A second process of each service takes over: nothing is lost, nothing is applied twice, and health is true."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from uuid import UUID

import pytest
from ringfence.custody import Custody
from ringfence.errors import RingfenceError
from ringfence_bootstrap.description import SERVICES
from ringfence_local_stack.sandbox.onboarding import agree
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_local_stack.stack.running import STANDBY

from .conftest import PATIENCE
from .pairs import CONDITION, FEED, Pair, await_true
from .posting import FUNDS_MINOR, IMPATIENT, Posting, Ring, open_ring
from .traffic import Traffic, await_log_complete, open_platform, transfer_count
from .wire import Wire, methods

TAKEOVER_SECONDS = 2.0
LEASE_SECONDS = 3.0
ENDS = ("kill", "kill", "kill", "kill", "stop")
UNEXPECTED = ("unexpected_error", "task_failed", "group_failed", "command_failed", "task_does_not_stop")


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """A stack of its own with two processes of every service."""
    with Scenario.private(patience=PATIENCE, standbys=SERVICES) as scenario:
        yield scenario.processes


@pytest.fixture(scope="module")
def pairs(stack: LocalStack) -> dict[str, Pair]:
    """The processes of each service."""
    probe = stack.running.issue_principal_certificate(str(uuid.uuid4()))
    return {service: Pair(stack, probe, service) for service in SERVICES}


@pytest.fixture
def pair(pairs: dict[str, Pair]) -> Pair:
    """Both processes of custody."""
    return pairs["custody"]


def data_keys(stack: LocalStack, subject: UUID) -> list[str]:
    """Returns the wrapped key of a party, none when it is destroyed."""
    with stack.postgres.superuser(stack.running.databases["identity"].name) as connection:
        rows = connection.execute("SELECT wrapped FROM data_keys WHERE subject = %s", [subject]).fetchall()
    return [wrapped for (wrapped,) in rows if wrapped is not None]


def restore_key(stack: LocalStack, subject: UUID, wrapped: str) -> None:
    """Puts a destroyed key back, as a table does that is restored without the erasure."""
    with stack.postgres.superuser(stack.running.databases["identity"].name) as connection:
        connection.execute(
            "UPDATE data_keys SET wrapped = %s, destroyed_at = NULL WHERE subject = %s", [wrapped, subject]
        )


def require_one_history(pair: Pair, ring: Ring, posting: Posting) -> None:
    """Compares the book with what was acknowledged: every transfer once, balances as they add up."""
    expected = Counter(dict.fromkeys(ring.clients, FUNDS_MINOR))
    for each in posting.acknowledged:
        assert each.debit_account_id is not None
        assert each.credit_account_id is not None
        expected[each.debit_account_id] -= each.amount_minor
        expected[each.credit_account_id] += each.amount_minor
    with pair.sandbox() as box:
        importer = box.client(ring.importer_name)
        ids = [each.id for each in posting.acknowledged]
        assert len(set(ids)) == len(ids)
        found = [
            each.id for at in range(0, len(ids), 5_000) for each in importer.custody.transfers(ids[at : at + 5_000])
        ]
        assert sorted(found) == sorted(ids)
        totals = importer.custody.totals(ring.book_id)
        assert totals.transfers == len(ids) + len(ring.clients)
        assert sum(each.balances.posted_minor for each in totals.classes) == 0
        assert importer.custody.balances(ring.clients, ring.book_id) == dict(expected)


def test_acknowledged_transfers_survive_the_end_of_the_leader(pair: Pair) -> None:
    """Killed with signal 9 under load, again and again, and stopped in order: the other takes writes within 2 s."""
    with pair.sandbox() as box, Posting(ring := open_ring(box, "kills"), pair.clients(ring)) as posting:
        for end in ENDS:
            posting.wait_for_more(100)
            leader, standby = pair.roles()
            ended = time.monotonic()
            getattr(pair.stack.parts[leader], end)()
            await_true(lambda: [part for part in pair.parts if pair.leads(part)])
            seen = time.monotonic()
            silence = posting.longest_silence(ended, seen)
            print(f"{end}: health after {seen - ended:.3f} s, longest without an answer {silence:.3f} s")
            assert max(seen - ended, silence) <= TAKEOVER_SECONDS
            assert [pair.says_serving(part) for part in (leader, standby)] == [False, True]
            pair.stack.restart(leader)
            assert pair.roles() == (standby, leader)
    print(posting)
    require_one_history(pair, ring, posting)


def reads(custody: Custody, book_id: UUID, account_id: UUID) -> list[Callable[[], object]]:
    """Returns questions about a book, of what is in memory and of what is in the database."""
    return [
        lambda: custody.totals(book_id),
        lambda: custody.accounts([account_id], book_id),
        lambda: custody.balances([account_id], book_id),
        lambda: list(custody.statement(account_id, book_id)),
    ]


def test_only_the_leader_answers_for_the_book(pair: Pair) -> None:
    """What a standby has in memory, or reads in the database, is not said: it may be behind."""
    with pair.sandbox() as box:
        ring = open_ring(box, "reads")
    leader, _ = pair.roles()
    for part, client in zip(pair.parts, pair.clients(ring), strict=True):
        for read in reads(client.custody, ring.book_id, ring.clients[0]):
            if part == leader:
                assert read()
                continue
            with pytest.raises(RingfenceError) as refused:
                read()
            assert refused.value.reason == "NOT_LEADER"
        client.close()


def test_leader_that_hangs_is_replaced_and_refuses_when_it_wakes(pair: Pair) -> None:
    """A leader that is stopped loses its lease; woken, it answers nothing as a leader, and stands by."""
    with pair.sandbox() as box, Posting(ring := open_ring(box, "hangs"), pair.clients(ring)) as posting:
        posting.wait_for_more(100)
        leader, standby = pair.roles()
        pid, stopped = pair.stack.parts[leader].pid, time.monotonic()
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            silence = posting.longest_silence(stopped, stopped)
            print(f"hangs: longest without an answer {silence:.3f} s")
            assert silence <= LEASE_SECONDS + TAKEOVER_SECONDS + IMPATIENT.call_seconds
            assert pair.leads(standby)
        finally:
            os.kill(pid, signal.SIGCONT)
        await_true(lambda: [leader] if not pair.leads(leader) else [], 1.0)
        posting.wait_for_more(100)
        assert pair.roles() == (standby, leader)
    require_one_history(pair, ring, posting)


@pytest.mark.parametrize("service", SERVICES)
def test_standby_gives_no_answer_of_its_own(stack: LocalStack, pairs: dict[str, Pair], service: str) -> None:
    """Whoever asks a standby for whatever, without a token or a request that makes sense, is sent to the leader."""
    _, standby = pairs[service].roles()
    own = [each for each in methods() if each.service == service]
    asked = [each for each in own if not each.path.startswith((f"/{FEED}/", f"/{CONDITION}/"))]
    with Sandbox(stack.running) as box:
        credentials = box.operators[0].credentials
    there = {**stack.running.listens, service: stack.running.listens[standby], f"{service}{STANDBY}": ""}
    running = replace(stack.running, listens={part: address for part, address in there.items() if address})
    with closing(Wire(running, credentials)) as wire:
        answers = {(answer.code, answer.reason) for answer in map(wire.call, asked)}
    assert len(asked) > 2
    assert answers == {("UNAVAILABLE", "NOT_LEADER")}


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_every_service_is_taken_over_while_payments_flow(stack: LocalStack, pairs: dict[str, Pair], how: str) -> None:
    """Payments handed in while the leader of each service ends settle once each, none is refused, the log has all."""
    with Sandbox(stack.running, PATIENCE) as box:
        platform = open_platform(box)
        before = transfer_count(platform.client)
        with Traffic(platform) as traffic:
            for service in SERVICES:
                traffic.wait_for_more(40)
                leader, standby = pairs[service].roles()
                getattr(stack.parts[leader], how)()
                traffic.wait_for_more(40)
                stack.restart(leader)
                assert pairs[service].roles() == (standby, leader)
        traffic.await_all_settled()
        assert transfer_count(platform.client) - before == len(traffic.instruction_ids)
        await_log_complete(box)


def test_new_leader_of_identity_knows_what_the_old_one_did(stack: LocalStack, pairs: dict[str, Pair]) -> None:
    """Registered by one process, a principal gets a token from the other; erased by one, nobody is read by the other.

    A key of the erased that came back, as with a restored table, is destroyed again by whoever begins to lead.
    """
    identity = pairs["identity"]
    with Sandbox(stack.running, PATIENCE) as box:
        platform = Scenario(box).platform(banked=False)
        kept, gone = platform.party("Ida Kept", verified=False), platform.party("Ugo Gone", verified=False)
        keys = data_keys(stack, gone.id)
        assert len(keys) == 1
        first, second = box.operators
        agree(second, first.identity.erase_parties(platform.id, [gone.id]))
        assert data_keys(stack, gone.id) == []
        restore_key(stack, gone.id, keys[0])
        leader, standby = identity.roles()
        stack.parts[leader].kill()
        assert identity.await_leader() == standby
        assert data_keys(stack, gone.id) == []
        names = {each.id: each.name for each in platform.client.identity.parties([kept.id, gone.id])}
        assert names == {kept.id: "Ida Kept", gone.id: ""}
        stack.restart(leader)
    with Sandbox(stack.running, PATIENCE) as box:
        assert box.client(platform.name).identity.parties([kept.id])


def test_new_leader_of_identity_publishes_a_key_made_while_it_stood_by(
    stack: LocalStack, pairs: dict[str, Pair]
) -> None:
    """Tokens of a key that a standby has not heard of are good with it as soon as it leads."""
    identity = pairs["identity"]
    leader, standby = identity.roles()
    stack.openbao.admin().write("transit/keys/identity-token/rotate")
    with Sandbox(stack.running, PATIENCE) as box:
        assert Scenario(box).platform(banked=False).party("Before", verified=False)
        newest = box.operators[0].identity.jwks()
        assert "identity-token.v2" in newest
        stack.parts[leader].kill()
        assert identity.await_leader() == standby
        with identity.sandbox() as fresh:
            assert fresh.operators[0].identity.jwks() == newest
        stack.restart(leader)


def test_nothing_unexpected_was_logged(pair: Pair) -> None:
    """After all of that, no process of the platform has met anything that it has no name for."""
    for log in (pair.stack.directory / "logs").glob("*.log"):
        found = [line for line in log.read_text().splitlines() if any(f'"{event}"' in line for event in UNEXPECTED)]
        assert not found, (log.name, found[:3])
