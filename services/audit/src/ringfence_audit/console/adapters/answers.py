"""Books, reports and the register of reads as pages ask for them, by the service's own methods; every call blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from ringfence_console import ports
from ringfence_desk.language import Language
from ringfence_desk.safeguarding import CLIENT, Equation, grown_minor
from ringfence_protos.audit.v1 import audit_pb2

from ringfence_audit.console.adapters.log_reading import Heavily
from ringfence_audit.console.adapters.telling import told
from ringfence_audit.console.application.asking import Asking, Methods
from ringfence_audit.console.application.viewing import LOOKING

_EPOCH = date(1970, 1, 1)
_MOST_ASKED = 8
"""Pages of the register may be short: so many make one here at most."""
_FORMS = {
    "csv": (audit_pb2.REPORT_FORMAT_CSV, "text/csv"),
    "json": (audit_pb2.REPORT_FORMAT_JSON, "application/json"),
    "pdf": (audit_pb2.REPORT_FORMAT_PDF, "application/pdf"),
}
_COUNT_BYTES, _SUM_BYTES, _PACKED_BYTES = 4, 12, 64


@dataclass(frozen=True, slots=True)
class LoggedAnswers:
    """What the log makes of its facts, for the pages of whoever looks (`ringfence_console.ports`).

    `book_keys` gives all platforms and currencies (ISO 4217 numeric) in whose books there are accounts.
    """

    methods: Methods
    asking: Asking
    heavily: Heavily
    book_keys: Callable[[], Iterable[tuple[bytes, int]]]

    def known(self) -> Sequence[tuple[UUID, int]]:
        """Gives the books that the reader is shown facts of."""
        sight = LOOKING.get().sight
        found = self.heavily(lambda: list(self.book_keys()))
        return [(UUID(bytes=platform), ledger) for platform, ledger in found if sight.covers(platform)]

    def as_of(self, platform_id: UUID, ledger: int, at_ns: int, view: ports.View) -> ports.ClosedBook:
        """Gives a book as of an instant; of a platform that is not shown as of one that there is not."""
        request = audit_pb2.GetBooksRequest(tenant_id=platform_id.bytes, ledger=ledger, at_ns=at_ns)
        with told():
            return _book(self.asking(self.methods.get_books, request, view.page, view.subject, view.options))

    def subjects(self) -> Sequence[int]:
        """Gives the numbers of reports."""
        return [number for number in audit_pb2.ReportSubject.values() if number]

    def platforms(self) -> Sequence[UUID]:
        """Gives the platforms that the reader is shown facts of: which there are is a view, where nothing else was."""
        if not LOOKING.get().recorded:
            with told():
                self.asking.viewing.note("reports", "", "", None)
        return list(dict.fromkeys(platform for platform, _ in self.known()))

    def report(
        self, subject: int, platform_id: UUID, day: date, form: str, language: Language, view: ports.View
    ) -> ports.ReportFile:
        """Gives a report; raises Refused where there is none."""
        asked_form, media_type = _FORMS[form]
        request = audit_pb2.GetReportRequest(
            subject=audit_pb2.ReportSubject.ValueType(subject),
            tenant_id=platform_id.bytes,
            day=(day - _EPOCH).days,
            format=asked_form,
            language="zh" if language is Language.CHINESE else "en",
        )
        with told():
            made = self.asking(self.methods.get_report, request, view.page, view.subject, view.options)
        return ports.ReportFile(made.content, media_type)

    def reads(self, asked: ports.Register, most: int, view: ports.View) -> ports.ReadPage:
        """Gives a page of the reads that the reader may know of."""
        request, found = audit_pb2.ListReadsRequest(page_token=asked.page), list[audit_pb2.Read]()
        request.tenant_id = asked.platform_id.bytes if asked.platform_id else b""
        request.reader_id = asked.reader_id.bytes if asked.reader_id else b""
        with told():
            for _ in range(_MOST_ASKED):
                request.page_size = most - len(found)
                page = self.asking(self.methods.list_reads, request, view.page, view.subject, view.options)
                found += page.reads
                request.page_token = page.next_page_token
                if not page.next_page_token or len(found) >= most:
                    break
        return ports.ReadPage([_read(each) for each in found], request.page_token)


def _read(read: audit_pb2.Read) -> ports.Read:
    return ports.Read(
        index=read.leaf_index,
        time_ns=read.time_ns,
        reader_id=UUID(bytes=read.reader_id),
        what=read.page or read.method,
        asked={each.name: each.value for each in read.query},
        case=read.case_reference,
        reason=read.reason,
        is_own=read.is_own,
    )


def _book(read: audit_pb2.GetBooksResponse) -> ports.ClosedBook:
    classes = [_class(each.account_class, each.totals) for each in read.classes]
    positive = next((_sums(each.totals)[-1] for each in read.classes if each.account_class.upper() == CLIENT), 0)
    closing = read.closing if read.HasField("closing") else None
    return ports.ClosedBook(
        size=read.size,
        accounts=read.accounts,
        balances_root=read.balances_root,
        classes=classes,
        equation=Equation.of({each.name.upper(): each.balance_minor for each in classes}, positive),
        closing=ports.Closing(closing.leaf_index, closing.closed_ns, closing.is_same) if closing else None,
    )


def _class(name: str, packed: bytes) -> ports.ClassOfAccounts:
    debits_pending, debits_posted, _, credits_posted, _ = _sums(packed)
    return ports.ClassOfAccounts(
        name=name,
        accounts=int.from_bytes(packed[:_COUNT_BYTES], "big"),
        balance_minor=grown_minor(name, credits_posted - debits_posted),
        reserved_minor=debits_pending,
    )


def _sums(packed: bytes) -> list[int]:
    """Gives debits pending and posted, credits pending and posted, and what is positive (docs/formats.md, books)."""
    ends = range(_COUNT_BYTES, _PACKED_BYTES, _SUM_BYTES)
    return [int.from_bytes(packed[at : at + _SUM_BYTES], "big") for at in ends]
