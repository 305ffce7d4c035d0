"""Who looks at a page, and that it is logged before it leaves, asked from the threads in which pages are drawn."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.rpc.refusals import DeadlineExceeded

from ringfence_audit.log.application.commands import LogStanding
from ringfence_audit.log.application.seeing import seeing
from ringfence_audit.log.application.views import Views
from ringfence_audit.log.domain.leaf import Value
from ringfence_audit.log.domain.sight import Sight
from ringfence_audit.log.domain.state import LogPosition

Answer = TypeVar("Answer")
_INDEX, _ID = re.compile(r"[0-9]{1,18}"), re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Looking:
    """Somebody at a page, and what is shown."""

    caller: Caller
    sight: Sight
    recorded: dict[tuple[str, str, str], LogPosition] = field(default_factory=dict)
    """The views that this request has recorded, by page, subject and options."""


LOOKING: ContextVar[Looking] = ContextVar("ringfence_looking")
"""Who looks at the page that is being drawn."""


@dataclass(frozen=True, slots=True)
class Viewing:
    """Records views; `loop` is the service's own."""

    loop: asyncio.AbstractEventLoop
    views: Views
    standing: LogStanding
    seconds: float

    def stood(self) -> LogPosition:
        """Gives where the log stands; blocks."""
        return self.wait(self.standing())

    def note(self, page: str, subject: str, options: str, newest: int | None) -> None:
        """Has it logged that a page is shown with facts as far as the leaf `newest`; blocks until it is committed.

        It is logged by its subject. Looking again at what was logged is no view; with other options it is another.
        """
        looking = LOOKING.get()
        asked = asked_about(subject)

        async def noted() -> LogPosition:
            with seeing(looking.sight):
                return await self.views.refreshed(
                    looking.caller.subject, page, asked, newest, shown_as=f"{subject} {options}"
                )

        self.wait(noted())

    def wait(self, asked: Awaitable[Answer]) -> Answer:
        """Has something asked in the service's loop; blocks. Raises DeadlineExceeded after `seconds`."""

        async def answered() -> Answer:
            try:
                async with asyncio.timeout(self.seconds):
                    return await asked
            except TimeoutError:
                raise DeadlineExceeded from None

        return asyncio.run_coroutine_threadsafe(answered(), self.loop).result()


def asked_about(subject: str) -> dict[str, Value | None]:
    """Gives the id, or the place in the log, that a page is about: so the register knows whom a view concerns.

    What else somebody has typed may be a name: it does not stand in the log.
    """
    if _INDEX.fullmatch(subject):
        return {"leaf_index": int(subject)}
    return {"subject_id": UUID(subject).bytes} if _ID.fullmatch(subject) else {}
