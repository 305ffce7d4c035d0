"""What a host brings that opens what facts have sealed. It blocks, like the ports of the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ringfence_desk.fact import Fact

from ringfence_console.ports import View

LEAST_REASON, MOST_REASON = 3, 280
"""Characters of a reason."""
_COMMITMENT = "commitment"


@dataclass(frozen=True)
class OpenedField:
    """A sealed field by its name: its texts by name, or why it stays closed, as docs/errors.md names it."""

    name: str
    texts: Sequence[tuple[str, str]]
    closed: str = ""


@dataclass(frozen=True)
class Disclosure:
    """A fact, its sealed fields, and the index of the fact that records who had them opened and why.

    `is_proven` says that whoever brings it has checked, by the reader's own key, that the fact is in the log and
    commits to what was opened.
    """

    fact: Fact
    fields: Sequence[OpenedField]
    read_index: int
    is_proven: bool


class Disclosing(Protocol):
    """Opens what facts have sealed, for a reason that the log has before anything is opened."""

    def disclose(self, index: int, reason: str, view: View) -> Disclosure:
        """Opens a fact's sealed fields; raises NotThere and Refused."""


def is_sealed(fact: Fact) -> bool:
    """Tells whether a fact commits to something that is not told with it."""
    committed = (name for name in fact.fields if name == _COMMITMENT or name.endswith(f"_{_COMMITMENT}"))
    return any(name.removesuffix(f"_{_COMMITMENT}") not in fact.texts for name in committed)
