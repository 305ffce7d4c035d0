"""Entry bundles put together from the leaves that the log's own events hold."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.domain.errors import LogDamaged
from ringfence_audit.log.domain.leaf import pack


@dataclass(frozen=True, slots=True)
class LoggedBundles:
    """Bundles of the log; every call blocks."""

    queries: Queries

    def bundle(self, first: int, count: int) -> bytes:
        """Gives `count` leaves from index `first` on; raises LogDamaged where there are fewer, or others."""
        leaves = [leaf for _, leaf in self.queries.leaves_at(range(first, first + count))]
        if len(leaves) != count:
            raise LogDamaged(leaf_index=str(first))
        return pack(leaves)
