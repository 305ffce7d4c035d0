"""The bank's answers and notifications, as they lie in the rail's inbox."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.deposits.application.receiving import EvidenceIntake
from ringfence_payment_instruction.deposits.domain.evidence import BankReply
from ringfence_payment_instruction.submissions.application.ports import BankFile, PaymentFiles, Rail, RailVoucher
from ringfence_payment_instruction.submissions.application.submissions import Desk, record_all
from ringfence_payment_instruction.submissions.domain.errors import (
    BankAccountUnknown,
    EvidenceConflict,
    EvidenceUnreadable,
)
from ringfence_payment_instruction.submissions.domain.state import InstructionRef, State
from ringfence_payment_instruction.submissions.domain.transitions import answered, contradicted

PAUSE_AFTER_FAILURE_SECONDS = 2.0
_LOG = get(__name__)


@dataclass(frozen=True, slots=True)
class Inbox:
    """Reads the inbox again and again. A file is archived after its content is committed, so none is lost."""

    desk: Desk
    rail: Rail
    files: PaymentFiles
    evidence: EvidenceIntake
    voucher: RailVoucher
    poll_seconds: float
    _later: dict[str, float] = field(default_factory=dict)

    async def run(self) -> None:
        """Reads until cancelled."""
        while True:
            try:
                await self.step()
            except OSError as error:
                _LOG.warning("inbox_unreadable", error=type(error).__name__)
                await asyncio.sleep(PAUSE_AFTER_FAILURE_SECONDS)
            await asyncio.sleep(self.poll_seconds)

    async def step(self) -> None:
        """Takes every file that lies there, but those that could not be taken a moment ago."""
        now = asyncio.get_running_loop().time()
        names = await asyncio.to_thread(self.rail.pending)
        for name in self._later.keys() - set(names):
            del self._later[name]
        for name in names:
            if self._later.get(name, 0.0) > now:
                continue
            if await self._take(name):
                self._later.pop(name, None)
            else:
                self._later[name] = now + PAUSE_AFTER_FAILURE_SECONDS

    async def _take(self, name: str) -> bool:
        """Takes one file, puts aside one that can never be used, and leaves one that may be used later."""
        try:
            content = await asyncio.to_thread(self.files.read_bank_file, await asyncio.to_thread(self.rail.read, name))
            if content.replies:
                await self._answers(content)
            if content.entries:
                await self.evidence.take_in(self.voucher, content)
        except (EvidenceUnreadable, EvidenceConflict, BankAccountUnknown) as error:
            _LOG.warning("bank_file_refused", reason=error.reason)
            await asyncio.to_thread(self.rail.refuse, name)
            return True
        except DomainError as error:
            _LOG.info("bank_file_waits", reason=error.reason)
            return False
        except OSError:
            raise
        except Exception:
            # One file that we do not understand must not keep the bank's other news from us.
            _LOG.exception("bank_file_failed")
            return False
        await asyncio.to_thread(self.rail.archive, name)
        return True

    async def _answers(self, file: BankFile) -> None:
        def command(unit: Unit) -> tuple[int, int]:
            found, unknown = group(self.desk.state, file.replies)
            contradictions = 0
            for (stream, message_id), (settled, failed) in found.items():
                submission = self.desk.state.submissions[stream]
                contradictions += contradicted(submission, list(settled), failed)
                record_all(unit, stream, answered(submission, list(settled), failed, file.digest, message_id))
            return unknown, contradictions

        unknown, contradictions = await self.desk.commit(command, weight=len(file.replies))
        if unknown:
            _LOG.warning("bank_replies_unknown", count=unknown)
        if contradictions:
            # The bank has changed its word: money may be at the wrong place there.
            _LOG.error("bank_replies_contradict", count=contradictions)


Answers = dict[tuple[bytes, str], tuple[dict[int, str], dict[int, str]]]


def group(state: State, replies: Sequence[BankReply]) -> tuple[Answers, int]:
    """Returns, per submission and message, rows to settle and rows to fail; and how many replies are about nothing.

    Raises EvidenceConflict for a file that answers one payment both ways: neither is believed.
    """
    found: Answers = {}
    unknown = 0
    for reply in replies:
        places = _places(state, reply)
        unknown += not places
        for place in places:
            reference = state.submissions[place.stream].references[place.index]
            settled, failed = found.setdefault((place.stream, reference), ({}, {}))
            (settled if reply.settled else failed)[place.index] = reply.reason
            if place.index in settled and place.index in failed:
                raise EvidenceConflict("a payment is answered both ways")
    return found, unknown


def _places(state: State, reply: BankReply) -> Sequence[InstructionRef]:
    """Returns the payments that a reply is about; one that names both must name them together."""
    if not reply.transaction_id:
        message = state.messages.get(reply.message_id)
        return () if message is None else message.places
    try:
        place = state.sent.get(bytes.fromhex(reply.transaction_id))
    except ValueError:
        return ()
    if place is None:
        return ()
    reference = state.submissions[place.stream].references[place.index]
    return (place,) if reply.message_id in ("", reference) else ()


async def read_notification(files: PaymentFiles, content: bytes) -> BankFile:
    """Returns a bank's notification; raises EvidenceUnreadable for anything else, a bank's answer included."""
    file = await asyncio.to_thread(files.read_bank_file, content)
    if file.replies or not file.entries:
        raise EvidenceUnreadable("not a notification with entries")
    return file
