"""What is kept of tokens: assertions spent, live authorisations, and the certificates of those who are bound to some.

Assertions and authorisations are grouped by the minute and the day in which they expire, so that forgetting them is
cheap and the same on every rebuild.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from struct import Struct
from typing import Any, ClassVar

from ringfence_kernel.values.clock import DAY_NS, NANOSECONDS
from ringfence_kernel.values.ids import external_id
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.packed_map import PackedMap

from ringfence_identity.principals.domain.events import PrincipalRegistered
from ringfence_identity.tokens.domain import events
from ringfence_identity.tokens.domain.events import AccessTokenIssued, CertificateEnrolled, SubmissionAuthorised

MINUTE_NS = 60 * NANOSECONDS
SECTION = "tokens, format 1"

Authorised = PackedMap[bytes]
"""The digest authorised, under a hash of tenant and submission."""


@dataclass(frozen=True, slots=True)
class _Saved:
    """What is saved as it is: assertions by minute, certificates with their ends by principal, all in order."""

    assertions: list[tuple[int, list[bytes]]]
    pinned: list[tuple[bytes, list[tuple[bytes, int]]]]


@dataclass(slots=True)
class State:
    """What was given out and still counts. Dictionaries change only through a journal.

    `pinned` holds the only certificates that may be presented, each with its end in UTC nanoseconds, 0 for none; who is
    not in it may present every one that the client issuer gave to its SPIFFE id.
    """

    EVENTS: ClassVar[tuple[type, ...]] = (PrincipalRegistered, *events.EVENTS)

    assertions: dict[int, dict[bytes, bool]] = field(default_factory=dict)
    authorisations: dict[int, Authorised] = field(default_factory=dict)
    pinned: dict[bytes, dict[bytes, int]] = field(default_factory=dict)

    def authorised_digest(self, tenant: bytes, submission: bytes) -> bytes | None:
        """Returns the digest that a live authorisation names, or None."""
        key = _submission_key(tenant, submission)
        found = (day.get(key) for day in self.authorisations.values())
        return next((digest for digest in found if digest is not None), None)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event; every change goes through the journal."""
        event, at_ns = recorded.event, recorded.recorded_at_ns
        if isinstance(event, AccessTokenIssued | CertificateEnrolled):
            self._spend(event, at_ns, journal)
        if isinstance(event, CertificateEnrolled) and event.principal in self.pinned:
            self._pin(event, at_ns, journal)
        if isinstance(event, SubmissionAuthorised):
            self._authorise(event, at_ns, journal)
        if isinstance(event, PrincipalRegistered) and event.certificate_sha256:
            journal.put(self.pinned, event.principal, {event.certificate_sha256: 0})

    def _spend(self, event: AccessTokenIssued | CertificateEnrolled, at_ns: int, journal: Journal) -> None:
        """Remembers the assertion until it has expired."""
        minute = event.assertion_expires_ns // MINUTE_NS
        if minute not in self.assertions:
            journal.put(self.assertions, minute, {})
        journal.put(self.assertions[minute], event.assertion, True)
        _forget_before(self.assertions, at_ns // MINUTE_NS, journal)

    def _pin(self, event: CertificateEnrolled, at_ns: int, journal: Journal) -> None:
        """Admits the new certificate beside those that have not ended."""
        held = self.pinned[event.principal]
        living = {sha256: end_ns for sha256, end_ns in held.items() if end_ns == 0 or at_ns < end_ns}
        journal.put(self.pinned, event.principal, living | {event.certificate_sha256: event.expires_ns})

    def _authorise(self, event: SubmissionAuthorised, at_ns: int, journal: Journal) -> None:
        """Remembers the digest for as long as the authorisation lives."""
        day = event.expires_ns // DAY_NS
        if day not in self.authorisations:
            journal.put(self.authorisations, day, _no_authorisations())
        journal.put(self.authorisations[day], _submission_key(event.tenant, event.submission), event.digest)
        _forget_before(self.authorisations, at_ns // DAY_NS, journal)

    def digest(self) -> bytes:
        """Returns SHA-256 over everything, in the order of its keys."""
        digest = sha256(self._small())
        for day in sorted(self.authorisations):
            digest.update(day.to_bytes(8, "big") + self.authorisations[day].digest())
        return digest.digest()

    def save(self) -> Sections:
        """Returns everything that was given out and still counts."""
        days = [
            section for day in sorted(self.authorisations) for section in self.authorisations[day].save(f"day {day}")
        ]
        return [(SECTION, self._small()), ("days", plain.encode(sorted(self.authorisations))), *days]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned."""
        saved = plain.decode(sections[SECTION], _Saved)
        days = {}
        for day in plain.decode(sections["days"], list[int]):
            days[day] = _no_authorisations()
            days[day].restore(f"day {day}", sections)
        self.assertions = {minute: dict.fromkeys(spent, True) for minute, spent in saved.assertions}
        self.pinned = {principal: dict(held) for principal, held in saved.pinned}
        self.authorisations = days

    def _small(self) -> bytes:
        assertions = [(minute, sorted(spent)) for minute, spent in sorted(self.assertions.items())]
        pinned = [(principal, sorted(held.items())) for principal, held in sorted(self.pinned.items())]
        return plain.encode(_Saved(assertions, pinned))


def _no_authorisations() -> Authorised:
    return PackedMap(Struct("32s"), lambda digest: (digest,), lambda key, digest: digest)


def _submission_key(tenant: bytes, submission: bytes) -> bytes:
    return external_id("identity.authorisation", tenant, submission.hex())


def _forget_before(groups: dict[int, Any], group: int, journal: Journal) -> None:
    for ended in [key for key in groups if key < group]:
        journal.remove(groups, ended)
