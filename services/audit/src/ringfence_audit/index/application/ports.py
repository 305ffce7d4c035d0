"""What the search needs from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ringfence_audit.index.domain.runs import Run, RunPages


class Keys(Protocol):
    """The search index; every call blocks."""

    def size(self) -> int:
        """Gives how many of the log's first leaves are in the index."""

    def find(self, keys: Sequence[bytes], from_leaf: int, until_leaf: int, limit: int) -> list[int]:
        """Gives the first indexes of leaves in a range that any of the keys finds, in order; raises IndexDamaged."""

    def bundles_of(self, tenant: bytes, from_leaf: int, until_leaf: int, limit: int) -> list[int]:
        """Gives the first leaves of the first bundles in a range that name a platform, in order."""

    def accounts_of(self, owner: bytes) -> list[bytes]:
        """Gives the accounts that leaves say are an owner's."""


class Runs(Protocol):
    """The runs of the index; every call blocks, and raises IndexDamaged where stored parts are not what was written."""

    def size(self) -> int:
        """Gives how many of the log's first leaves are in the index."""

    def cover(self, size: int) -> list[Run]:
        """Gives the runs that cover the log's first leaves; raises IndexMoved where the index has not all of them."""

    def pages(self, run: Run, low: bytes, high: bytes) -> RunPages:
        """Gives the pages of a run that show its postings from `low` and below `high`; raises IndexMoved."""


class Index(Keys, Runs, Protocol):
    """What answers completely: where leaves about a key are, and what shows that these are all."""
