"""All that the log has about ids, for one view of a page; every call blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol, TypeVar
from uuid import UUID

from ringfence_console import ports
from ringfence_desk.fact import Fact

from ringfence_audit.console.adapters.own_leaves import OwnLeaves
from ringfence_audit.console.adapters.telling import fact_of, told
from ringfence_audit.console.application.viewing import LOOKING, Viewing
from ringfence_audit.index.application.about import leaves_about
from ringfence_audit.index.application.limited import LimitedQueries
from ringfence_audit.index.application.ports import Keys
from ringfence_audit.log.application.queries import MOST_FACTS, Queries
from ringfence_audit.log.application.texts import Texts
from ringfence_audit.log.domain.reads import is_read_of
from ringfence_audit.log.domain.sight import Sight
from ringfence_audit.log.domain.state import SignedHead
from ringfence_audit.log.domain.state_leaf import stated_index

ResultT = TypeVar("ResultT")


class Heavily(Protocol):
    """How what reads much is run: in its turn, of the few that there are at once."""

    def __call__(self, function: Callable[..., ResultT], /, *arguments: Any) -> ResultT:
        """Returns what the function returns; blocks."""


@dataclass(frozen=True, slots=True)
class Tables:
    """What a page is read from; `heavily` runs what reads much, and waits for it."""

    queries: Queries
    keys: Keys
    limited: LimitedQueries
    texts: Texts
    viewing: Viewing
    heavily: Heavily


@dataclass(slots=True)
class LoggedReading:
    """One view's questions (`ringfence_console.ports.Reading`) as of one checkpoint; `learn` is told what it shows."""

    tables: Tables
    view: ports.View
    signed: SignedHead
    seal: ports.Seal
    learn: Callable[[Sequence[Fact]], None]
    is_recorded: bool = False
    """Whether the log has the view already, by another read of the page."""
    _kept: dict[UUID, list[Fact]] = field(default_factory=dict)
    _own: OwnLeaves | None = None

    @property
    def until_leaf(self) -> int | None:
        """None: that nothing is missing is this service's own word, and whoever looks has no proof of it."""
        return None

    def facts_of(self, identifier: UUID) -> Sequence[Fact]:
        """Gives all facts about an id that the reader is shown; that they were asked for is logged before.

        Raises Refused where they are more than a page can show.
        """
        if identifier not in self._kept:
            with told():
                self._kept[identifier] = self._asked(identifier)
            self.learn(self._kept[identifier])
        return self._kept[identifier]

    def of_key(self, key: bytes) -> Sequence[Fact]:
        """Gives facts that stand in the index under a key, or whose value has it; raises as `facts_of`."""
        with told():
            found = self._shown(self.tables.heavily(self._found, key, LOOKING.get().sight, True))
        self.learn(found)
        return found

    def newest(self, most: int) -> Sequence[Fact]:
        """Gives the newest facts that the reader is shown, in order, as many as that at most."""
        with told():
            found = self._shown(self.tables.heavily(self._newest, most, LOOKING.get().sight))
        self.learn(found)
        return found

    def _newest(self, most: int, sight: Sight) -> list[tuple[int, bytes]]:
        if sight.platforms is None:
            return list(self.tables.queries.leaves_at(range(max(self.signed.size - most, 0), self.signed.size)))
        return self._own_leaves(sight.platforms).newest(most)

    def _own_leaves(self, platforms: frozenset[bytes]) -> OwnLeaves:
        if self._own is None:
            self._own = OwnLeaves(self.tables.limited, self.tables.queries, platforms, self._indexed)
        return self._own

    def _asked(self, identifier: UUID) -> list[Fact]:
        return self._shown(self.tables.heavily(self._found, identifier.bytes, LOOKING.get().sight))

    def _shown(self, found: Sequence[tuple[int, bytes]]) -> list[Fact]:
        view, looking = self.view, LOOKING.get()
        seen = looking.caller.subject, looking.sight.grant_id
        # A view is a fact about what was looked at: to show it would be another, and so on at every refresh.
        newest = next((index for index, leaf in reversed(found) if not is_read_of(leaf, *seen)), None)
        if not self.is_recorded:
            self.tables.viewing.note(view.page, view.subject, view.options, newest)
        openings = self.tables.texts.of_leaves([index for index, _ in found])
        return [fact_of(index, leaf, openings.get(index, ())) for index, leaf in found]

    def _found(self, key: bytes, sight: Sight, is_value: bool = False) -> list[tuple[int, bytes]]:
        found = list(islice(self._about(key, sight, is_value), MOST_FACTS + 1))
        if len(found) > MOST_FACTS:
            raise ports.Refused("TOO_MANY_FACTS", f"there are more than {MOST_FACTS} facts about it")
        return found

    def _about(self, subject: bytes, sight: Sight, is_value: bool) -> Iterator[tuple[int, bytes]]:
        if sight.platforms is None:
            return self._of_all(subject)
        own = self._own_leaves(sight.platforms)
        return own.with_value(subject) if is_value else own.about(subject)

    @property
    def _indexed(self) -> int:
        return min(stated_index(self.signed.state_leaf).size, self.signed.size)

    def _of_all(self, subject: bytes) -> Iterator[tuple[int, bytes]]:
        return leaves_about(self.tables.keys, self.tables.queries, [subject], range(self._indexed))
