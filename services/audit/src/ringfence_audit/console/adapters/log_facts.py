"""The log as pages ask for it, from the service's own tables; every call blocks.

What is shown here was not proven by who looks: the keys come from the log itself, and whoever has the log's key from
elsewhere compares its fingerprint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from ringfence_console import ports
from ringfence_desk.fact import Fact
from ringfence_desk.names import Names

from ringfence_audit.console.adapters.log_reading import LoggedReading, Tables
from ringfence_audit.console.adapters.telling import fact_of, told
from ringfence_audit.console.application.viewing import LOOKING
from ringfence_audit.log.domain.keys import key_id, signing_ids
from ringfence_audit.log.domain.leaf import decode
from ringfence_audit.log.domain.state import LogPosition, SignedHead
from ringfence_audit.log.domain.state_leaf import stated_index
from ringfence_audit.log.domain.texts import may_commit

MOST_NAMES = 20_000


@dataclass(slots=True)
class LoggedFacts:
    """Facts for one reader's pages, all but the overview (`OverviewedFacts`); `vkeys` are the log's own, by key id."""

    origin: str
    tables: Tables
    vkeys: Callable[[], Mapping[bytes, str]]
    _names: Names = field(default_factory=Names)
    _lock: Lock = field(default_factory=Lock)

    def fact(self, index: int, view: ports.View) -> ports.ProvenFact:
        """Gives a fact and its receipt; raises NotThere for one that is not shown, as for one that is not there."""
        tables = self.tables
        with told():
            stood, sight = tables.viewing.stood(), LOOKING.get().sight
            if not sight.is_whole:
                tables.queries.require_shown(index, stood, sight, LOOKING.get().caller.subject)
            leaf, receipt = tables.queries.receipt(index, stood)
            tables.viewing.note(view.page, view.subject, view.options, index)
            openings = tables.texts.of_leaves([index] if may_commit(leaf) else []).get(index, [])
            fact = fact_of(index, leaf, openings)
            self.learn([fact])
            return ports.ProvenFact(fact, leaf, receipt, self._keys(stood), self._seal(stood.signed_head()))

    def standing(self, view: ports.View) -> ports.Standing:
        """Gives the log as it stands, which shows no fact; what sources have come to, to who is shown all of it."""
        with told():
            stood = self.tables.viewing.stood()
            signed = stood.signed_head()
            # What the log knows of all platforms is not for who is shown some of these.
            is_whole = LOOKING.get().sight.is_whole
            heads = signed.heads if is_whole else ()
            is_told = is_whole and bool(signed.state_leaf)
            return ports.Standing(
                seal=self._seal(signed),
                sources=[ports.SourceHead(each.source, each.epoch, each.position) for each in heads],
                index_size=stated_index(signed.state_leaf).size if is_told else None,
                books_size=_stated(signed, "books_size") if is_told else None,
                keys=self._keys(stood),
                witnesses=None,
                remembered=None,
                remembers=False,
            )

    def reading(self, view: ports.View, recorded: LogPosition | None = None) -> LoggedReading:
        """Begins to ask about ids for a page, as of the newest checkpoint.

        Where another read of the page is its view already, nothing is shown that was signed after it was `recorded`.
        """
        with told():
            signed = (recorded or self.tables.viewing.stood()).signed_head()
            return LoggedReading(self.tables, view, signed, self._seal(signed), self.learn, recorded is not None)

    def names(self) -> Names:
        """Gives what facts that were shown say of names."""
        with self._lock:
            return self._names

    def learn(self, facts: Sequence[Fact]) -> None:
        """Takes in names that facts give; where there are very many, those from before are forgotten."""
        with self._lock:
            known = self._names
            if len(known.called) + len(known.accounts) > MOST_NAMES:
                known = Names()
            self._names = known.learned(facts)

    def _seal(self, signed: SignedHead) -> ports.Seal:
        return ports.Seal(self.origin, signed.size, signed.root, _stated(signed, "time_ns"))

    def _keys(self, stood: LogPosition) -> list[ports.Key]:
        """Gives the keys that sign now, the newest last, each from the first size that it has to sign."""
        signing = signing_ids(stood.rotations, stood.signed_head().note, None)
        known, first = self.vkeys(), {key_id(each.vkey): each.index + 1 for each in stood.rotations}
        return [ports.Key(known[each], first.get(each, 0)) for each in signing if each in known]


def _stated(signed: SignedHead, name: str) -> int | None:
    """Reads a number from what the log has stated; None where it has not."""
    found = decode(signed.state_leaf)[1].get(name) if signed.state_leaf else None
    return found if isinstance(found, int) else None
