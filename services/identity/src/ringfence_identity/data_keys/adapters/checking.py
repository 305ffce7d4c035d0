"""Compares the key table with the parties: the one table that events alone cannot rebuild."""

from collections.abc import Iterable
from itertools import islice
from typing import Protocol

from ringfence_identity.data_keys.adapters.key_table import KeyTable

PAGE = 1_000


class Parties(Protocol):
    """All parties, and which of them were erased."""

    def all_ids(self) -> Iterable[bytes]:
        """Yields the id of every party."""

    def is_erased(self, party: bytes) -> bool:
        """Whether a party with this id was erased."""


def wrong_keys(table: KeyTable, parties: Parties) -> int:
    """Counts erased parties whose key is still there, and living ones whose key is not."""
    ids, wrong = iter(parties.all_ids()), 0
    while page := list(islice(ids, PAGE)):
        rows = table.load(page)
        wrong += sum(parties.is_erased(party) == bool(rows.get(party)) for party in page)
    return wrong
