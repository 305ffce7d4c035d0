"""Makes a look-up or a disclosure a leaf of the log before anybody is asked, with its reason beside the log."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial
from os import urandom

from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_audit.log.application.ports import StoredPage, TileRows
from ringfence_audit.log.application.seeing import recorded_sight
from ringfence_audit.log.application.texts import Erased, TextRows
from ringfence_audit.log.domain.leaf import Value, encode, text_commitment
from ringfence_audit.log.domain.reads import READ_KIND
from ringfence_audit.log.domain.state import LogPosition, State
from ringfence_audit.log.domain.texts import SALT_BYTES, Text

REASON = "query_reason"
TOGETHER: ContextVar[Together | None] = ContextVar("ringfence_together", default=None)
"""Look-ups that a page makes together."""


@dataclass(frozen=True, slots=True)
class Reasoned:
    """Who asks for what, and why: `query` is what the leaf says.

    The reason goes with the parties it is `about`, which are clients of the platform `tenant`.
    """

    reader: bytes
    method: str
    query: Mapping[str, Value | None]
    reason: str
    about: tuple[bytes, ...] = ()
    tenant: bytes = b""


@dataclass(slots=True)
class Together:
    """Look-ups of the same that one page makes by several ways: one read, which says `by` which.

    It commits to what was sought in the first way, with the salt of all of them.
    """

    by: str
    salt: bytes = field(default_factory=lambda: urandom(SALT_BYTES))
    recorded: Recorded | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The index of the leaf, and where the log stood with it."""

    index: int
    stood: LogPosition


@dataclass(frozen=True, slots=True)
class RecordReasoned:
    """Records reads that have a reason."""

    writer: GroupWriter
    state: State
    tiles: TileRows
    texts: TextRows
    parties: Erased

    async def __call__(self, read: Reasoned) -> Recorded:
        """Appends the leaf, and keeps the reason that it commits to beside the log; once for look-ups together."""
        together = TOGETHER.get()
        if together is None:
            return await self._record(read)
        if together.recorded is None:
            together.recorded = await self._record(replace(read, query={**read.query, "by": together.by}))
        return together.recorded

    async def _record(self, read: Reasoned) -> Recorded:
        salt, reason, sight = urandom(SALT_BYTES), read.reason.encode(), dict(recorded_sight())

        def decide(unit: Unit) -> Recorded:
            fields: dict[str, Value | None] = {f"query_{name}": value for name, value in read.query.items()}
            fields[f"{REASON}_commitment"] = text_commitment(salt, reason)
            fields |= sight | {"reader_id": read.reader, "method": read.method, "time_ns": unit.recorded_ns}
            event, tiles = self.state.append_read(encode(READ_KIND, fields))
            unit.record(self.state.stream, event)
            page = StoredPage(event.first_leaf, 1, unit.recorded[-1].position, unit.recorded_ns, unit.recorded_ns)
            unit.commit_also(partial(self.tiles.save, tiles=tiles, page=page))
            text = Text(0, READ_KIND, REASON, salt, reason, True, unit.recorded_ns, read.about, read.tenant)
            save = partial(self.texts.save, texts=[text], links=[], first_leaf=event.first_leaf)
            unit.commit_also(partial(save, erased=self.parties.erased.keys()))
            return Recorded(event.first_leaf, self.state.position())

        return await self.writer.commit(decide)
