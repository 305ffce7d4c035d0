"""What runbooks say of followers is so in the code."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import pytest

from tests.stores.releases import ORDER, ORDER_FROM_RELEASE, RELEASE, Release

from .following import ROOT, days_alone, followers_in_code, followers_named, orders_named, pairs_named

CHART = ROOT / "deploy" / "helm" / "ringfence"
UPGRADING = CHART / "UPGRADING.md"
NAMING = (
    CHART / "templates" / "NOTES.txt",
    ROOT / "docs" / "runbooks" / "upgrade.md",
    ROOT / "docs" / "runbooks" / "contract-unknown.md",
    ROOT / "docs" / "adr" / "0026-refused-for-what-was.md",
)


def test_the_runbook_of_a_fork_names_every_follower() -> None:
    """Whoever follows a source is started again after its fork: a follower that is left out follows no more."""
    followers = followers_in_code()
    assert "payment-instruction" in followers["identity"]
    assert followers_named() == followers


@pytest.mark.parametrize("document", NAMING, ids=lambda path: path.name)
def test_every_document_names_the_one_order_of_upgrades(document: Path) -> None:
    """Nobody reads another order in the page that is open."""
    assert set(orders_named(document)) == {ORDER}
    assert set(pairs_named(document)) <= set(combinations(ORDER, 2))


def test_the_notes_of_a_release_name_the_order_from_there() -> None:
    """UPGRADING.md has the one order, and in the entry of the release before the one that holds for it alone."""
    named = orders_named(UPGRADING)
    assert set(named) == {each[::way] for each in (ORDER, ORDER_FROM_RELEASE) for way in (1, -1)}
    assert f"### After {RELEASE}" in UPGRADING.read_text(encoding="utf-8")


def test_followers_are_upgraded_before_whom_they_follow(tmp_path: Path) -> None:
    """What a source says anew halts a follower of the release before it: from now on this one's, this once v0.1.0's.

    Not one that follows custody for its days alone, which passes over what is new.
    """
    followers = followers_in_code()
    assert days_alone() == {"identity", "payment-instruction"}
    assert misplaced(ORDER, followers | {"custody": followers["custody"] - days_alone()}) == []
    assert misplaced(ORDER_FROM_RELEASE, followers_in_code(Release.unpacked(tmp_path).folder)) == []


def misplaced(order: tuple[str, ...], followers: Mapping[str, set[str]]) -> list[str]:
    """Returns whose source comes before it."""
    return [
        f"{follower} after {source}"
        for source, all_of_it in followers.items()
        for follower in sorted(all_of_it)
        if order.index(follower) > order.index(source)
    ]
