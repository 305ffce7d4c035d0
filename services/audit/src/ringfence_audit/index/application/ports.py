"""What the search needs from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ringfence_audit.index.domain.answer import Asked
from ringfence_audit.index.domain.runs import Covered, RunPages
from ringfence_audit.log.domain.state_leaf import IndexHead


@dataclass(frozen=True, slots=True)
class Located:
    """Indexes of leaves, in order: all that are asked for before `next_leaf`, from which a next call goes on."""

    indexes: list[int]
    next_leaf: int


class Keys(Protocol):
    """The search index; every call blocks."""

    def size(self) -> int:
        """Gives how many of the log's first leaves are in the index."""

    def find(
        self, keys: Sequence[bytes], from_leaf: int, until_leaf: int, limit: int, covered: Covered | None = None
    ) -> Located:
        """Finds the first leaves in a range by any of some keys, in the runs of the whole index where none are given.

        Raises IndexDamaged, and IndexMoved where the index does not go as far, or no more, as is stated or given.
        """

    def bundles_of(self, tenant: bytes, from_leaf: int, until_leaf: int, limit: int) -> list[int]:
        """Gives the first leaves of the first bundles in a range that name a platform, in order."""

    def accounts_of(self, owner: bytes, limit: int) -> list[bytes]:
        """Gives the first accounts, by their ids, that leaves say are an owner's."""


class Runs(Protocol):
    """The runs of the index; every call blocks, and raises IndexDamaged where stored parts are not what was written."""

    def size(self) -> int:
        """Gives how many of the log's first leaves are in the index."""

    def cover(self, size: int) -> Covered:
        """Gives the runs that cover the log's first leaves; raises IndexMoved where the index has not all of them."""

    def proven(self, stated: IndexHead) -> Covered:
        """Gives the runs of a stated index, which lead to its root; raises IndexMoved where it has not all of them."""

    def pages(self, covered: Covered, asked: Asked) -> list[RunPages | None]:
        """Gives for each run the pages that show what is asked for, None where it has no part; raises IndexMoved."""


class RunFiles(Protocol):
    """What the runs of a level take on disk; every call blocks."""

    def wasteful(self) -> Sequence[int]:
        """Gives the levels whose files are mostly what merges have left."""

    def compact(self, level: int) -> bool:
        """Gives back what the runs of a level do not need; False where somebody reads or writes them just now."""


class Index(Keys, Runs, Protocol):
    """What answers completely: where leaves about a key are, and what shows that these are all."""
