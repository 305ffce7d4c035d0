"""What compares books with custody's, over the log of a test."""

from __future__ import annotations

import asyncio

from ringfence_audit.books.adapters.books_reader import BooksReader
from ringfence_audit.books.api.servicer import BooksServicer
from ringfence_audit.books.application.comparing import Comparing
from ringfence_audit.books.application.ports import StatedBooks
from ringfence_audit.books.application.proving import Proving
from ringfence_audit.books.domain.errors import BooksUnknown
from ringfence_audit.log.adapters.tile_model import TileModel
from ringfence_audit.log.application.commands import RecordBooks
from ringfence_audit.log.application.looks import Looks
from ringfence_audit.log.domain.state import State
from ringfence_kernel.projecting.projector import Projector
from ringfence_kernel.service.heavy import InThreads
from ringfence_kernel.writing.writer import GroupWriter

from ..feeds import BOOK

CLOSED_AT = 99


class CustodyThatCloses:
    """Answers a demand with the position of a closing, or that there are no books."""

    async def close(self, tenant: bytes, ledger: int, demand: bytes) -> int:
        """Has closed them already."""
        if tenant != BOOK:
            raise BooksUnknown
        return CLOSED_AT


def comparing_books(
    books: Projector,
    writer: GroupWriter,
    log: State,
    looks: Looks,
    heavily: InThreads,
    stated: StatedBooks,
) -> tuple[Comparing, BooksServicer]:
    """Gives what compares, and what answers."""
    reader = BooksReader(books.store)
    comparing = Comparing(reader, RecordBooks(writer, log, TileModel()), lambda: log.books.size)
    proving = Proving(reader, reader, stated)
    asked = looks, reader, reader, proving, CustodyThatCloses(), books, heavily
    return comparing, BooksServicer(*asked, asyncio.Lock())
