"""Whoever decides about a hit sees the name that was typed beside those of the list's entry."""

from __future__ import annotations

import pytest
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_payment_instruction.screening.adapters.listed_names import StoredListedNames
from ringfence_payment_instruction.screening.application import showing
from ringfence_payment_instruction.screening.application.showing import ListedAs, ShownHit, ShownHits
from ringfence_payment_instruction.screening.domain.entries import Entry, EntryKind, ListedName, NameQuality
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.status import Status

from .test_payment_released import release_anna
from .test_payment_screened_again import hits_on
from .test_payment_screening import LISTED_NAME, submit
from .world import OPERATOR, OTHER_TENANT, SECOND_OPERATOR, STRANGER, TENANT, World, an_id, order

EDITION = (
    b"name,kind,reference\nBad Actor,person,X-1\nZora Lysted,person,X-2\n"
    + "L\u00edsted Z\u00d3RA,person,X-2\n".encode()
)


async def shown(world: World, name: str = "p", tenant: bytes = TENANT) -> ShownHits:
    """Returns what names somebody in a payment, and what stops it."""
    return await world.application.screening.api.hits.of(tenant, an_id(name))


async def hits(world: World, name: str = "p", tenant: bytes = TENANT) -> list[ShownHit]:
    """Returns what names somebody in a payment."""
    return list((await shown(world, name, tenant)).hits)


async def test_a_hit_is_shown_beside_what_was_typed(world: World) -> None:
    """The field, the entry and its names: first those that are the same by all that is compared; and to nobody else."""
    await submit(world, order("p", 600_00, creditor=STRANGER, parties=(("UltmtCdtr", "Zora Listed"),)))
    await world.reaches("p", Status.HELD)
    assert await hits(world) == []
    edition = await world.import_list(EDITION)
    await hits_on(world, "p", "UN/X-2")
    (hit,) = await hits(world)
    assert (hit.field, hit.typed, hit.list_name, hit.reference) == ("UltmtCdtr", "Zora Listed", "UN", "X-2")
    assert list(hit.names) == [ListedAs("L\u00edsted Z\u00d3RA", True), ListedAs("Zora Lysted", False)]
    assert (hit.is_waiting, hit.is_released) == (False, False)
    assert await hits(world, tenant=OTHER_TENANT) == await hits(world, "none") == []
    with world.store.connection() as connection:
        kept = connection.execute("SELECT digest FROM listed_names").fetchall()
    assert [row["digest"] for row in kept] == [edition.digest]


async def test_what_stops_a_payment_is_told_apart(world: World) -> None:
    """One entry is on record, comes first, and is what a release lets go; then another may stop the payment."""
    await submit(world, order("p", 600_00, creditor=STRANGER, creditor_name="Ivo Marsh", debtor_name="Zora Listed"))
    await world.reaches("p", Status.HELD)
    await world.import_list(EDITION + b"Ivo Marsh,person,X-3\n")
    before = []
    for _ in range(2):
        await world.until(lambda: world.reason("p") == reasons.SANCTIONS_HIT)
        found = await shown(world)
        assert found.stopped_by is not None
        assert [f"UN/{each.reference}" for each in found.hits if each.is_stopping] == [found.stopped_by.name]
        assert (found.hits[0].is_stopping, len(found.hits), found.more) == (True, 2, 0)
        assert found.stopped_by not in before
        before.append(found.stopped_by)
        proposal = await world.application.screening.releases.propose(TENANT, [an_id("p")], "another", OPERATOR)
        confirm = [Decision(proposal, Verdict.CONFIRM)]
        assert await world.application.proposals.decide(confirm, SECOND_OPERATOR) == [""]
    assert (await shown(world)).stopped_by is None


async def test_first_comes_what_stops_a_payment_then_what_two_people_have_released(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry that names somebody else than the client is no hit on him, and is shown as released; of many that are
    in the edition in force and in one that waits, no more are shown than may be."""
    named = {"debtor_name": "Anna Example", "creditor_name": LISTED_NAME}
    await submit(world, order("p", 600_00, creditor=STRANGER, **named))
    await world.reaches("p", Status.HELD)
    await release_anna(world, f"Anna Example,person,N-0\n{LISTED_NAME},person,N-1\n")
    found = await hits(world)
    assert {(each.field, each.typed, each.reference, each.is_released) for each in found} == {
        ("Cdtr", LISTED_NAME, "N-1", False),
        ("Dbtr", "Anna Example", "N-0", True),
        ("registered Dbtr", "", "N-0", True),
    }
    ranks = [(not each.is_stopping, each.is_released) for each in found]
    assert ranks == sorted(ranks)
    world.states.screening.lists["UN"] = world.states.screening.waiting["UN"]
    assert [each.is_waiting for each in await hits(world)] == [False, True] * 3
    monkeypatch.setattr(showing, "MOST_HITS", 3)
    cut = await shown(world)
    assert (len(cut.hits), cut.more) == (3, 3)


async def test_what_a_better_reader_finds_in_the_same_files_is_kept(world: World) -> None:
    """The names of an edition that is read anew take the place of those before."""
    stored, digest = StoredListedNames(world.store), bytes(32)
    for name in ("Before", "After"):
        packed = stored.packed([Entry("R-1", EntryKind.PERSON, (ListedName(name, NameQuality.PRIMARY),))])
        with world.store.connection() as connection, connection.transaction():
            stored.keep("UN", digest, packed, [])(connection)
    assert stored.load("UN", digest) == {"R-1": ["After"]}
