"""The reports of AuditService: checks the request, records the read, answers under the latest checkpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ringfence_kernel.rpc import bounds
from ringfence_kernel.service.heavy import InThreads
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.audit.v1 import audit_pb2

from ringfence_audit.log.api.mapping import look
from ringfence_audit.log.application.looks import Looks
from ringfence_audit.log.application.seeing import current_sight
from ringfence_audit.reports.adapters.as_csv import as_csv
from ringfence_audit.reports.adapters.as_json import as_json
from ringfence_audit.reports.application.making import Making, Subject
from ringfence_audit.reports.domain.errors import ReportEmpty, ReportTooLarge
from ringfence_audit.reports.domain.report import Report, Under
from ringfence_audit.reports.domain.words import Language

CaughtUp = Callable[[int], Awaitable[None]]
MAX_DAY, MAX_ANSWER_BYTES = 100_000, 3 * 1024 * 1024
_SUBJECTS = {
    audit_pb2.REPORT_SUBJECT_DAILY_CUSTODY: Subject.DAILY_CUSTODY,
    audit_pb2.REPORT_SUBJECT_RECONCILIATION: Subject.RECONCILIATION,
    audit_pb2.REPORT_SUBJECT_MONTHLY_SAFEGUARDING: Subject.MONTHLY_SAFEGUARDING,
    audit_pb2.REPORT_SUBJECT_LARGE_TRANSACTIONS: Subject.LARGE_TRANSACTIONS,
    audit_pb2.REPORT_SUBJECT_AUDIT_EXPORT: Subject.AUDIT_EXPORT,
    audit_pb2.REPORT_SUBJECT_RESOLUTION_PACK: Subject.RESOLUTION_PACK,
    audit_pb2.REPORT_SUBJECT_REGISTER: Subject.REGISTER,
}
_LANGUAGES = {each.value: each for each in Language}


def _as_pdf(report: Report, language: Language) -> bytes:
    from ringfence_audit.reports.adapters.as_pdf import as_pdf  # late: ReportLab, a tenth of a start

    return as_pdf(report, language)


_FORMATS: dict[int, Callable[[Report, Language], bytes]] = {
    audit_pb2.REPORT_FORMAT_JSON: lambda report, language: as_json(report),
    audit_pb2.REPORT_FORMAT_CSV: as_csv,
    audit_pb2.REPORT_FORMAT_PDF: _as_pdf,
}


class ReportServicer:
    """Reports for regulators; each is a read, which is a leaf before it is answered."""

    def __init__(self, looks: Looks, making: Making, caught_up: CaughtUp, heavily: InThreads, origin: str) -> None:
        """Serves these; `caught_up` waits until the index has all leaves below one."""
        self._looks, self._making, self._caught_up = looks, making, caught_up
        self._heavily, self._origin = heavily, origin

    async def GetReport(self, request: audit_pb2.GetReportRequest, context: Any) -> audit_pb2.GetReportResponse:
        """Makes a report; see the proto. Raises ReportEmpty, ReportTooLarge, SearchBehind."""
        subject, language, write = _asked(request)
        tenant = bounds.identifier("tenant_id", request.tenant_id)
        day = bounds.number("day", request.day, minimum=1, maximum=MAX_DAY)
        query = {"subject": subject.value, "tenant_id": tenant, "day": day}
        stood = await self._looks.viewed(look(request.look), "GetReport", query)
        head = stood.signed_head()
        if not current_sight().covers(tenant):
            raise ReportEmpty
        await self._caught_up(head.size)
        under = Under(self._origin, head.size, head.root)
        content, leaves = await self._heavily(self._made, subject, tenant, day, under, language, write)
        return audit_pb2.GetReportResponse(content=content, checkpoint=head.note, leaf_indexes=leaves)

    def _made(
        self,
        subject: Subject,
        tenant: bytes,
        day: int,
        under: Under,
        language: Language,
        write: Callable[[Report, Language], bytes],
    ) -> tuple[bytes, list[int]]:
        report = self._making.report(subject, tenant, day, under)
        content = write(report, language)
        if len(content) > MAX_ANSWER_BYTES:
            raise ReportTooLarge
        return content, report.leaves()


def _asked(
    request: audit_pb2.GetReportRequest,
) -> tuple[Subject, Language, Callable[[Report, Language], bytes]]:
    subject, write = _SUBJECTS.get(request.subject), _FORMATS.get(request.format)
    language = _LANGUAGES.get(request.language or Language.ENGLISH.value)
    if subject is None:
        raise InvalidArgument("subject must be one of the reports", field="subject")
    if write is None:
        raise InvalidArgument("format must be JSON, CSV or PDF", field="format")
    if language is None:
        raise InvalidArgument(f"language must be one of {', '.join(_LANGUAGES)}", field="language")
    return subject, language, write
