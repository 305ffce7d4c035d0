"""What pages ask of the service's own methods: within what the reader is shown, and recorded as the page's one view."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import calling

from ringfence_audit.console.application.viewing import LOOKING, Viewing, asked_about
from ringfence_audit.log.application.commands import LogStanding, RecordRead
from ringfence_audit.log.application.seeing import seeing
from ringfence_audit.log.application.views import Views
from ringfence_audit.log.domain.leaf import Value
from ringfence_audit.log.domain.state import LogPosition

Method = Callable[[Any, Any], Awaitable[Any]]
_VIEW: ContextVar[tuple[str, str, str]] = ContextVar("ringfence_view")
"""Page, subject and options of the view that is asked for."""


@dataclass(frozen=True, slots=True)
class Methods:
    """The methods that pages ask; all but the last two record their reads by `RecordView`."""

    get_books: Method
    every_book: Method
    get_report: Method
    list_reads: Method
    search: Method
    look_up: Method
    disclose: Method


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks methods from the threads in which pages are drawn, as whoever looks."""

    viewing: Viewing

    def __call__(self, method: Method, request: Any, page: str, subject: str = "", options: str = "") -> Any:
        """Gives the answer; blocks. Raises what the method refuses."""
        looking = LOOKING.get()

        async def answered() -> Any:
            _VIEW.set((page, subject, options))
            with seeing(looking.sight), calling(looking.caller):
                return await method(request, None)

        return self.viewing.wait(answered())


@dataclass(frozen=True, slots=True)
class RecordView(RecordRead):
    """Records the view of a page in the place of the reads that it makes: one, whatever it asks.

    A view that was recorded is told as of then, until the log has signed more.
    """

    views: Views
    standing: LogStanding

    async def __call__(
        self, reader: bytes, method: str, query: Mapping[str, Value | None], page: str | None = None
    ) -> LogPosition:
        """Gives where the log stood when the view was recorded; raises CheckpointPending."""
        looking, view = LOOKING.get(), _VIEW.get()
        stood = looking.recorded.get(view)
        if stood is None:
            name, subject, options = view
            newest = (await self.standing()).signed_head().size - 1
            asked, shown_as = asked_about(subject) | _times(query), f"{subject} {options}"
            stood = await self.views.refreshed(reader, name, asked, newest, shown_as=shown_as)
            looking.recorded[view] = stood
        return stood


def _times(query: Mapping[str, Value | None]) -> dict[str, Value | None]:
    """Gives of what time facts are asked for, which the view says as a search would."""
    return {name: query[name] for name in ("from_ns", "until_ns") if query.get(name)}
