"""Who does not stand well, built from events alone: everybody else may pay and be paid."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.ids import external_id
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.standing.domain.events import EVENTS, StandingNoted

SECTION = "standing, format 3"
LAST_NS = 62 * DAY_NS
"""What was received before an erasure is authorised for 30 days, and so is what a revocation is about; what comes later
asks identity, where the IBAN stays the erased client's. As much again is for a service that stood still."""
STREAM = external_id("standing", b"", "identity")
"""The one stream of all that is noted."""


class Standing(IntEnum):
    """How a principal, a party or a submission stands: by identity's last decision. The numbers are published."""

    GOOD = 0
    SUSPENDED = 1
    LAPSED = 2
    REFUSED = 3
    BLOCKED = 4
    ERASED = 5
    REVOKED = 6


@dataclass(frozen=True, slots=True)
class StandingFact:
    """What identity's feed says of a principal, party, or stream of a submission; `tenant` is empty for a principal.

    `standing` is None where a principal stands as before and had a certificate pinned; `position` and `at_ns` are those
    of the event in identity's feed.
    """

    subject: bytes
    tenant: bytes
    standing: Standing | None
    position: int = 0
    at_ns: int = 0

    @property
    def is_of_principal(self) -> bool:
        """Tells whether it is said of a principal."""
        return not self.tenant


class State:
    """Those who do not stand well, of the erased and the revoked those of the last 62 days. Nothing here decides.

    Submissions whose authorisation was revoked stand apart, in `revoked`: they tell nothing of anybody. Who leaves is
    decided by the times of the events. Every change goes through the journal.
    """

    EVENTS: ClassVar[tuple[type, ...]] = EVENTS

    def __init__(self) -> None:
        """Starts with everybody in good standing."""
        self.standings: dict[bytes, Standing] = {}
        self.revoked: dict[bytes, None] = {}
        self._passing: deque[tuple[int, bytes]] = deque()  # when it was noted, and who is erased or what is revoked

    def of(self, subject: bytes) -> Standing:
        """Returns how somebody stands."""
        return Standing.REVOKED if subject in self.revoked else self.standings.get(subject, Standing.GOOD)

    def is_suspended(self, principal: bytes) -> bool:
        """Tells whether a principal, or a platform, is suspended."""
        return self.of(principal) is Standing.SUSPENDED

    def news(self, facts: Iterable[StandingFact]) -> Iterator[StandingNoted]:
        """Yields what is not known yet, in order. Who was erased stays so."""
        known: dict[bytes, Standing] = {}
        for fact in facts:
            before = known.get(fact.subject, self.of(fact.subject))
            if fact.standing is not None and before not in (fact.standing, Standing.ERASED):
                known[fact.subject] = fact.standing
                yield StandingNoted(fact.subject, fact.tenant, fact.standing)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        event: StandingNoted = recorded.event
        if event.standing == Standing.REVOKED:
            journal.put(self.revoked, event.subject, None)
        elif event.standing != Standing.GOOD:
            journal.put(self.standings, event.subject, Standing(event.standing))
        else:
            self._forget(event.subject, journal)
        if event.standing in (Standing.ERASED, Standing.REVOKED):
            self._passing.append((recorded.recorded_at_ns, event.subject))
            journal.call(self._passing.pop)
        self._let_go(recorded.recorded_at_ns, journal)

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        return hashlib.sha256(self._content()).digest()

    def save(self) -> Sections:
        """Returns all of it."""
        return [(SECTION, self._content())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        standings, revoked, passing = plain.decode(
            sections[SECTION], tuple[list[tuple[bytes, int]], list[bytes], list[tuple[int, bytes]]]
        )
        self.standings = {subject: Standing(standing) for subject, standing in standings}
        self.revoked, self._passing = dict.fromkeys(revoked), deque(passing)

    def _let_go(self, now_ns: int, journal: Journal) -> None:
        while self._passing and now_ns - self._passing[0][0] > LAST_NS:
            oldest = self._passing.popleft()
            journal.call(self._passing.appendleft, oldest)
            if self.of(oldest[1]) in (Standing.ERASED, Standing.REVOKED):
                self._forget(oldest[1], journal)

    def _forget(self, subject: bytes, journal: Journal) -> None:
        for each in (self.standings, self.revoked):
            if subject in each:
                journal.remove(each, subject)

    def _content(self) -> bytes:
        standings = [(subject, int(standing)) for subject, standing in sorted(self.standings.items())]
        return plain.encode((standings, sorted(self.revoked), list(self._passing)))
