"""What of the log a reader is shown: all of it, or the facts of some platforms as if there were no others (ADR 49)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ringfence_audit.log.domain.leaf import Value, decode

TENANT_NAMES = ("tenant_id", "book_id")
"""Fields that say of which platform a fact is."""
OF_PRINCIPALS = "identity."
"""How the kinds of facts begin that are of a platform by its own id, where they name no other."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a reader is shown, and by which grant (16 bytes; empty where there is none).

    `platforms` are those whose facts it is shown, None for all facts. `named` and `jurisdictions` are what the grant
    says, for the reads that are recorded.
    """

    platforms: frozenset[bytes] | None = None
    grant_id: bytes = b""
    named: tuple[bytes, ...] = ()
    jurisdictions: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Tells whether it is shown everything."""
        return self.platforms is None

    def covers(self, platform: bytes) -> bool:
        """Tells whether it is shown the facts of a platform."""
        return self.platforms is None or platform in self.platforms

    def shows(self, leaf: bytes) -> bool:
        """Tells whether it is shown a fact: one of several platforms only to who is shown all of these."""
        if self.platforms is None:
            return True
        whose = platforms_of(*decode(leaf))
        return bool(whose) and whose <= self.platforms

    def recorded(self) -> dict[str, Value | None]:
        """Gives what the leaf of a read says of it."""
        return {
            "grant_id": self.grant_id or None,
            "grant_platforms": " ".join(each.hex() for each in self.named) or None,
            "grant_jurisdictions": " ".join(self.jurisdictions) or None,
        }


WHOLE = Sight()


def platforms_of(kind: str, fields: Mapping[str, Value]) -> set[bytes]:
    """Gives the platforms that a fact is of; of none are those of the house, and of the log itself."""
    named = {value for name in TENANT_NAMES if isinstance(value := fields.get(name), bytes) and len(value) == 16}
    principal = fields.get("principal_id")
    if not named and kind.startswith(OF_PRINCIPALS) and isinstance(principal, bytes):
        return {principal}
    return named
