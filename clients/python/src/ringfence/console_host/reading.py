"""Complete answers for one page, as of one state of the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from ringfence_console import ports
from ringfence_desk.fact import Fact

from ringfence.console_host.history import History
from ringfence.console_host.learning import LearnedNames
from ringfence.console_host.refusals import told_to_pages
from ringfence.errors import RingfenceError
from ringfence.proven import ProvenFacts, fact_of

_NARROW = "GRANT_TOO_NARROW"


@dataclass
class AnswerReading:
    """What is asked for one page (`ringfence_console.ports.Reading`): all as of the first answer, none older than what
    was remembered when the page was begun."""

    history: History
    names: LearnedNames
    view: ports.View
    _kept: dict[UUID, Sequence[Fact]] = field(default_factory=dict)
    _seal: ports.Seal | None = None
    _is_all: bool = True

    def __post_init__(self) -> None:
        self._least = self.history.size
        self._audit = self.history.looking(self.view)
        self._proven = ProvenFacts(self._audit, self.history.keys(), self.history.policy)

    def facts_of(self, identifier: UUID) -> Sequence[Fact]:
        """Gives all facts about an id, with their texts as far as they are kept."""
        if identifier not in self._kept:
            with told_to_pages():
                found = self._asked(identifier)
                self.names.learn(found, self._audit)
            self._kept[identifier] = found
        return self._kept[identifier]

    @property
    def seal(self) -> ports.Seal:
        """The checkpoint of the first answer, as of which all is told; it is proven where every answer is."""
        if self._seal is None:
            raise ports.NotThere("nothing was asked for")
        return replace(self._seal, is_proven=self._is_all)

    @property
    def until_leaf(self) -> int | None:
        """Below it nothing is missing in any answer; None where one was not complete."""
        return self._proven.until_leaf if self._is_all and self._seal else None

    def _asked(self, identifier: UUID) -> Sequence[Fact]:
        try:
            found = self._proven.facts_of(identifier)
        except RingfenceError as error:
            if error.reason != _NARROW:
                raise
            return self._part(identifier)
        got = self._proven.newest
        if got is not None:
            accepted = self.history.accept(got.note, self._least)
            self._seal = self._seal or self.history.seal(got.note, accepted, got.state.time_ns)
        return found

    def _part(self, identifier: UUID) -> Sequence[Fact]:
        """Finds what a reader of a part is shown: each is in the log; that there is nothing else is the log's word."""
        self._is_all = False
        if self._seal is None:
            shown = self.history.follow()
            self._seal = ports.Seal(shown.origin, shown.size, shown.root)
        found = self._audit.search(identifier, key=self.history.keys(), policy=self.history.policy)
        return [fact_of(leaf.index, leaf.content, leaf.openings) for leaf in found if leaf.index < self._seal.size]
