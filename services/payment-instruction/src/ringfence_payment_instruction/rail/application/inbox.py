"""The bank's answers and notifications, as they lie in the rail's inbox."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from dataclasses import dataclass, field

from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.rail.application.ports import (
    BankAnswers,
    BankFiles,
    Notifications,
    Rail,
    RailVoucher,
)
from ringfence_payment_instruction.rail.domain.replies import answered, contradicted, group, keys_of_replies
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain.errors import EvidenceRefused
from ringfence_payment_instruction.submissions.domain.past import Asked

PAUSE_AFTER_FAILURE_SECONDS = 2.0
_LOG = get(__name__)


@dataclass(frozen=True, slots=True)
class Inbox:
    """Reads the inbox again and again. A file is archived after its content is committed, so none is lost."""

    submissions: Submissions
    rail: Rail
    files: BankFiles
    notifications: Notifications
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
            content = await asyncio.to_thread(self.rail.read, name)
            answers = await asyncio.to_thread(self.files.read_answers, content)
            if answers is None:
                await self.notifications.take_in(self.voucher, content)
            elif answers.replies:
                await self._answers(answers)
        except EvidenceRefused as error:
            _LOG.warning("bank_file_refused", reason=error.reason)
            return await self._put_away(self.rail.refuse, name)
        except DomainError as error:
            _LOG.info("bank_file_waits", reason=error.reason)
            return False
        except OSError as error:
            return self._left(error)
        except Exception:
            # One file that we do not understand must not keep the bank's other news from us.
            _LOG.exception("bank_file_failed")
            return False
        return await self._put_away(self.rail.archive, name)

    async def _put_away(self, move: Callable[[str], None], name: str) -> bool:
        try:
            await asyncio.to_thread(move, name)
        except OSError as error:
            return self._left(error)
        return True

    def _left(self, error: OSError) -> bool:
        """One file that cannot be read or moved must not keep the bank's other news from us either."""
        _LOG.error("bank_file_unreadable", error=errno.errorcode.get(error.errno or 0, type(error).__name__))
        return False

    async def _answers(self, file: BankAnswers) -> None:
        def command(unit: Unit) -> tuple[int, int]:
            found, unknown = group(self.submissions.state, file.replies)
            contradictions = 0
            for (stream, message_id), (settled, failed) in found.items():
                submission = self.submissions.state.known(stream)
                contradictions += contradicted(submission, list(settled), failed)
                transitions = answered(submission, list(settled), failed, file.digest, message_id)
                self.submissions.record(unit, stream, transitions)
            return unknown, contradictions

        unknown, contradictions = await self.submissions.knowing(
            Asked(keys_of_replies(file.replies)), command, weight=len(file.replies)
        )
        if unknown:
            _LOG.warning("bank_replies_unknown", count=unknown)
        if contradictions:
            # The bank has changed its word: money may be at the wrong place there.
            _LOG.error("bank_replies_contradict", count=contradictions)
