"""What a checker may find."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How the books and what was acknowledged can differ."""

    LOST = "lost"
    DOUBLED = "doubled"
    ALTERED = "altered"
    INVENTED = "invented"
    CONTRADICTED = "contradicted"
    UNEXPECTED = "unexpected answer"
    UNBALANCED = "unbalanced"
    MISCOUNTED = "miscounted"
    SLOW = "felt too long"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference, in words."""

    kind: Kind
    what: str

    def __str__(self) -> str:
        """Returns kind and words in one line."""
        return f"{self.kind}: {self.what}"
