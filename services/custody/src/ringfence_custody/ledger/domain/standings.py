"""What a refusal for an owner's standing rests on: identity's word, which may come late, here or to the caller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Age(Enum):
    """How old what is known of owners may be."""

    CURRENT = "identity was asked: all that it had said when the call came is known"
    UNASKED = "it was not asked yet"
    OLD = "it could not be asked"


class StandingsUnasked(Exception):
    """A refusal would rest on an owner's standing, and identity was not asked yet."""


@dataclass(frozen=True, slots=True)
class Standings:
    """How old standings may be, and which of them the caller cannot know yet.

    A caller who is to know an owner's standing may not ask at all once he does.
    """

    age: Age = Age.CURRENT
    is_news: Callable[[bytes], bool] = lambda owner: False

    def is_settled(self, owner_id: bytes) -> bool:
        """Tells whether a refusal may rest on an owner's standing; raises StandingsUnasked."""
        if self.age is Age.UNASKED:
            raise StandingsUnasked
        return self.age is Age.CURRENT and not self.is_news(owner_id)


CURRENT = Standings()
