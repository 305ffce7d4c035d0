"""Who may copy the whole log, by what identity's leaves say: regulators, auditors and mirrors, each under its own pins.

It needs no token, so what a token would stand for is kept here: that two people have registered the principal, which
certificates stand pinned (`ringfence_kernel.values.pins`), when the role ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ringfence_kernel.values.pins import is_pinned, with_enrolled
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal

REGISTERED, ENROLLED = "identity.principal_registered.v1", "identity.certificate_enrolled.v1"
PINNED, RENEWED = "identity.certificate_pinned.v1", "identity.grant_renewed.v1"
KINDS = (REGISTERED, ENROLLED, PINNED, RENEWED)
KINDS_OF_COPYISTS = frozenset({"REGULATOR", "AUDITOR", "MIRROR"})
"""Their reads are of the whole log, whatever platform a fact is of."""


@dataclass(frozen=True, slots=True)
class Copyist:
    """Somebody who may copy: until when, UTC nanoseconds, 0 for no end; the pins, by SHA-256, with their ends."""

    until_ns: int
    pinned: dict[bytes, int]


@dataclass(slots=True)
class Copyists:
    """All of them, by principal; others are not kept."""

    known: dict[bytes, Copyist] = field(default_factory=dict)

    def may_copy(self, principal: bytes, certificate_sha256: bytes, now_ns: int) -> bool:
        """Tells whether a principal may, by this certificate, now; whether it is suspended is not asked."""
        return self.has_role(principal, now_ns) and is_pinned(self.known[principal].pinned, certificate_sha256, now_ns)

    def has_role(self, principal: bytes, now_ns: int) -> bool:
        """Tells whether a principal is one of them, and its role has not ended by date."""
        found = self.known.get(principal)
        return found is not None and not (found.until_ns and now_ns >= found.until_ns)

    def take_in(self, kind: str, fields: Mapping[str, Any], journal: Journal) -> None:
        """Takes in what a leaf of one of `KINDS` says."""
        principal, pinned = fields["principal_id"], fields.get("certificate_sha256", b"")
        if kind == REGISTERED:
            if fields["kind"] in KINDS_OF_COPYISTS:
                pins = {pinned: 0} if pinned else {}
                journal.put(self.known, principal, Copyist(fields.get("until_ns", 0), pins))
            return
        found = self.known.get(principal)
        if found is None:
            return
        if kind == RENEWED:
            found = replace(found, until_ns=fields["until_ns"])
        elif kind == PINNED:
            found = replace(found, pinned={pinned: 0})
        elif fields.get("pins") or found.pinned:
            presented = fields.get("presented_sha256", b"")
            pins = with_enrolled(found.pinned, presented, pinned, fields["expires_ns"], fields["time_ns"])
            found = replace(found, pinned=pins)
        journal.put(self.known, principal, found)

    def save(self) -> bytes:
        """Gives all of it, in order."""
        rows = sorted((id_, each.until_ns, sorted(each.pinned.items())) for id_, each in self.known.items())
        return plain.encode(rows)

    def restore(self, saved: memoryview) -> None:
        """Takes up what `save` gave; raises ValueError for another format."""
        rows = plain.decode(saved, list[tuple[bytes, int, list[tuple[bytes, int]]]])
        self.known = {principal: Copyist(until_ns, dict(pinned)) for principal, until_ns, pinned in rows}
