"""What two people have found to name somebody else: it stops neither client nor payment again, as long as it stands."""

from __future__ import annotations

import pytest
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_payment_instruction.screening.application.importing import ListFiles
from ringfence_payment_instruction.screening.application.known import Known
from ringfence_payment_instruction.screening.domain.clients import client_stream
from ringfence_payment_instruction.screening.domain.entries import Entry, EntryKind, ListedName, NameQuality
from ringfence_payment_instruction.screening.domain.errors import NothingHit
from ringfence_payment_instruction.screening.domain.findings.state import Finding
from ringfence_payment_instruction.screening.domain.listed import ListedEntry
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.status import Status

from .test_payment_screening import LISTED_NAME, a_list, hits, list_it, submit
from .world import CSV, OPERATOR, SECOND_OPERATOR, STRANGER, TENANT, World, an_id, order

ANNAS_ENTRY = ListedEntry(
    "UN/N-0", Entry("N-0", EntryKind.PERSON, (ListedName("Anna Example", NameQuality.PRIMARY),)).digest()
)


async def test_a_listed_client_is_blocked_until_two_people_release_him(world: World) -> None:
    """Identity is told once; what was released is no hit on that client any more, in whatever edition it comes."""
    anna = client_stream(an_id("anna"))
    await list_it(world, "Anna Example")
    await world.until(lambda: anna in world.states.findings.findings)
    await world.until(lambda: world.states.findings.findings[anna].having(Finding.BLOCKED) == (ANNAS_ENTRY,))
    assert world.blocking.digests == [(ANNAS_ENTRY.entry_sha256,)]
    await submit(world, order("p", debtor_name="Anna Example"))
    await world.reaches("p", Status.REJECTED)
    await world.identity_says("KycChanged.v1", an_id("anna"), before="BLOCKED", after="REVIEW")
    await world.import_list(a_list("Anna Example", "Somebody Else"))
    await submit(world, order("q", debtor_name="Anna Example"))
    await world.reaches("q", Status.SETTLED)
    await submit(world, order("r", creditor_name="Anna Example"))
    await world.reaches("r", Status.REJECTED)
    await world.restart()
    await world.application.screening.clients.step()
    assert world.blocking.blocked == [(an_id("anna"), ("UN/N-0",))]


async def import_as(world: World, name: str, content: bytes) -> None:
    """Brings an edition of a list into force."""
    files = ListFiles(list_name=name, list_format=CSV, content=content, published_ns=world.clock.now_ns(), parts={})
    await world.application.screening.importing.import_list(OPERATOR, files)


async def release_anna(world: World, rows: str, list_name: str = "UN") -> None:
    """Has a list name her, and two people release her."""
    await import_as(world, list_name, f"name,kind,reference\n{rows}".encode())
    await world.until(lambda: len(world.blocking.blocked) == 1)
    await world.until(lambda: not world.states.findings.streams())
    await world.identity_says("KycChanged.v1", an_id("anna"), before="BLOCKED", after="REVIEW")


async def test_an_entry_that_changes_reopens_what_was_released(world: World) -> None:
    """Two people have looked at what it said then: for a client and for a payment it is another entry now."""
    await submit(world, order("p", 600_00, creditor=STRANGER, debtor_name=LISTED_NAME))
    await world.reaches("p", Status.HELD)
    await release_anna(world, f"Anna Example,person,N-0\n{LISTED_NAME},person,N-1\n")
    await hits(world, "p")
    releases, proposals = world.application.screening.releases, world.application.proposals
    proposal = await releases.propose(TENANT, [an_id("p")], "somebody else", OPERATOR)
    assert await proposals.decide([Decision(proposal, Verdict.CONFIRM)], SECOND_OPERATOR) == [""]
    assert world.reason("p") != reasons.SANCTIONS_HIT
    await world.import_list(f"name,kind,reference\nAnna Example,vessel,N-0\n{LISTED_NAME},person,N-1\n".encode())
    await world.until(lambda: len(world.blocking.blocked) == 2)
    assert [refs for _, refs in world.blocking.blocked] == [("UN/N-0",)] * 2
    assert len(set(world.blocking.digests)) == 2
    await submit(world, order("q", debtor_name="Anna Example"))
    await world.reaches("q", Status.REJECTED)
    assert world.reason("p") == reasons.SANCTIONS_HIT


@pytest.mark.parametrize(("first", "second"), [("UN", "AB"), ("AB", "UN")])
async def test_another_entry_of_the_same_name_hits_beside_one_released(world: World, first: str, second: str) -> None:
    """What was released is one list's entry: that of another list names her still, whichever is looked at first."""
    await release_anna(world, "Anna Example,person,N-0\n", first)
    await submit(world, order("p", debtor_name="Anna Example"))
    await world.reaches("p", Status.SETTLED)
    await import_as(world, second, a_list("Anna Example"))
    await world.until(lambda: len(world.blocking.blocked) == 2)
    assert world.blocking.blocked[-1] == (an_id("anna"), (f"{second}/N-0",))
    await submit(world, order("q", debtor_name="Anna Example"))
    await world.reaches("q", Status.REJECTED)


async def test_only_two_people_let_go_on_what_a_list_has_stopped(world: World) -> None:
    """One proposes with a reason, another confirms: it is sent, and the same entry does not stop it again."""
    world.rail.is_broken = True
    await submit(world, order("p", creditor=STRANGER, debtor_name=LISTED_NAME))
    await world.reaches("p", Status.RESERVED)
    await list_it(world)
    await hits(world, "p")
    await world.between_attempts()
    world.rail.is_broken = False
    await world.reaches("p", Status.HELD)
    releases, proposals = world.application.screening.releases, world.application.proposals
    proposal = await releases.propose(TENANT, [an_id("p")], "born in another century", OPERATOR)
    confirm = [Decision(proposal, Verdict.CONFIRM)]
    assert await proposals.decide(confirm, OPERATOR) == ["SECOND_PERSON_REQUIRED"]
    assert (world.status("p"), world.reason("p")) == (Status.HELD, reasons.SANCTIONS_HIT)
    assert await proposals.decide(confirm, SECOND_OPERATOR) == [""]
    await world.reaches("p", Status.SENT)
    with pytest.raises(NothingHit):
        await releases.propose(TENANT, [an_id("p")], "once more", OPERATOR)


async def test_what_was_released_is_stopped_by_another_entry_only(world: World) -> None:
    """A new edition with the same entry changes nothing; another entry stops the payment again."""
    await submit(world, order("p", 600_00, creditor=STRANGER, debtor_name=LISTED_NAME))
    await world.reaches("p", Status.HELD)
    await list_it(world)
    await hits(world, "p")
    releases, proposals = world.application.screening.releases, world.application.proposals
    proposal = await releases.propose(TENANT, [an_id("p")], "another person", OPERATOR)
    assert await proposals.decide([Decision(proposal, Verdict.CONFIRM)], SECOND_OPERATOR) == [""]
    await world.import_list(a_list(LISTED_NAME, "Somebody Else"))
    submission, index = world.states.submissions.find(TENANT, an_id("p")) or (None, 0)
    assert submission is not None
    await world.until(lambda: Known(world.states.screening, world.states.findings).covers(submission))
    assert index not in submission.hits
    await world.import_list(a_list("Somebody Else", LISTED_NAME))
    await hits(world, "p")
    await world.restart()
    assert world.reason("p") == reasons.SANCTIONS_HIT


async def test_a_clearance_is_of_the_findings_that_two_people_looked_at(world: World) -> None:
    """One that came after is not cleared by it: identity is told of it again, and blocks the client again."""
    anna = client_stream(an_id("anna"))
    await list_it(world, "Anna Example")
    await world.until(lambda: len(world.blocking.blocked) == 1)
    await import_as(world, "AB", a_list("Anna Example"))
    await world.until(lambda: len(world.blocking.blocked) == 2)
    await world.until(lambda: not world.states.findings.streams())
    seen = ANNAS_ENTRY.finding
    await world.identity_says("KycChanged.v1", an_id("anna"), before="BLOCKED", after="REVIEW", findings=seen)
    await world.until(lambda: len(world.blocking.blocked) == 3)
    assert world.blocking.blocked[-1] == (an_id("anna"), ("AB/N-0",))
    await world.until(lambda: not world.states.findings.streams())
    assert world.states.findings.findings[anna].having(Finding.CLEARED) == (ANNAS_ENTRY,)
    await submit(world, order("p", debtor_name="Anna Example"))
    await world.reaches("p", Status.REJECTED)
    other = ANNAS_ENTRY._replace(name="AB/N-0").finding
    await world.identity_says("KycChanged.v1", an_id("anna"), before="BLOCKED", after="REVIEW", findings=other)
    await submit(world, order("q", debtor_name="Anna Example"))
    await world.reaches("q", Status.SETTLED)


async def test_a_release_without_findings_clears_nothing(world: World) -> None:
    """Identity says that two people have looked at none: what a list has found of the client stands."""
    await list_it(world, "Anna Example")
    await world.until(lambda: len(world.blocking.blocked) == 1)
    await world.until(lambda: not world.states.findings.streams())
    await world.identity_says("KycChanged.v1", an_id("anna"), before="BLOCKED", after="REVIEW", findings=b"")
    await world.until(lambda: len(world.blocking.blocked) == 2)
    await submit(world, order("p", debtor_name="Anna Example"))
    await world.reaches("p", Status.REJECTED)
