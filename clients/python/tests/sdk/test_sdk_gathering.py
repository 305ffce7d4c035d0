"""Concurrent calls travel together, and each caller has exactly its own answer."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from ringfence import RingfenceError, gathering, new_id
from ringfence.ledger import AccountClass, NewAccount, TransferFlag

from .conftest import Fakes
from .gathered import (
    BOOKS,
    CALLS,
    Answer,
    Call,
    Callers,
    by_tasks,
    by_threads,
    call,
    check_answers,
    check_requests,
    transfer,
)
from .services import split

CALLERS = pytest.mark.parametrize("callers", [by_threads, by_tasks])
SLOW_SECONDS = 10.0


def until(condition: Callable[[], bool]) -> None:
    """Returns once the condition holds."""
    end = time.monotonic() + SLOW_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def occupy(fakes: Fakes, threads: ThreadPoolExecutor) -> list[Call]:
    """Puts as many requests under way as there may be, which the ledger does not answer yet."""
    fakes.ledger.may_answer.clear()
    occupiers = [call() for _ in range(gathering.REQUESTS_UNDER_WAY)]
    for count, each in enumerate(occupiers, 1):
        threads.submit(fakes.client.custody.create_transfers, each.book, each.transfers)
        until(partial(_has_requests, fakes, count))
    return occupiers


def _has_requests(fakes: Fakes, count: int) -> bool:
    return len(fakes.ledger.requests) == count


def waiting_rows(fakes: Fakes) -> int:
    """How many rows wait for a request that takes them."""
    return fakes.client.custody._new_transfers._waiting_rows


def rows_sent(fakes: Fakes) -> list[int]:
    """How many rows each request had."""
    return [len(split(request.transfers.id)) for request in fakes.ledger.requests]


@CALLERS
@given(calls=CALLS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_caller_has_its_own_answer(fakes: Fakes, callers: Callers, calls: list[Call]) -> None:
    """Whatever is called at once, each caller gets its own results or its own refusal, and nothing is mixed."""
    fakes.ledger.requests.clear()
    fakes.ledger.poison = {each.ids[-1] for each in calls if each.is_poisoned}
    check_answers(calls, callers(fakes.client, calls))
    check_requests(calls, fakes.ledger)


@CALLERS
def test_calls_that_wait_travel_together(fakes: Fakes, callers: Callers) -> None:
    """While two requests are under way, a hundred calls become the third."""
    with ThreadPoolExecutor(3) as threads:
        occupy(fakes, threads)
        calls = [call() for _ in range(100)]
        answers = threads.submit(callers, fakes.client, calls)
        until(lambda: waiting_rows(fakes) == 100)
        fakes.ledger.may_answer.set()
        check_answers(calls, answers.result())
    assert rows_sent(fakes) == [1, 1, 100]


@CALLERS
def test_request_is_full_of_whole_calls(fakes: Fakes, callers: Callers) -> None:
    """No call is divided between requests, and none of these has more than 8,190 rows."""
    calls = [call(5_000), call(3_190), call(1), call(8_190)]
    check_answers(calls, callers(fakes.client, calls))
    check_requests(calls, fakes.ledger)


@CALLERS
def test_refused_request_is_refused_to_the_guilty_alone(fakes: Fakes, callers: Callers) -> None:
    """Of a hundred calls in one request two are refused, and few requests find out which."""
    calls = [Call(BOOKS[0], [transfer()], False, number in (17, 62)) for number in range(100)]
    fakes.ledger.poison = {each.ids[0] for each in calls if each.is_poisoned}
    with ThreadPoolExecutor(3) as threads:
        occupy(fakes, threads)
        answers = threads.submit(callers, fakes.client, calls)
        until(lambda: waiting_rows(fakes) == 100)
        fakes.ledger.may_answer.set()
        check_answers(calls, answers.result())
    assert len(fakes.ledger.requests) < 35


@CALLERS
def test_rows_that_are_no_columns_harm_their_caller_alone(fakes: Fakes, callers: Callers) -> None:
    """A currency that there is not is the error of its caller, and the others' transfers are created."""
    calls = [call(), call(currency="XXX"), call(amount_minor=-1), call()]
    first, unknown, negative, last = callers(fakes.client, calls)
    check_answers([calls[0], calls[3]], [first, last])
    assert isinstance(unknown, ValueError)
    assert isinstance(negative, ValueError)


@CALLERS
def test_event_too_large_is_sent_in_parts(fakes: Fakes, callers: Callers) -> None:
    """A request that is too much for one event is divided at once, not repeated as it is."""
    fakes.ledger.most_rows = 4
    calls = [call(3) for _ in range(20)]
    check_answers(calls, callers(fakes.client, calls))
    with pytest.raises(RingfenceError, match="EVENT_TOO_LARGE"):
        fakes.client.custody.create_transfers(BOOKS[0], call(5).transfers)


@CALLERS
@pytest.mark.parametrize("refusal", [("UNAVAILABLE", "STORE_UNAVAILABLE"), ("PERMISSION_DENIED", "SCOPE_MISSING")])
def test_refusal_of_whoever_asks_is_everybodys(fakes: Fakes, callers: Callers, refusal: tuple[str, str]) -> None:
    """An outage beyond the patience, or a missing right, is raised for every caller, in an exception of its own."""
    calls = [call() for _ in range(50)]
    fakes.ledger.refusals = [refusal] * 1_000
    answers = callers(fakes.client, calls)
    assert {(each.code, each.reason) for each in answers if isinstance(each, RingfenceError)} == {refusal}
    assert len(set(map(id, answers))) == 50


def test_open_chain_travels_alone(fakes: Fakes) -> None:
    """A call that leaves its chain open is sent by itself, between calls that travel together."""
    calls = [call(), call(2, flags=TransferFlag.LINKED), call(), call()]
    with ThreadPoolExecutor(3) as threads:
        occupiers = occupy(fakes, threads)
        answers = threads.submit(by_tasks, fakes.client, calls)
        until(lambda: waiting_rows(fakes) == 5)
        fakes.ledger.may_answer.set()
        check_answers(calls, answers.result())
    assert sorted(rows_sent(fakes)) == [1, 1, 2, 3]
    check_requests([*occupiers, *calls], fakes.ledger)


def test_calls_that_the_service_will_refuse_travel_alone(fakes: Fakes) -> None:
    """No rows, or too many, are left to the service to judge, without anybody else's."""
    assert fakes.client.custody.create_transfers(BOOKS[0], []) == []
    with pytest.raises(RingfenceError, match="EVENT_TOO_LARGE"):
        fakes.client.custody.create_transfers(BOOKS[0], call(8_191).transfers)
    assert rows_sent(fakes) == [0, 8_191]


def test_accounts_travel_together(fakes: Fakes) -> None:
    """Accounts that tasks open at the same time are gathered as transfers are."""

    def account() -> NewAccount:
        return NewAccount(id=new_id(), account_class=AccountClass.FEE, currency="EUR")

    async def open_many() -> list[UUID]:
        create = fakes.client.custody.create_accounts_async
        results = await asyncio.gather(*(create([each]) for each in accounts))
        return [result.id for (result,) in results]

    accounts = [account() for _ in range(100)]
    assert asyncio.run(open_many()) == [each.id for each in accounts]
    assert len(fakes.ledger.requests) < 100


def test_cancelled_task_leaves_the_others_alone(fakes: Fakes) -> None:
    """Of four calls in one request two are cancelled, and the others are answered."""
    calls = [call() for _ in range(4)]

    async def cancel_every_other() -> list[Answer]:
        create = fakes.client.custody.create_transfers_async
        tasks = [asyncio.create_task(create(each.book, each.transfers)) for each in calls]
        await asyncio.sleep(0)
        for cancelled in tasks[::2]:
            cancelled.cancel()
        fakes.ledger.may_answer.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    with ThreadPoolExecutor(3) as threads:
        occupy(fakes, threads)
        first, second, third, fourth = asyncio.run(cancel_every_other())
    assert isinstance(first, asyncio.CancelledError)
    assert isinstance(third, asyncio.CancelledError)
    check_answers(calls[1::2], [second, fourth])
    assert rows_sent(fakes) == [1, 1, 4]


def test_loop_that_is_gone_leaves_the_others_alone(fakes: Fakes) -> None:
    """A task whose event loop ended before the answer came does not keep it from a thread."""

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(fakes.client.custody.create_transfers_async(BOOKS[0], call().transfers), 0.01)

    with ThreadPoolExecutor(3) as threads:
        occupy(fakes, threads)
        asyncio.run(give_up())
        patient = call()
        answer = threads.submit(fakes.client.custody.create_transfers, BOOKS[0], patient.transfers)
        until(lambda: waiting_rows(fakes) == 2)
        fakes.ledger.may_answer.set()
        check_answers([patient], [answer.result()])


def test_close_answers_everybody(fakes: Fakes) -> None:
    """On close what is under way is answered, what waits is refused by name, and so is whoever comes later."""
    custody = fakes.client.custody
    with ThreadPoolExecutor(6) as threads:
        fakes.ledger.may_answer.clear()
        under_way = [threads.submit(custody.create_transfers, book, call().transfers) for book in BOOKS]
        until(lambda: len(fakes.ledger.requests) == 2)
        waiting = [threads.submit(custody.create_transfers, BOOKS[0], call().transfers) for _ in range(3)]
        until(lambda: waiting_rows(fakes) == 3)
        closing = threads.submit(custody.close)
        for refused in waiting:
            with pytest.raises(RingfenceError, match="CLIENT_CLOSED"):
                refused.result(SLOW_SECONDS)
        assert not closing.done()
        fakes.ledger.may_answer.set()
        assert all(result.done for each in under_way for result in each.result(SLOW_SECONDS))
        closing.result(SLOW_SECONDS)
    with pytest.raises(RingfenceError, match="CLIENT_CLOSED"):
        custody.create_transfers(BOOKS[0], call().transfers)
    until(lambda: all(each.name != "ringfence-sender" for each in threading.enumerate()))


def test_full_queue_makes_threads_wait_and_refuses_tasks(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that wait are bounded: a thread waits until there is room, a task is refused by name."""
    monkeypatch.setattr(gathering, "MAX_WAITING_ROWS", 10)
    custody = fakes.client.custody
    with ThreadPoolExecutor(6) as threads:
        occupy(fakes, threads)
        first = threads.submit(custody.create_transfers, BOOKS[0], call(10).transfers)
        until(lambda: waiting_rows(fakes) == 10)
        second = threads.submit(custody.create_transfers, BOOKS[0], call(1).transfers)
        with pytest.raises(RingfenceError, match="QUEUE_FULL") as refused:
            asyncio.run(custody.create_transfers_async(BOOKS[0], call(1).transfers))
        assert refused.value.is_transient
        assert waiting_rows(fakes) == 10
        fakes.ledger.may_answer.set()
        assert len(first.result(SLOW_SECONDS)) == 10
        assert len(second.result(SLOW_SECONDS)) == 1


def test_thread_does_not_wait_for_room_for_ever(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that finds no room within the patience is refused by name."""
    monkeypatch.setattr(gathering, "MAX_WAITING_ROWS", 10)
    with ThreadPoolExecutor(6) as threads:
        occupy(fakes, threads)
        threads.submit(fakes.client.custody.create_transfers, BOOKS[0], call(10).transfers)
        until(lambda: waiting_rows(fakes) == 10)
        with pytest.raises(RingfenceError, match="QUEUE_FULL"):
            fakes.client.custody.create_transfers(BOOKS[0], call(1).transfers)
        fakes.ledger.may_answer.set()


def test_senders_end_when_idle_and_come_back(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that creates nothing keeps no thread, and the next call starts one."""
    monkeypatch.setattr(gathering, "_IDLE_SECONDS", 0.01)
    for _ in range(3):
        assert fakes.client.custody.create_transfers(BOOKS[0], call().transfers)
        until(lambda: fakes.client.custody._new_transfers._senders == 0)
