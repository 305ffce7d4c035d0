"""What one page of a search does at most, over an index and a log in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from ringfence_audit.index.application import queries
from ringfence_audit.index.application.ports import Located
from ringfence_audit.index.application.queries import Queries, SearchQuery
from ringfence_audit.index.domain.keys import keys_of
from ringfence_audit.index.domain.runs import Covered
from ringfence_audit.log.domain.leaf import encode

from .logs import TIME_NS, identifier

OWNER = identifier("owner")


@dataclass
class Listed:
    """A log of leaves, its index, and the accounts of one owner; a call of `find` looks through `most` leaves."""

    leaves: list[bytes]
    accounts: list[bytes]
    most: int
    asked: list[int] = field(default_factory=list)

    def size(self) -> int:
        """Has all in the index."""
        return len(self.leaves)

    def find(
        self, keys: Sequence[bytes], from_leaf: int, until_leaf: int, limit: int, covered: Covered | None = None
    ) -> Located:
        """Finds leaves one by one."""
        self.asked.append(len(keys))
        end = min(from_leaf + self.most, until_leaf)
        found = [index for index in range(from_leaf, end) if set(keys) & set(keys_of(self.leaves[index]))]
        return Located(found[:limit], found[limit - 1] + 1 if len(found) >= limit else end)

    def bundles_of(self, tenant: bytes, from_leaf: int, until_leaf: int, limit: int) -> list[int]:
        """Says that nobody is a platform."""
        return []

    def accounts_of(self, owner: bytes, limit: int) -> list[bytes]:
        """Gives the first accounts."""
        return self.accounts[:limit] if owner == OWNER else []

    def leaves_at(self, indexes: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """Gives leaves."""
        yield from ((index, self.leaves[index]) for index in indexes)


def listed(accounts: int, most: int) -> Listed:
    """Transfers of an owner's accounts, each of which names the owner too, and as many of others."""
    ids = [identifier("account", number) for number in range(accounts)]
    leaves = []
    for number in range(300):
        mine = number % 2 == 0
        account = ids[number % accounts] if mine else identifier("other", number)
        fields = {"debit_account_id": account, "debit_owner_id": OWNER if mine else None, "time_ns": TIME_NS + number}
        leaves.append(encode("custody.transfer.v1", fields))
    return Listed(leaves, ids, most)


def pages(log: Listed) -> list[list[int]]:
    """Searches for the owner, page by page."""
    searching = Queries(log, cast(Any, log))
    query: SearchQuery | None = SearchQuery(OWNER, None, 0, 0, 1_000, 0, len(log.leaves))
    found = []
    while query is not None:
        page = searching.search(query)
        found.append([index for index, _ in page.leaves])
        query = None if page.next_leaf is None else replace(query, from_leaf=page.next_leaf)
    return found


def test_a_page_ends_where_no_more_is_looked_up_for_it() -> None:
    """One call for each page, and all pages together have everything."""
    log = listed(20, 90)
    found = pages(log)
    assert [index for page in found for index in page] == list(range(0, 300, 2))
    assert [len(page) for page in found] == [45, 45, 45, 15]
    assert log.asked == [21] * 4


@pytest.mark.parametrize(("accounts", "is_looked_through"), [(30, False), (31, True)])
def test_whoever_has_very_many_accounts_is_found_by_looking_through(
    monkeypatch: pytest.MonkeyPatch, accounts: int, is_looked_through: bool
) -> None:
    """No list of accounts is too long to be searched for, and none is looked up beyond what is bounded."""
    monkeypatch.setattr(queries, "MOST_ACCOUNTS", 30)
    monkeypatch.setattr(queries, "MOST_EXAMINED", 100)
    log = listed(accounts, 1_000)
    found = pages(log)
    assert [index for page in found for index in page] == list(range(0, 300, 2))
    assert log.asked == ([] if is_looked_through else [31, 31])
    assert len(found) == (3 if is_looked_through else 2)
