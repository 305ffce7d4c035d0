"""Submissions: batches and files, from the caller's hands to the first verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.clock import DAY_NS, Clock
from ringfence_kernel.values.ids import external_id
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.submissions.application.personal import PersonalData, Sealer, clear_of, owners
from ringfence_payment_instruction.submissions.application.ports import (
    FileRefusal,
    Identity,
    OrderFile,
    PaymentFiles,
    RefusedFile,
    Submitter,
    Verdict,
)
from ringfence_payment_instruction.submissions.application.submissions import Desk, record_all
from ringfence_payment_instruction.submissions.application.views import StateView, intake_states
from ringfence_payment_instruction.submissions.domain import events, reasons
from ringfence_payment_instruction.submissions.domain.errors import SubmissionConflict, TenantForbidden
from ringfence_payment_instruction.submissions.domain.orders import Order, digest, forbiddance, ibans_of, invalidity
from ringfence_payment_instruction.submissions.domain.reasons import iso_reason
from ringfence_payment_instruction.submissions.domain.receiving import NewSubmission, known_digest, receive, refuse
from ringfence_payment_instruction.submissions.domain.status import ISO_STATUS, Status
from ringfence_payment_instruction.submissions.domain.submission import MAX_INSTRUCTIONS, Submission, stream_of

NOT_PROVIDED = "NOTPROVIDED"
TOO_MANY = FileRefusal("TOO_MANY_TRANSACTIONS", "AM18", f"more than {MAX_INSTRUCTIONS} transactions")
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
class _Content:
    """What is common to a batch and a file."""

    tenant: bytes
    submission_id: bytes
    kind: int
    digest: bytes
    orders: Sequence[Order]
    message_id: str = ""

    @property
    def stream(self) -> bytes:
        """Stream of the submission."""
        return stream_of(self.tenant, self.submission_id)


Report = Callable[[Sequence[str], Sequence[str]], bytes]


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes in submissions."""

    desk: Desk
    identity: Identity
    personal: PersonalData
    files: PaymentFiles
    clock: Clock

    async def submit_batch(
        self, submitter: Submitter, submission_id: bytes, orders: Sequence[Order]
    ) -> list[StateView]:
        """Returns where each instruction stood once taken in; the same again for the same id and content.

        Raises SubmissionConflict, IdentityUnavailable, KeysUnavailable, AuthorisationRefused, TenantForbidden.
        """
        tenant = tenant_of(submitter)
        content = _Content(tenant, submission_id, events.KIND_BATCH, await asyncio.to_thread(digest, orders), orders)
        submission = await self._take_in(submitter, content)
        return intake_states(submission)

    async def submit_file(self, submitter: Submitter, content: bytes) -> FileAnswer:
        """Returns the pain.002 for a pain.001; the first one again for the same bytes. Raises as `submit_batch`."""
        tenant = tenant_of(submitter)
        file = await asyncio.to_thread(self.files.read_orders, content, _identify(tenant))
        if isinstance(file, OrderFile) and len(file.orders) > MAX_INSTRUCTIONS:
            file = file.refused(TOO_MANY)
        if isinstance(file, RefusedFile):
            return await self._refuse(submitter, tenant, file)
        submission_id = file_submission_id(tenant, file.message_id, file.digest)
        earlier = self.desk.state.refused_files.get(stream_of(tenant, submission_id))
        if earlier is not None and earlier.digest == file.digest:
            # Refused by earlier rules: the first answer stands.
            return await self._refuse(submitter, tenant, file.refused(NOT_TAKEN_BEFORE))
        new = _Content(tenant, submission_id, events.KIND_PAIN_001, file.digest, file.orders, file.message_id)
        try:
            submission = await self._take_in(submitter, new, self._reporter(file, submission_id))
        except SubmissionConflict:
            return self._duplicate(file.refused(DUPLICATE), submission_id)
        return FileAnswer(submission.received.status_report, submission_id, submission.id_list)

    async def _take_in(self, submitter: Submitter, content: _Content, report: Report | None = None) -> Submission:
        known = known_digest(self.desk.state, content.stream)
        if known == content.digest:
            # Answered after the group that may be committing it; should that fail, it is new after all.
            submission = await self.desk.commit(lambda unit: self.desk.state.submissions.get(content.stream))
            if submission is not None:
                return submission
        elif known is not None:
            raise SubmissionConflict
        new = await self._prepare(submitter, content, report)
        clear = [clear_of(order) for order in content.orders]

        def command(unit: Unit) -> Submission:
            found = receive(self.desk.state, new, unit.now_ns)
            record_all(unit, new.stream, found)
            if found:
                # Only what is recorded may be remembered under its name: it is what the bank will be told.
                unit.journal.call(self.personal.forget, new.stream)
                self.personal.remember(new.stream, clear)
            return self.desk.state.submissions[new.stream]

        return await self.desk.commit(command, weight=len(content.orders))

    async def _prepare(self, submitter: Submitter, content: _Content, report: Report | None) -> NewSubmission:
        """Checks, resolves, seals and authorises; changes nothing."""
        tenant, orders = content.tenant, content.orders
        # Long work on thousands of rows: the event loop must not stand still meanwhile.
        invalid = await asyncio.to_thread(lambda: tuple(map(invalidity, orders)))
        valid = [order for order, flaw in zip(orders, invalid, strict=True) if not flaw]
        aliases = await self.identity.resolve(ibans_of(valid))
        pairs = [(aliases.get(order.debtor_iban), aliases.get(order.creditor_iban)) for order in orders]
        forbidden = tuple("" if flaw else forbiddance(tenant, *pair) for flaw, pair in zip(invalid, pairs, strict=True))
        subjects = {tenant}.union(*(owners(tenant, *pair) for pair in pairs))
        ring, authorisation = await asyncio.gather(
            self.identity.keys(subjects),
            self.identity.authorise(submitter, tenant, content.submission_id, content.digest),
        )
        lasts = authorisation.expires_ns // DAY_NS
        forbidden = tuple(
            refusal or (reasons.EXECUTION_DATE_TOO_LATE if order.execution_day >= lasts else "")
            for order, refusal in zip(orders, forbidden, strict=True)
        )
        received = events.SubmissionReceived(
            tenant=tenant,
            submission_id=content.submission_id,
            kind=content.kind,
            instruction_count=len(orders),
            digest=content.digest,
            maker=submitter.subject,
            authorisation=authorisation.token,
            authorisation_expires_ns=authorisation.expires_ns,
            message_id=content.message_id,
            status_report=await asyncio.to_thread(report, invalid, forbidden) if report else b"",
        )
        sealer = Sealer(tenant, content.submission_id, content.stream, ring)
        rows = await asyncio.to_thread(sealer.events, orders, aliases)
        return NewSubmission(content.stream, received, rows, invalid, forbidden)

    def _reporter(self, file: OrderFile, submission_id: bytes) -> Report:
        def report(invalid: Sequence[str], forbidden: Sequence[str]) -> bytes:
            flaws = [one or other for one, other in zip(invalid, forbidden, strict=True)]
            verdicts = [
                Verdict(ISO_STATUS[Status.REJECTED], iso_reason(flaw), flaw)
                if flaw
                else Verdict(ISO_STATUS[Status.AUTHENTICATED])
                for flaw in flaws
            ]
            return self.files.report(file, verdicts, _report_id(submission_id), self.clock.now_ns())

        return report

    async def _refuse(self, submitter: Submitter, tenant: bytes, file: RefusedFile) -> FileAnswer:
        submission_id = file_submission_id(tenant, file.message_id, file.digest)
        stream = stream_of(tenant, submission_id)
        report = self.files.report_refusal(file, _report_id(submission_id), self.clock.now_ns())
        refused = events.SubmissionRefused(
            tenant=tenant,
            submission_id=submission_id,
            digest=file.digest,
            maker=submitter.subject,
            message_id=file.message_id,
            reason=file.refusal.reason,
            iso_reason_code=file.refusal.iso_reason,
            status_report=report,
        )

        def command(unit: Unit) -> bytes:
            record_all(unit, stream, refuse(self.desk.state, stream, refused))
            return self.desk.state.refused_files[stream].status_report

        try:
            return FileAnswer(await self.desk.commit(command), b"", [])
        except SubmissionConflict:
            return self._duplicate(replace(file, refusal=DUPLICATE), submission_id)

    def _duplicate(self, file: RefusedFile, submission_id: bytes) -> FileAnswer:
        """Answers other bytes under a message id that is taken; the first answer stands, nothing is recorded."""
        _LOG.info("file_message_id_reused")
        return FileAnswer(self.files.report_refusal(file, _report_id(submission_id), self.clock.now_ns()), b"", [])


def tenant_of(submitter: Submitter) -> bytes:
    """Returns the tenant that the caller submits for; raises TenantForbidden for a caller without one."""
    if submitter.tenant is None:
        raise TenantForbidden("only a platform submits instructions")
    return submitter.tenant


def file_submission_id(tenant: bytes, message_id: str, content_digest: bytes) -> bytes:
    """Returns the submission id of a file: from its message id, or from its bytes where there is none."""
    if message_id == NOT_PROVIDED:
        return external_id("pain.001.unidentified", tenant, content_digest.hex())
    return external_id("pain.001", tenant, message_id)


def _identify(tenant: bytes) -> Callable[[str, int], bytes]:
    return lambda message_id, position: external_id("pain.001.transaction", tenant, f"{message_id}/{position}")


def _report_id(submission_id: bytes) -> str:
    """Returns the message id of our status report: 35 characters, the longest that the standard allows."""
    return f"PSR{submission_id.hex()}"
