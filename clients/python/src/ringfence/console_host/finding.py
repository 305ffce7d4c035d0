"""Finding for the console: by the SDK's look-ups and complete answers, proven here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ringfence_console import ports
from ringfence_desk.fact import Fact
from ringfence_desk.sought import Ground, Sought, taken
from ringfence_verifier import open_fact

from ringfence.audit import Audit
from ringfence.console_host.facts import LogFacts
from ringfence.console_host.refusals import told_to_pages
from ringfence.finding import LOOKED_UP, Finder, LookedUp, Way
from ringfence.proven import nameable

_SHOWN_NAMES = 60


@dataclass(frozen=True)
class SdkFinding:
    """Finds as one reader, whose log is the one that its facts are of."""

    finding: Finder
    facts: LogFacts

    def find(self, typed: str, reason: str, view: ports.View) -> Sequence[ports.Way]:
        """Asks in each way to take what was typed; what is looked up waits for a reason."""
        ways = taken(typed)
        asked = [each for each in ways if reason or each.taken not in LOOKED_UP]
        own = [each for each in asked if not _has_own_page(each.taken)]
        with told_to_pages():
            look = self.facts.history.looking(view)
            found = self._found(own, reason, look) if own else []
            answered = {way.sought: _way(way) for way in found}
            for way in found:
                self._learn(way, answered[way.sought].facts[:_SHOWN_NAMES], look)
        return [
            answered.get(each)
            or ports.Way(each, (), Ground.PROVEN, 0, needs_reason=not reason and each.taken in LOOKED_UP)
            for each in ways
        ]

    def _found(self, own: Sequence[Sought], reason: str, look: Audit) -> Sequence[Way]:
        history = self.facts.history
        history.follow()
        return self.finding.find(own, history.keys(), reason=reason, policy=history.policy, look=look)

    def _learn(self, way: Way, shown: Sequence[Fact], look: Audit) -> None:
        """Takes names from what is proven; what a look-up has brought besides is asked about, in the same look."""
        brought = {each.leaf_index for each in way.found if each.fact is not None}
        self.facts.learned.learn([fact for fact in shown if fact.index not in brought], look)
        self.facts.learned.name(nameable([fact for fact in shown if fact.index in brought]), look)


def _has_own_page(what: str) -> bool:
    return what in ("id", "fact")


def _way(way: Way) -> ports.Way:
    texts = {index: fact for found in way.found for index, fact in _opened(found)}
    facts = [_with_texts(Fact(index, fact.kind, fact.fields), texts.get(index)) for index, fact in way.facts]
    return ports.Way(way.sought, facts, way.ground, way.until, way.others, way.refused)


def _with_texts(fact: Fact, opened: Fact | None) -> Fact:
    """Gives a fact the texts of one that a look-up has brought, where it is the same."""
    is_same = opened and (opened.kind, opened.fields) == (fact.kind, fact.fields)
    return opened if opened and is_same else fact


def _opened(found: LookedUp) -> Iterator[tuple[int, Fact]]:
    if found.fact is not None:
        open_fact(found.fact, found.openings)
        texts = {each.field: each.content for each in found.openings if isinstance(each.content, str)}
        yield found.leaf_index, Fact(found.leaf_index, found.fact.kind, found.fact.fields, texts)
