"""What the search needs from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ringfence_audit.index.domain.runs import Run, RunPages


class Keys(Protocol):
    """The search index; every call blocks."""

    def find(self, keys: Sequence[bytes], from_leaf: int, until_leaf: int, limit: int) -> list[int]:
        """Gives the first indexes of leaves in a range that any of the keys finds, in order; raises IndexDamaged."""

    def bundles_of(self, tenant: bytes, from_leaf: int, until_leaf: int, limit: int) -> list[int]:
        """Gives the first leaves of the first bundles in a range that name a platform, in order."""

    def accounts_of(self, owner: bytes) -> list[bytes]:
        """Gives the accounts that leaves say are an owner's."""


class Runs(Protocol):
    """The runs of the index, each part held to its root; every call blocks, and raises IndexMoved and IndexDamaged."""

    def cover(self, size: int) -> list[Run]:
        """Gives the runs that cover the log's first leaves, in order."""

    def pages(self, run: Run, low: bytes, high: bytes) -> RunPages:
        """Gives the pages of a run that show all of its postings from `low` and below `high`, as an answer has to."""

    def find(self, keys: Sequence[bytes], from_leaf: int, until_leaf: int, limit: int) -> list[int]:
        """Gives the first indexes of leaves in a range that any of the keys finds, in order."""
