"""Who is suspended, whose tokens have ended, who may read and copy what of the log: by identity's leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, ClassVar

from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.endings import Ending, Endings
from ringfence_kernel.writing.journal import Journal

from ringfence_audit.log.domain.events import OF_SOURCES, leaves_beginning
from ringfence_audit.log.domain.leaf import decode, prefix
from ringfence_audit.log.domain.sight import Sight
from ringfence_audit.standing.domain import grants
from ringfence_audit.standing.domain.copyists import KINDS, PINNED, REGISTERED, Copyists
from ringfence_audit.standing.domain.grants import Grants

SECTION, ENDINGS = "suspended, format 1", "endings of tokens, format 1"
COPYISTS, GRANTS = "copyists, format 1", "grants, format 1"
SUSPENDED, ACTIVATED = "identity.principal_suspended.v1", "identity.principal_activated.v1"
_STARTS = tuple(map(prefix, (SUSPENDED, ACTIVATED, *KINDS, *grants.KINDS)))
"""How leaves of these kinds begin; others are not read."""


@dataclass(slots=True)
class State:
    """Principals that are suspended, platforms among them, and from when on tokens count."""

    EVENTS: ClassVar[tuple[type, ...]] = OF_SOURCES
    suspended: dict[bytes, bool] = field(default_factory=dict)
    endings: Endings = field(default_factory=Endings)
    copyists: Copyists = field(default_factory=Copyists)
    grants: Grants = field(default_factory=Grants)

    def is_suspended(self, principal: bytes) -> bool:
        """Tells whether a principal is suspended."""
        return principal in self.suspended

    def sight(self, principal: bytes, now_ns: int) -> Sight | None:
        """Gives what a regulator, an auditor or a mirror is shown, None where nothing is; it may be suspended."""
        return self.grants.sight(principal, now_ns) if self.copyists.has_role(principal, now_ns) else None

    def jurisdiction(self, platform: bytes) -> str:
        """Gives the country by whose law a platform is supervised, empty where it is not stated."""
        return self.grants.jurisdictions.get(platform, "")

    def may_copy(self, principal: bytes, certificate_sha256: bytes, now_ns: int) -> bool:
        """Tells whether a principal may copy the log, by this certificate, now: who is shown less than all may not."""
        sight = self.sight(principal, now_ns)
        if sight is None or not sight.is_whole:
            return False
        return self.copyists.may_copy(principal, certificate_sha256, now_ns)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in what leaves of identity say of principals."""
        for leaf in leaves_beginning(recorded.event, "identity", _STARTS):
            self._take_in(*decode(leaf), journal)

    def _take_in(self, kind: str, fields: Mapping[str, Any], journal: Journal) -> None:
        principal = fields["principal_id"]
        if kind in grants.KINDS:
            self.grants.take_in(kind, fields, journal)
        if kind in KINDS:
            self.copyists.take_in(kind, fields, journal)
        if kind == SUSPENDED or (kind == REGISTERED and not fields["active"]):
            journal.put(self.suspended, principal, True)
        elif kind == ACTIVATED and principal in self.suspended:
            journal.remove(self.suspended, principal)
        if kind in (SUSPENDED, PINNED):
            self.endings.note(Ending(principal, fields["position"], fields["time_ns"]), journal)

    def digest(self) -> bytes:
        """Gives a hash of it all."""
        return sha256(self._content() + self.endings.save() + self.copyists.save() + self.grants.save()).digest()

    def save(self) -> Sections:
        """Gives all of it."""
        endings, copyists = (ENDINGS, self.endings.save()), (COPYISTS, self.copyists.save())
        return [(SECTION, self._content()), endings, copyists, (GRANTS, self.grants.save())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` gave; raises ValueError or LookupError for another format."""
        suspended = plain.decode(sections[SECTION], list[bytes])
        self.endings.restore(sections[ENDINGS])
        self.copyists.restore(sections[COPYISTS])
        self.grants.restore(sections[GRANTS])
        self.suspended = dict.fromkeys(suspended, True)

    def _content(self) -> bytes:
        return plain.encode(sorted(self.suspended))
