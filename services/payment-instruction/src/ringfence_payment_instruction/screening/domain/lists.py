"""Sanctions lists as sets of fingerprints, and whether they are fresh enough to rely on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from ringfence_kernel.values.columns import split_ids

from ringfence_payment_instruction.screening.domain.errors import SanctionsListDamaged, SanctionsListOutdated
from ringfence_payment_instruction.screening.domain.events import SanctionsListImported
from ringfence_payment_instruction.screening.domain.names import fingerprint

# A list may be dated a little ahead of our clock.
CLOCK_TOLERANCE_NS = 86_400 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class ListedName:
    """A name on a list, with the publisher's own number of the entry."""

    name: str
    reference: str


@dataclass(frozen=True, slots=True)
class SanctionsList:
    """The list in force under one name."""

    digest: bytes
    published_ns: int
    references: dict[bytes, str]

    @classmethod
    def of(cls, event: SanctionsListImported) -> SanctionsList:
        """Returns the list of an import."""
        fingerprints = split_ids(event.fingerprints)
        return cls(event.digest, event.published_ns, dict(zip(fingerprints, event.references, strict=True)))


@dataclass(frozen=True, slots=True)
class Screening:
    """The lists in force at one moment."""

    lists: dict[str, SanctionsList]
    maximum_age_ns: int

    def is_stale(self, now_ns: int) -> bool:
        """Tells whether there is no list at all, or one that is older than the bound: nothing may pass then."""
        if not self.lists:
            return True
        return any(now_ns - each.published_ns > self.maximum_age_ns for each in self.lists.values())

    def evidence(self) -> bytes:
        """Returns the SHA-256 over the names and digests of the lists in force."""
        content = hashlib.sha256()
        for name in sorted(self.lists):
            content.update(len(name.encode()).to_bytes(2, "big") + name.encode() + self.lists[name].digest)
        return content.digest()

    def hit(self, names: Iterable[str]) -> str:
        """Returns "list/reference" of the first name that is on a list, empty when none is."""
        for name in names:
            mark = fingerprint(name)
            for list_name, each in self.lists.items():
                if mark and mark in each.references:
                    return f"{list_name}/{each.references[mark]}"
        return ""


def fingerprints_of(names: Iterable[ListedName]) -> dict[bytes, str]:
    """Returns the fingerprint of each name with its reference; names that leave nothing to compare are left out."""
    marks: dict[bytes, str] = {}
    for listed in names:
        mark = fingerprint(listed.name)
        if mark:
            marks.setdefault(mark, listed.reference)
    return marks


def require_not_cut_off(current: SanctionsList | None, names: int) -> None:
    """Raises SanctionsListDamaged for a list with less than half the names of the one in force.

    A file that was cut off between two lines is a good file of its format; no publisher takes off half its names.
    """
    if current is not None and names * 2 < len(current.references):
        raise SanctionsListDamaged("less than half of the names in force", names=str(names))


def require_newer(current: SanctionsList | None, published_ns: int, now_ns: int) -> None:
    """Raises SanctionsListOutdated for a list issued before the one in force, or dated ahead of time."""
    if published_ns > now_ns + CLOCK_TOLERANCE_NS:
        raise SanctionsListOutdated("the list is dated in the future")
    if current is not None and published_ns < current.published_ns:
        raise SanctionsListOutdated("a later edition of this list is in force")
