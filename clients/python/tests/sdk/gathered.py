"""Calls of many callers at once, and what must be true of their answers and of the requests they became."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from ringfence import Client, RingfenceError, new_id
from ringfence.ledger import NewTransfer, TransferFlag, TransferResult

from .services import Ledger, split, time_of

BOOKS = [new_id(), new_id()]
Answer = list[TransferResult] | BaseException


@dataclass(frozen=True)
class Call:
    """One call of create_transfers."""

    book: UUID
    transfers: Sequence[NewTransfer]
    return_balances: bool
    is_poisoned: bool

    @property
    def ids(self) -> list[bytes]:
        """The ids in it."""
        return [each.id.bytes for each in self.transfers]

    @property
    def leaves_chain_open(self) -> bool:
        """Whether the row after it would be linked to its last."""
        return bool(self.transfers[-1].flags & TransferFlag.LINKED)

    @property
    def names_value_dates(self) -> bool:
        """Whether one of its rows has a value date."""
        return any(each.value_date for each in self.transfers)


def transfer(**fields: Any) -> NewTransfer:
    """A transfer with an id of its own."""
    return NewTransfer(**{"id": new_id(), "amount_minor": 5, "currency": "EUR", "code": 1, **fields})


def call(count: int = 1, **fields: Any) -> Call:
    """A plain call of so many rows."""
    return Call(BOOKS[0], [transfer(**fields) for _ in range(count)], False, False)


_ROWS = st.lists(
    st.builds(
        lambda flags, value_date: transfer(flags=flags, value_date=value_date),
        st.sampled_from([0, 0, TransferFlag.LINKED]),
        st.sampled_from([None, None, None, date(1993, 2, 26)]),
    ),
    min_size=1,
    max_size=4,
)
CALLS = st.lists(
    st.builds(Call, st.sampled_from(BOOKS), _ROWS, st.booleans(), st.sampled_from([False] * 6 + [True])),
    min_size=1,
    max_size=24,
)


def by_threads(client: Client, calls: Sequence[Call]) -> list[Answer]:
    """Makes each call in a thread of its own."""

    def ask(each: Call) -> Answer:
        try:
            return client.custody.create_transfers(each.book, each.transfers, return_balances=each.return_balances)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(ask, calls))


def by_tasks(client: Client, calls: Sequence[Call]) -> list[Answer]:
    """Makes each call in a task of its own."""

    async def ask() -> list[Answer]:
        custody = client.custody
        tasks = [
            custody.create_transfers_async(each.book, each.transfers, return_balances=each.return_balances)
            for each in calls
        ]
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(ask())


Callers = Callable[[Client, Sequence[Call]], list[Answer]]


def check_answers(calls: Sequence[Call], answers: Sequence[Answer]) -> None:
    """Every caller has the results of its own rows, and only a poisoned call is refused."""
    for each, answer in zip(calls, answers, strict=True):
        if each.is_poisoned:
            assert isinstance(answer, RingfenceError)
            assert answer.reason == "COLUMNS_MALFORMED"
            continue
        assert isinstance(answer, list), answer
        assert [result.id.bytes for result in answer] == each.ids
        assert [result.timestamp_ns for result in answer] == list(map(time_of, each.ids))
        assert all((result.credit is not None) == each.return_balances for result in answer)


def check_requests(calls: Sequence[Call], ledger: Ledger) -> None:
    """Requests hold whole calls that may travel together."""
    by_first_id = {each.ids[0]: each for each in calls}
    for request in ledger.requests:
        rows, together = split(request.transfers.id), list[Call]()
        assert len(rows) <= 8_190
        at = 0
        while at < len(rows):
            each = by_first_id[rows[at]]
            assert rows[at : at + len(each.ids)] == each.ids
            together.append(each)
            at += len(each.ids)
        assert {each.book.bytes for each in together} == {request.book_id}
        assert {each.return_balances for each in together} == {request.return_balances}
        assert {each.names_value_dates for each in together} == {len(request.transfers.value_date_days) > 0}
        assert len(together) == 1 or not any(each.leaves_chain_open for each in together)
