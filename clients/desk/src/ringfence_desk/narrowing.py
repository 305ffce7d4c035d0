"""Which of the facts that were found are wanted, as the command and the pages narrow them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

STATUSES = ("status", "state", "outcome", "after")
"""Fields that say where something stands."""


class Said(Protocol):
    """A fact, as the verifier or the desk has it."""

    @property
    def kind(self) -> str:
        """What kind of fact it is."""

    @property
    def fields(self) -> Mapping[str, int | bytes | str]:
        """Its named values."""


@dataclass(frozen=True)
class Narrowing:
    """Which of the facts found are wanted: of a platform, within a time (UTC nanoseconds), of a kind, with a status."""

    tenant_id: UUID | None = None
    from_ns: int = 0
    until_ns: int = 0
    kind: str = ""
    status: str = ""

    def takes(self, fact: Said) -> bool:
        """Tells whether a fact is one of them."""
        fields, at = fact.fields, fact.fields.get("time_ns", 0)
        platforms = {fields.get("tenant_id"), fields.get("book_id")}
        statuses = (fields.get(name) for name in STATUSES)
        return (
            self.kind in fact.kind
            and (self.tenant_id is None or self.tenant_id.bytes in platforms)
            and isinstance(at, int)
            and at >= self.from_ns
            and (not self.until_ns or at < self.until_ns)
            and (not self.status or self.status.upper() in (each for each in statuses if isinstance(each, str)))
        )
