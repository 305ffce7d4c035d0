"""The bank's answers and notifications, as they lie in the rail's inbox."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass, field
from hashlib import sha256

from ringfence_kernel.sealing.envelopes import EnvelopeBroken
from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.ids import ID_BYTES

from ringfence_payment_instruction.rail.application.answering import Answering
from ringfence_payment_instruction.rail.application.ports import (
    BankFiles,
    Notifications,
    Outcome,
    Rail,
    RailVoucher,
    Received,
    Seals,
)
from ringfence_payment_instruction.submissions.domain.errors import EvidenceRefused

PAUSE_AFTER_FAILURE_SECONDS = 2.0
QUIET_SHARE, QUIET_POLL_SECONDS = 0.1, 1.0
"""Where nothing has come for a while, a look may be late by this part of it, and by so much."""
INBOX = "inbox"
_LOG = get(__name__)


@dataclass(slots=True)
class Inbox:
    """Takes the bank's files again and again: kept first, sealed, then decided on, then put away where they lie.

    What was kept is decided on also where the place that it came from is gone.
    """

    # Half of the service hangs on what does not show: a traceback would tell all of it.
    answering: Answering = field(repr=False)
    rail: Rail
    received: Received
    seals: Seals
    files: BankFiles
    notifications: Notifications = field(repr=False)
    voucher: RailVoucher
    poll_seconds: float
    _may_be_kept: bool = True
    _later: dict[str | bytes, float] = field(default_factory=dict)
    """Until when a name, or a file that is kept, is left alone."""
    _lying: dict[str, bytes] = field(default_factory=dict)
    """The files that are kept and whose names are still there."""

    async def run(self) -> None:
        """Takes files until cancelled."""
        self._may_be_kept = True
        clock = asyncio.get_running_loop().time
        heard = clock()
        while True:
            try:
                await self.step()
                if self._may_be_kept:
                    heard = clock()
            except (OSError, DomainError) as error:
                _LOG.warning("inbox_unreadable", error=type(error).__name__)
                await asyncio.sleep(PAUSE_AFTER_FAILURE_SECONDS)
            await asyncio.sleep(pause_seconds(self.poll_seconds, clock() - heard))

    async def step(self) -> None:
        """Takes every file that lies there or is kept, but those that could not be taken a moment ago."""
        names = await asyncio.to_thread(self.rail.pending)
        # Who leads keeps them: where nothing was, nothing is unless a name has come.
        kept = await asyncio.to_thread(self.received.undecided) if names or self._may_be_kept else []
        self._may_be_kept = bool(names or kept)
        now = asyncio.get_running_loop().time()
        for key in self._later.keys() - {*names, *kept}:
            del self._later[key]
        for gone in self._lying.keys() - set(names):
            del self._lying[gone]
        for name in names:
            if self._later.get(name, 0.0) <= now and not await self._take(name):
                self._later[name] = now + PAUSE_AFTER_FAILURE_SECONDS
        lying = set(self._lying.values())
        for file_id in kept:
            if file_id not in lying and self._later.get(file_id, 0.0) <= now and not await self._finish(file_id):
                self._later[file_id] = now + PAUSE_AFTER_FAILURE_SECONDS

    async def _take(self, name: str) -> bool:
        """Keeps one file, decides on it, and puts it away; False where it is to be looked at again."""
        try:
            content = await asyncio.to_thread(self.rail.read, name)
            file_id = identified(name, content)
            try:
                outcome = await asyncio.to_thread(self.received.outcome, file_id)
            except KeyError:
                outcome = None
                sealed = await self.seals.seal(file_id, INBOX, content)
                await asyncio.to_thread(self.received.keep, file_id, sealed)
            self._lying[name] = file_id
            outcome = outcome or await self._decide(file_id, content)
            if outcome is not None:
                move = self.rail.refuse if outcome is Outcome.REFUSED else self.rail.archive
                await asyncio.to_thread(move, name)
            return outcome is not None
        except OSError as error:
            # One file that cannot be read or moved must not keep the bank's other news from us.
            _LOG.error("bank_file_unreadable", error=errno.errorcode.get(error.errno or 0, type(error).__name__))
        except DomainError as error:
            _LOG.info("bank_file_waits", reason=error.reason)
        return False

    async def _finish(self, file_id: bytes) -> bool:
        """Decides on a file whose name is gone; False where it is to be looked at again."""
        try:
            sealed = await asyncio.to_thread(self.received.load, file_id)
            content = await self.seals.unseal(file_id, INBOX, sealed)
            return await self._decide(file_id, content) is not None
        except KeyError:
            return True
        except DomainError as error:
            _LOG.info("bank_file_waits", reason=error.reason)
        except EnvelopeBroken:
            _LOG.error("kept_file_broken", file=file_id.hex())
        return False

    async def _decide(self, file_id: bytes, content: bytes) -> Outcome | None:
        """Returns what became of a file, having recorded it; None for one that may be used later."""
        outcome = Outcome.ACCEPTED
        try:
            answers = await asyncio.to_thread(self.files.read_answers, content)
            if answers is None:
                await self.notifications.take_in(self.voucher, content)
            elif answers.replies:
                await self.answering.take_in(answers)
        except EvidenceRefused as error:
            _LOG.warning("bank_file_refused", reason=error.reason)
            outcome = Outcome.REFUSED
        except DomainError as error:
            _LOG.info("bank_file_waits", reason=error.reason)
            return None
        except Exception:
            # One file that we do not understand must not keep the bank's other news from us.
            _LOG.exception("bank_file_failed")
            return None
        await asyncio.to_thread(self.received.decide, file_id, outcome)
        return outcome


def pause_seconds(poll_seconds: float, quiet_seconds: float) -> float:
    """Returns when to look again where nothing has come for so long."""
    return max(poll_seconds, min(QUIET_SHARE * quiet_seconds, QUIET_POLL_SECONDS))


def identified(name: str, content: bytes) -> bytes:
    """Returns the id of a file, 16 bytes: what the bank sends under one name again is another file."""
    return sha256(sha256(name.encode()).digest() + content).digest()[:ID_BYTES]
