"""Pages that are looked at: each view is a fact of the log, and refreshing it is none while it shows nothing new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ringfence_kernel.sealing.bounded_cache import BoundedCache

from ringfence_audit.log.application.commands import RecordRead
from ringfence_audit.log.application.seeing import current_sight
from ringfence_audit.log.domain.leaf import Value
from ringfence_audit.log.domain.state import LogPosition

MOST_VIEWS = 4_096
VIEW = "View"
"""What reads a page that is no method of the service."""
View = tuple[bytes, bytes, str, tuple[tuple[str, Value | None], ...], str]


@dataclass(frozen=True, slots=True)
class Views:
    """Records views, by reader, grant, page and query, and by how a page shows it (`shown_as`), which is not recorded.

    It remembers at which size of the log each was recorded, of the newest 4,096; what is forgotten is recorded again.
    """

    record_read: RecordRead
    _seen: BoundedCache[View, LogPosition] = field(default_factory=lambda: BoundedCache(MOST_VIEWS))

    async def opened(
        self, reader: bytes, page: str, query: Mapping[str, Value | None], shown_as: str = "", method: str = VIEW
    ) -> LogPosition:
        """Records that a page is looked at; gives where the log stands then: nothing beyond is shown."""
        stood = await self.record_read(reader, method, query, page=page)
        self._seen.put(_view(reader, page, query, f"{method} {shown_as}"), stood)
        return stood

    async def refreshed(
        self,
        reader: bytes,
        page: str,
        query: Mapping[str, Value | None],
        newest_leaf: int | None,
        shown_as: str = "",
        method: str = VIEW,
    ) -> LogPosition:
        """Gives where the log stood when the view was recorded, and records it anew for what is newer.

        `newest_leaf` is the index of the newest fact that would be shown, None for none; `method` what is asked by.
        """
        stood = self._seen.get(_view(reader, page, query, f"{method} {shown_as}"))
        if stood is None or (newest_leaf is not None and newest_leaf >= stood.size):
            return await self.opened(reader, page, query, shown_as, method)
        return stood


def _view(reader: bytes, page: str, query: Mapping[str, Value | None], shown_as: str) -> View:
    return reader, current_sight().grant_id, page, tuple(sorted(query.items())), shown_as
