"""Transfers as requests made ahead: columns are made once and used again; ids and references are fresh."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from random import Random

from ringfence.ids import ID_BYTES
from ringfence.ledger import ALL_OF_IT, Purpose, TransferFlag
from ringfence_protos.custody.v1 import custody_pb2 as pb

from bench.book import Book
from bench.load import Job, Request

EUR = 978
AMOUNT_MINOR = 100
SEED = 1
REQUESTS_MADE, ROWS_MADE = 8, 4_096
"""At least so many requests, and rows over all of them, have accounts of their own."""

Jobs = Callable[[int], Iterator[Job]]
"""Makes jobs of so many rows per request, without end."""


def plain(book: Book) -> Jobs:
    """Payments between random clients."""
    return lambda rows: _single(_made(book, rows, hot=False), rows)


def hot(book: Book) -> Jobs:
    """Payments that all touch one account, in turns as its debit and its credit."""
    return lambda rows: _single(_made(book, rows, hot=True), rows)


def pending(book: Book) -> Jobs:
    """Payments that are reserved and, in a later request, posted: both requests count."""

    def jobs(rows: int) -> Iterator[Job]:
        made = _made(book, rows, hot=False)
        post = pb.CreateTransfersRequest(
            book_id=book.book_id.bytes,
            transfers=pb.TransferColumns(amount_minor=[ALL_OF_IT], flags=[TransferFlag.POST_PENDING_TRANSFER]),
        )
        for request in made:
            request.transfers.flags.append(TransferFlag.PENDING)
        while True:
            for request in made:
                reserved = _fresh(request, rows)
                post.transfers.pending_id = request.transfers.id
                yield [reserved, _fresh(post, rows)]

    return jobs


def _single(made: list[pb.CreateTransfersRequest], rows: int) -> Iterator[Job]:
    while True:
        for request in made:
            yield [_fresh(request, rows)]


def _fresh(request: pb.CreateTransfersRequest, rows: int) -> Request:
    request.transfers.id = os.urandom(ID_BYTES * rows)
    if request.transfers.debit_account_id:
        # An importer's mandate is its window, named in every row; a post takes over that of its reservation.
        request.transfers.user_data_128 = request.book_id * rows
    return Request(request.SerializeToString(), rows)


def _made(book: Book, rows: int, *, hot: bool) -> list[pb.CreateTransfersRequest]:
    """Returns requests without ids."""
    random, ids = Random(SEED), [each.bytes for each in book.clients]
    return [
        _request(book, [_pair(random, ids, hot) for _ in range(rows)])
        for _ in range(max(REQUESTS_MADE, ROWS_MADE // rows))
    ]


def _pair(random: Random, ids: list[bytes], hot: bool) -> tuple[bytes, bytes]:
    """Returns two different accounts."""
    first = 0 if hot else random.randrange(len(ids))
    one, other = ids[first], ids[(first + random.randrange(1, len(ids))) % len(ids)]
    return (other, one) if random.random() < 0.5 else (one, other)


def _request(book: Book, pairs: list[tuple[bytes, bytes]]) -> pb.CreateTransfersRequest:
    columns = pb.TransferColumns(
        debit_account_id=b"".join(debit for debit, _ in pairs),
        credit_account_id=b"".join(credit for _, credit in pairs),
        amount_minor=[AMOUNT_MINOR],
        ledger=[EUR],
        code=[Purpose.PAYMENT],
    )
    return pb.CreateTransfersRequest(book_id=book.book_id.bytes, transfers=columns)
