"""What is kept of tokens: assertions spent, recent authorisations, the certificates of those who are bound to some.

Assertions are grouped by the minute in which they expire, so that forgetting them is cheap and the same on every
rebuild. Of authorisations the newest are here; all of them stand in a table that is written with their events.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, ClassVar

from ringfence_kernel.values.clock import DAY_NS, NANOSECONDS
from ringfence_kernel.values.pins import is_pinned, with_enrolled
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.endings import Ending, Endings
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.recent import LookedUp, Recent

from ringfence_identity.principals.domain.events import CertificatePinned, PrincipalRegistered, PrincipalSuspended
from ringfence_identity.tokens.domain import events
from ringfence_identity.tokens.domain.events import (
    AccessTokenIssued,
    AuthorisationRevoked,
    CertificateEnrolled,
    SubmissionAuthorised,
)
from ringfence_identity.tokens.domain.holders import TokenHolder

MINUTE_NS = 60 * NANOSECONDS
ASSERTION_LONGEST_SECONDS = 330
"""The longest that an assertion may have left when it is spent: its life, and what clocks may differ."""
SECTION = "tokens, format 4"
AUTHORISATIONS = "recent authorisations, format 1"
ENDINGS = "endings, format 1"
LONGEST_CERTIFICATE_NS = 30 * DAY_NS
"""The life of a principal's certificate, as the role in `pki-client` has it."""
RECENT_AUTHORISATIONS = 16_384
"""Some seconds of the heaviest load: what a look-up may be behind."""


@dataclass(frozen=True, slots=True)
class Authorised:
    """The digest that a submission was authorised for, and the end of its last authorisation in UTC nanoseconds."""

    digest: bytes
    expires_ns: int


@dataclass(frozen=True, slots=True)
class _Saved:
    """What is saved as it is: assertions by minute, certificates by principal, revocations by the day of their end."""

    assertions: list[tuple[int, list[bytes]]]
    pinned: list[tuple[bytes, list[tuple[bytes, int]]]]
    revoked: list[tuple[int, list[bytes]]]
    pinned_ns: list[tuple[bytes, int]]


@dataclass(slots=True)
class State:
    """What was given out and still counts. Dictionaries change only through a journal.

    `pinned` holds the only certificates that may be presented, each with its end in UTC nanoseconds, 0 for the
    certificate's own. Who is not in it may present none: principals of a release that knew no pins. `pinned_ns` tells
    when two people have pinned a principal's last, and bounds that end. `revoked` holds
    authorisations that were ended, by the day in which they would have ended, a month of days at most.
    """

    EVENTS: ClassVar[tuple[type, ...]] = (PrincipalRegistered, PrincipalSuspended, CertificatePinned, *events.EVENTS)

    assertions: dict[int, dict[bytes, bool]] = field(default_factory=dict)
    authorisations: Recent[Authorised] = field(default_factory=lambda: Recent(Authorised, RECENT_AUTHORISATIONS))
    pinned: dict[bytes, dict[bytes, int]] = field(default_factory=dict)
    endings: Endings = field(default_factory=Endings)
    revoked: dict[int, dict[bytes, bool]] = field(default_factory=dict)
    pinned_ns: dict[bytes, int] = field(default_factory=dict)

    def authorised_digest(self, key: bytes, table: LookedUp[Authorised], now_ns: int) -> bytes | None:
        """Returns the digest that a submission is authorised for, or None where it is not, or not any more."""
        authorised = self.authorised(key, table, now_ns)
        return None if authorised is None else authorised.digest

    def authorised(self, key: bytes, table: LookedUp[Authorised], now_ns: int) -> Authorised | None:
        """Returns a submission's authorisation, None where there is none, or not any more.

        It counts until the end of the day in which the last authorisation expires.
        """
        known = [each for each in (self.authorisations.get(key), table.found.get(key)) if each is not None]
        last = max(known, key=lambda each: each.expires_ns, default=None)
        return None if last is None or last.expires_ns // DAY_NS < now_ns // DAY_NS else last

    def is_revoked(self, key: bytes) -> bool:
        """Whether a submission's authorisation was ended."""
        return any(key in keys for keys in self.revoked.values())

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event; every change goes through the journal."""
        event, at_ns = recorded.event, recorded.recorded_at_ns
        if isinstance(event, AccessTokenIssued | CertificateEnrolled):
            self._spend(event, at_ns, journal)
        if isinstance(event, CertificateEnrolled) and (event.pins or event.principal in self.pinned):
            self._pin(event, at_ns, journal)
        if isinstance(event, SubmissionAuthorised):
            self._authorise(event, recorded.position, journal)
        if isinstance(event, AuthorisationRevoked):
            self._revoke(event, at_ns, journal)
        if isinstance(event, PrincipalRegistered | CertificatePinned) and event.certificate_sha256:
            journal.put(self.pinned, event.principal, {event.certificate_sha256: 0})
            journal.put(self.pinned_ns, event.principal, at_ns)
        if isinstance(event, PrincipalSuspended | CertificatePinned):
            self.endings.note(Ending(event.principal, recorded.position, at_ns), journal)

    def certificates_end_ns(self, principal: bytes) -> int:
        """Returns until when a principal may hold a certificate that counts, UTC nanoseconds; 0 where it has none.

        Of one that two people have pinned the end is not known: it was signed before, for the longest life at most.
        """
        enrolled_ns = max(self.pinned.get(principal, {}).values(), default=0)
        pinned_ns = self.pinned_ns.get(principal, 0)
        return max(enrolled_ns, pinned_ns + LONGEST_CERTIFICATE_NS if pinned_ns else 0)

    def has_ended(self, holder: TokenHolder, now_ns: int) -> bool:
        """Whether a token has ended, or is bound to a certificate that does not stand pinned any more."""
        if self.endings.are_after(holder.position, holder.subject, holder.tenant):
            return True
        pinned = self.pinned.get(holder.subject)
        return pinned is not None and not is_pinned(pinned, holder.certificate_sha256, now_ns)

    def _spend(self, event: AccessTokenIssued | CertificateEnrolled, at_ns: int, journal: Journal) -> None:
        """Remembers the assertion until it has expired."""
        minute = event.assertion_expires_ns // MINUTE_NS
        if minute not in self.assertions:
            journal.put(self.assertions, minute, {})
        journal.put(self.assertions[minute], event.assertion, True)
        # It was in time when it was spent. Where events are dated ahead, that tells the time, less what it may live.
        ahead = at_ns > event.assertion_expires_ns
        spent_ns = event.assertion_expires_ns - ASSERTION_LONGEST_SECONDS * NANOSECONDS if ahead else at_ns
        _forget_before(self.assertions, spent_ns // MINUTE_NS, journal)

    def _pin(self, event: CertificateEnrolled, at_ns: int, journal: Journal) -> None:
        """Admits the new certificate beside those that have not ended; who had none pinned has the one presented."""
        held, presented = self.pinned.get(event.principal, {}), event.presented_sha256
        pinned = with_enrolled(held, presented, event.certificate_sha256, event.expires_ns, at_ns)
        journal.put(self.pinned, event.principal, pinned)

    def _revoke(self, event: AuthorisationRevoked, at_ns: int, journal: Journal) -> None:
        """Remembers it until the end of the day in which the authorisation would have ended."""
        day = event.expires_ns // DAY_NS
        _forget_before(self.revoked, at_ns // DAY_NS, journal)
        if day not in self.revoked:
            journal.put(self.revoked, day, {})
        journal.put(self.revoked[day], authorisation_key(event.tenant, event.submission), True)

    def _authorise(self, event: SubmissionAuthorised, position: int, journal: Journal) -> None:
        """Remembers the digest while it is among the newest."""
        key = authorisation_key(event.tenant, event.submission)
        before = self.authorisations.get(key)
        expires_ns = event.expires_ns if before is None else max(before.expires_ns, event.expires_ns)
        self.authorisations.put(key, Authorised(event.digest, expires_ns), position, journal)

    def digest(self) -> bytes:
        """Returns SHA-256 over everything, in order."""
        return sha256(self._small() + self.endings.save() + self.authorisations.digest()).digest()

    def save(self) -> Sections:
        """Returns all of it."""
        return [(SECTION, self._small()), (AUTHORISATIONS, self.authorisations.save()), (ENDINGS, self.endings.save())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned."""
        saved = plain.decode(sections[SECTION], _Saved)
        self.authorisations.restore(sections[AUTHORISATIONS])
        self.endings.restore(sections[ENDINGS])
        self.assertions = {minute: dict.fromkeys(spent, True) for minute, spent in saved.assertions}
        self.pinned = {principal: dict(held) for principal, held in saved.pinned}
        self.revoked = {day: dict.fromkeys(keys, True) for day, keys in saved.revoked}
        self.pinned_ns = dict(saved.pinned_ns)

    def _small(self) -> bytes:
        assertions = [(minute, sorted(spent)) for minute, spent in sorted(self.assertions.items())]
        pinned = [(principal, sorted(held.items())) for principal, held in sorted(self.pinned.items())]
        revoked = [(day, sorted(keys)) for day, keys in sorted(self.revoked.items())]
        return plain.encode(_Saved(assertions, pinned, revoked, sorted(self.pinned_ns.items())))


def authorisation_key(tenant: bytes, submission: bytes) -> bytes:
    """Returns what a submission's authorisation is known by, 32 bytes."""
    return tenant + submission


def _forget_before(groups: dict[int, Any], group: int, journal: Journal) -> None:
    for ended in [key for key in groups if key < group]:
        journal.remove(groups, ended)
