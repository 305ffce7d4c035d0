"""Payment files: a pain.001 comes in, and is answered by the same pain.002 for ever."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.aside.calling import InputNotReadable
from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.clock import Clock
from ringfence_kernel.values.ids import external_id
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.submissions.application.ports import (
    FileRefusal,
    OrderFile,
    OrderFiles,
    RefusedFile,
    TransactionStatus,
)
from ringfence_payment_instruction.submissions.application.reading import FileReading, RefusedFiles
from ringfence_payment_instruction.submissions.application.receiving import Content, Receiving, Report
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.application.tenants import tenant_of
from ringfence_payment_instruction.submissions.domain import events
from ringfence_payment_instruction.submissions.domain.errors import SubmissionConflict
from ringfence_payment_instruction.submissions.domain.orders import Order
from ringfence_payment_instruction.submissions.domain.past import Asked, submission_key
from ringfence_payment_instruction.submissions.domain.reasons import iso_reason
from ringfence_payment_instruction.submissions.domain.receiving import refuse
from ringfence_payment_instruction.submissions.domain.status import ISO_STATUS, Status
from ringfence_payment_instruction.submissions.domain.submission import stream_of

NOT_PROVIDED = "NOTPROVIDED"
NOT_TAKEN_BEFORE = FileRefusal("REFUSED_BEFORE", "NARR", "the same file was refused before")
DUPLICATE = FileRefusal("DUPLICATE", "AM05", "the message id was used before with other content")
_LOG = get(__name__)


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """pain.002 for a file; the submission and its instructions unless the file was refused."""

    status_report: bytes
    submission_id: bytes
    instruction_ids: list[bytes]


@dataclass(frozen=True, slots=True)
class FileReceiving:
    """Takes in payment files."""

    submissions: Submissions
    receiving: Receiving
    files: OrderFiles
    reading: FileReading
    refused_files: RefusedFiles
    clock: Clock

    async def submit_file(self, caller: Caller, content: bytes) -> FileAnswer:
        """Returns the pain.002 for a pain.001; the first one again for the same bytes.

        Raises as `submit_batch`, TooManyFiles, RefusedFilesExceeded, InputNotReadable, and ReadingUnavailable.
        """
        tenant = tenant_of(caller)
        self.refused_files.require_readable(tenant)
        if refused := await self._refused_bytes(caller, tenant, content):
            return refused
        file = await self._read(caller, tenant, content)
        if isinstance(file, RefusedFile):
            return await self._refuse(caller, tenant, file)
        earlier = await self._refused_before(tenant, file.message_id, file.digest)
        if earlier.of_same_bytes is not None:
            return await self._refuse(caller, tenant, file.refused(NOT_TAKEN_BEFORE))
        submission_id = file_submission_id(tenant, file.message_id, file.digest)
        if earlier.holds_message_id:
            submission_id = corrected_submission_id(tenant, file.message_id)
        new = Content(tenant, submission_id, events.KIND_PAIN_001, file.digest, file.orders, file.message_id)
        try:
            submission = await self.receiving.take_in(caller, new, self._reporter(file, submission_id))
        except SubmissionConflict:
            return self._duplicate(file.refused(DUPLICATE), submission_id)
        return FileAnswer(submission.received.status_report, submission_id, submission.id_list)

    async def _refused_bytes(self, caller: Caller, tenant: bytes, content: bytes) -> FileAnswer | None:
        """Returns the answer that bytes were refused with: whoever sends them again has nobody read them again."""
        if self.files.is_small(content):
            return None
        digest = await self.reading.read(caller, _digest, content)
        earlier = await self._refused_before(tenant, NOT_PROVIDED, digest)
        refused = earlier.of_same_bytes
        return None if refused is None else FileAnswer(refused.status_report, b"", [])

    async def _read(self, caller: Caller, tenant: bytes, content: bytes) -> OrderFile | RefusedFile:
        try:
            return await self.reading.read(caller, self.files.read_orders, content, _identify(tenant))
        except InputNotReadable:
            self.refused_files.take_unreadable(tenant)
            raise

    async def _refused_before(self, tenant: bytes, message_id: str, digest: bytes) -> _RefusedBefore:
        """Finds out how a file was refused before; nothing that is refused now can be taken in meanwhile."""
        state = self.submissions.state
        of_bytes, of_message = refused_submission_id(tenant, digest), file_submission_id(tenant, message_id, digest)

        def command(unit: Unit) -> _RefusedBefore:
            by_bytes, by_message = state.handed_in(tenant, of_bytes), state.handed_in(tenant, of_message)
            found = [each for each in (by_bytes, by_message) if isinstance(each, events.SubmissionRefused)]
            same = next((each for each in found if each.digest == digest), None)
            return _RefusedBefore(same, isinstance(by_message, events.SubmissionRefused))

        asked = Asked(submissions=[submission_key(tenant, each) for each in (of_bytes, of_message)])
        return await self.submissions.knowing(asked, command)

    def _reporter(self, file: OrderFile, submission_id: bytes) -> Report:
        def report(invalid: Sequence[str], forbidden: Sequence[str]) -> bytes:
            flaws = [one or other for one, other in zip(invalid, forbidden, strict=True)]
            statuses = [
                TransactionStatus(ISO_STATUS[Status.REJECTED], iso_reason(flaw), _text_of(flaw, order))
                if flaw
                else TransactionStatus(ISO_STATUS[Status.AUTHENTICATED])
                for flaw, order in zip(flaws, file.orders, strict=True)
            ]
            return self.files.report(file, statuses, _report_id(submission_id), self.clock.now_ns())

        return report

    async def _refuse(self, caller: Caller, tenant: bytes, file: RefusedFile) -> FileAnswer:
        earlier = await self._refused_before(tenant, file.message_id, file.digest)
        if earlier.of_same_bytes is not None:
            return FileAnswer(earlier.of_same_bytes.status_report, b"", [])
        submission_id = refused_submission_id(tenant, file.digest)
        report = self.files.report_refusal(file, _report_id(submission_id), self.clock.now_ns())
        refused = events.SubmissionRefused(
            tenant=tenant,
            submission_id=submission_id,
            digest=file.digest,
            maker=caller.subject,
            message_id=file.message_id,
            reason=file.refusal.reason,
            iso_reason_code=file.refusal.iso_reason,
            status_report=report,
        )

        def command(unit: Unit) -> bytes:
            earlier = refuse(self.submissions.state, refused)
            if earlier is None:
                self.refused_files.take(tenant)
                self.submissions.record(unit, stream_of(tenant, submission_id), [refused])
            return (earlier or refused).status_report

        asked = Asked(submissions=[submission_key(tenant, submission_id)])
        return FileAnswer(await self.submissions.knowing(asked, command), b"", [])

    def _duplicate(self, file: RefusedFile, submission_id: bytes) -> FileAnswer:
        """Answers other bytes under a message id that is taken; the first answer stands, nothing is recorded."""
        _LOG.info("file_message_id_reused")
        return FileAnswer(self.files.report_refusal(file, _report_id(submission_id), self.clock.now_ns()), b"", [])


class _RefusedBefore(NamedTuple):
    """The refusal of the same bytes, and whether one of an earlier release holds the message id."""

    of_same_bytes: events.SubmissionRefused | None
    holds_message_id: bool


def file_submission_id(tenant: bytes, message_id: str, content_digest: bytes) -> bytes:
    """Returns the submission id of a file: from its message id, or from its bytes where there is none."""
    if message_id == NOT_PROVIDED:
        return external_id("pain.001.unidentified", tenant, content_digest.hex())
    return external_id("pain.001", tenant, message_id)


def refused_submission_id(tenant: bytes, content_digest: bytes) -> bytes:
    """Returns the id under which a refusal is kept: of the bytes, since the message id is left to a corrected file."""
    return external_id("pain.001.refused", tenant, content_digest.hex())


def corrected_submission_id(tenant: bytes, message_id: str) -> bytes:
    """Returns the id of a file whose message id an earlier release has kept for one that it refused."""
    return external_id("pain.001.corrected", tenant, message_id)


def _digest(content: bytes) -> bytes:
    return sha256(content).digest()


def _identify(tenant: bytes) -> Callable[[str, int], bytes]:
    return lambda message_id, position: external_id("pain.001.transaction", tenant, f"{message_id}/{position}")


def _text_of(flaw: str, order: Order) -> str:
    """Returns our reason, with the element that it is about."""
    return f"{flaw}: {order.refused_element}" if flaw == order.refusal else flaw


def _report_id(submission_id: bytes) -> str:
    """Returns the message id of our status report: 35 characters, the longest that the standard allows."""
    return f"PSR{submission_id.hex()}"
