"""What ids are called, as far as facts say that are proven to be in the log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock

from ringfence_desk.fact import Fact
from ringfence_desk.names import Names

from ringfence.audit import Audit
from ringfence.console_host.history import History
from ringfence.proven import MOST_LOOKED_UP, Nameable, nameable, naming


@dataclass
class LearnedNames:
    """Names of a log, which pages have in common: what was learned first stays. Thread-safe."""

    history: History
    _names: Names = field(default_factory=Names)
    _asked: set[Nameable] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def known(self) -> Names:
        """Gives what was learned."""
        with self._lock:
            return self._names

    def learn(self, facts: Iterable[Fact], audit: Audit) -> None:
        """Takes in what proven facts say, and asks what the ids in them are called, as a part of the page's look."""
        told = list(facts)
        self.take(Names.of(told))
        self.name(nameable(told), audit)

    def take(self, found: Names) -> None:
        """Takes in what proven facts were found to say."""
        with self._lock:
            self._names = self._names.joined(found)

    def name(self, ids: Iterable[Nameable], audit: Audit) -> None:
        """Asks what ids are called that no answer was had to yet: of so many at most, each by one proven fact."""
        with self._lock:
            known = self._names
            wanted = [each for each in dict.fromkeys(ids) if each not in self._asked and not each.is_named(known)]
        for each in wanted[:MOST_LOOKED_UP]:
            found = naming(audit, self.history.keys(), each, self.history.policy)
            self.take(Names.of([found] if found else []))
            with self._lock:
                self._asked.add(each)
