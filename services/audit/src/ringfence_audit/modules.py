"""Wires what answers with facts that its caller is shown: for callers of the service, and for its own pages."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from ringfence_kernel.service import EventSourced
from ringfence_kernel.service.heavy import InThreads
from ringfence_kernel.store.codec import EventCodec

from ringfence_audit.books.api.servicer import BooksServicer
from ringfence_audit.books.module import BooksModule
from ringfence_audit.index.adapters.index_model import IndexModel
from ringfence_audit.index.adapters.run_reader import RunReader
from ringfence_audit.index.api.servicer import SearchServicer
from ringfence_audit.index.application.limited import LimitedQueries
from ringfence_audit.index.application.queries import Queries as SearchQueries
from ringfence_audit.log.adapters.bundle_reader import BundleReader
from ringfence_audit.log.adapters.stored_leaves import ChainedLeaves
from ringfence_audit.log.adapters.tile_reader import TileReader
from ringfence_audit.log.application.commands import LogStanding, RecordRead
from ringfence_audit.log.application.looks import Looks
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.application.views import Views
from ringfence_audit.log.domain import events
from ringfence_audit.log.domain.state import State as LogState
from ringfence_audit.reads.api.servicer import ReadsServicer
from ringfence_audit.reads.application.register import Register
from ringfence_audit.reports.adapters.log_leaves import IndexedLeaves
from ringfence_audit.reports.api.servicer import ReportServicer
from ringfence_audit.reports.application.making import Making
from ringfence_audit.standing.application.rights import Rights
from ringfence_audit.standing.domain.state import State as StandingState
from ringfence_audit.texts.adapters.text_reader import TextReader
from ringfence_audit.texts.api.servicer import OpenedSearch
from ringfence_audit.translation.domain.state import State as TranslationState


class Shown(NamedTuple):
    """What answers with facts that its caller is shown, by whom the log has told that they were read."""

    search: SearchServicer
    opened: OpenedSearch
    reports: ReportServicer
    books: BooksServicer
    reads: ReadsServicer


def shown_by(
    core: EventSourced,
    log: LogState,
    translation: TranslationState,
    rights: Rights,
    keys: RunReader,
    books: BooksModule,
    heavily: InThreads,
    looks: Looks,
) -> Shown:
    """Gives what answers, whose reads are recorded so."""
    queries, texts = queries_of(core), TextReader(core.store)
    search = search_of(core, looks, queries, keys, heavily)
    making = Making(IndexedLeaves(keys, queries, texts), translation.currencies)
    register = Register(keys, queries, texts, partial(_readers, rights.state, translation), rights.state.jurisdiction)
    return Shown(
        search,
        OpenedSearch(search, texts),
        ReportServicer(looks, making, search.caught_up, heavily, log.origin),
        books.servicer(looks, keys, queries),
        ReadsServicer(looks, register, search.caught_up, heavily),
    )


def search_of(
    core: EventSourced, looks: Looks, queries: Queries, keys: RunReader, heavily: InThreads
) -> SearchServicer:
    """Gives the search, whose reads are recorded so."""
    index, limited = core.projectors[IndexModel.name], LimitedQueries(keys, queries)
    return SearchServicer(looks, SearchQueries(keys, queries), limited, index, heavily)


def looks_of(core: EventSourced, log: LogState, record_read: RecordRead, rights: Rights, heavily: InThreads) -> Looks:
    """Gives what records reads, of each look one."""
    return Looks(record_read, LogStanding(core.writer, log), rights.now_ns, heavily, Views(record_read))


def queries_of(core: EventSourced) -> Queries:
    """Gives the log as it is read."""
    stored = ChainedLeaves(core.store, EventCodec(events.EVENTS))
    return Queries(TileReader(core.store), stored, BundleReader(core.store))


def _readers(standing: StandingState, translation: TranslationState) -> Iterable[bytes]:
    """Gives who may ever have read: regulators, auditors, mirrors, and platforms, whose books have their ids."""
    return [*standing.copyists.known, *translation.books]
