"""The books, wired."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from ringfence_kernel.rpc.health import Check
from ringfence_kernel.service import EventSourced, Runtime
from ringfence_kernel.service.heavy import InThreads
from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.tasks import Task

from ringfence_audit.books.adapters.books_model import BooksModel
from ringfence_audit.books.adapters.books_reader import BooksReader
from ringfence_audit.books.adapters.custody_closing import CustodyClosing
from ringfence_audit.books.adapters.stated_books import IndexedBooks
from ringfence_audit.books.api.servicer import BooksServicer
from ringfence_audit.books.application.comparing import Comparing
from ringfence_audit.books.application.proving import Proving
from ringfence_audit.index.application.ports import Keys
from ringfence_audit.log.application.commands import RecordBooks
from ringfence_audit.log.application.looks import Looks
from ringfence_audit.log.application.ports import TileRows
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.domain.state import State
from ringfence_audit.settings import AuditSettings


@dataclass(frozen=True, slots=True)
class BooksModule:
    """What the module offers: its task, its health, and its methods of AuditService."""

    task: Task
    check: Check
    _core: EventSourced
    _reader: BooksReader
    _custody: CustodyClosing
    _heavily: InThreads
    _folding: asyncio.Lock = field(default_factory=asyncio.Lock)
    """A fold has every account of every platform: one of them in memory is enough, whoever asks."""

    @classmethod
    def build(
        cls, core: EventSourced, log: State, rows: TileRows, runtime: Runtime[AuditSettings], leadership: Leadership
    ) -> BooksModule:
        """Wires what compares custody's closings with the log."""
        reader = BooksReader(core.store)
        comparing = Comparing(reader, RecordBooks(core.writer, log, rows), lambda: log.books.size)
        comparing.gauge(runtime.gauges, leadership)
        task, check = Task("books", comparing.run), Check("books", comparing.problem, serves_on=True)
        return cls(task, check, core, reader, CustodyClosing(runtime.peer("custody")), runtime.heavy.run)

    def servicer(self, looks: Looks, keys: Keys, queries: Queries) -> BooksServicer:
        """Gives its methods of AuditService."""
        projector, reader = self._core.projectors[BooksModel.name], self._reader
        proving = Proving(reader, reader, IndexedBooks(keys, queries))
        asked = looks, reader, reader, proving, self._custody, projector
        return BooksServicer(*asked, self._heavily, self._folding)
