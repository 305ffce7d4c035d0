"""Blocked suspense: who is behind it is looked at whenever money is to go on, and only two people release it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from ringfence_kernel.access.caller import Caller
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_payment_instruction.deposits.domain.errors import SuspendedEntryUnknown, SuspenseNotBlocked
from ringfence_payment_instruction.deposits.domain.events import SuspendedReleased
from ringfence_payment_instruction.deposits.domain.suspended import UNREADABLE
from ringfence_payment_instruction.flows.application.clearing import Named, clearing_id
from ringfence_payment_instruction.flows.domain.errors import PayerUnknown, SuspenseBlocked
from ringfence_payment_instruction.modules import event_codec
from ringfence_payment_instruction.screening.domain.screened_fields import Part, ScreenedField, Side
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.status import Directive, Status

from .messages import camt_054, entry
from .test_payment_application import bank_answers
from .test_payment_flows import _at, suspended
from .test_payment_screening import LISTED_NAME, a_list, list_it
from .test_payment_waiting_deposits import break_entries
from .world import (
    ANNA,
    BANK,
    BANK_FEED,
    BORIS,
    FOREIGN,
    OPERATOR,
    PLATFORM,
    SECOND_OPERATOR,
    SUSPENSE,
    TENANT,
    World,
    an_id,
    migrate,
)

DOCUMENT = b"d" * 32
BORISS = an_id("boris account")
BEHIND = {Side.DEBTOR: an_id("foreigner"), Side.CREDITOR: an_id("boris")}
"""Who pays from another platform's account, and who would have been paid."""


@pytest.fixture
async def holding(filled_database: FilledDatabase) -> AsyncIterator[World]:
    """The application with a suspense account, and a list in force."""
    world = World(filled_database("payment-instruction", migrate))
    world.custody.balances[SUSPENSE] = 0
    await world.start()
    await world.import_list()
    yield world
    await world.stop()


async def came_back(world: World, reference: str) -> Named:
    """Has a client's account refuse what another platform's client pays to him; returns where it lies."""
    world.custody.closed.add(BORISS)
    content = entry(reference, "30.00", BORIS).replace(
        "</Dbtr>", f"</Dbtr><DbtrAcct><Id><IBAN>{FOREIGN}</IBAN></Id></DbtrAcct>"
    )
    await world.application.statements.receiving.hand_in(BANK_FEED, camt_054(f"M-{reference}", BANK, content))
    return Named(TENANT, world.row_of(reference), SUSPENSE)


async def is_listed(world: World, field: ScreenedField) -> None:
    """Has identity record a name of somebody behind the entry, and a list name him."""
    names = {"name": LISTED_NAME} if field.part is Part.REGISTERED else {"ab.name": LISTED_NAME}
    topic = "PartyAmended.v1" if field.part is Part.REGISTERED else "OwnersRecorded.v1"
    await world.identity_says(topic, BEHIND[field.side], personal=names)
    await world.indexed()
    await list_it(world)


async def refused(world: World, named: Named, by: Caller = OPERATOR) -> None:
    """Nobody allocates an entry, and nobody returns it."""
    clearing = world.application.flows.clearing
    for act in (clearing.allocate(by, named, BORIS, b""), clearing.give_back(by, named, BANK)):
        with pytest.raises(SuspenseBlocked):
            await act


async def release(world: World, named: Named, *, says: str = "") -> bytes:
    """Has one operator propose to release an entry, and another confirm; returns the proposal."""
    releases, proposals = world.application.deposits.releases, world.application.proposals
    proposal = await releases.propose(named.tenant, named.entry, DOCUMENT, "born in another century", OPERATOR)
    confirm = [Decision(proposal, Verdict.CONFIRM)]
    assert await proposals.decide(confirm, OPERATOR) == ["SECOND_PERSON_REQUIRED"]
    assert await proposals.decide(confirm, SECOND_OPERATOR) == [says]
    return proposal


async def goes(world: World, named: Named, *, back: bool, attempt: int = 0) -> None:
    """Has two operators allocate an entry to Boris, or return it, and sees that it arrives."""
    clearing = world.application.flows.clearing
    act = clearing.give_back(OPERATOR, named, BANK) if back else clearing.allocate(OPERATOR, named, BORIS, b"")
    await act
    identifier = clearing_id(TENANT, named.entry, attempt)
    await world.until(lambda: _at(world, identifier) is Status.HELD)
    await world.application.approvals.decide(SECOND_OPERATOR, TENANT, [identifier], Directive.APPROVE, "")
    await world.until(lambda: _at(world, identifier) in (Status.SENT, Status.SETTLED))


@pytest.mark.parametrize("back", [False, True], ids=["allocated", "returned"])
async def test_only_two_people_release_blocked_suspense(holding: World, back: bool) -> None:
    """One proposes with a reason and a document, another confirms; then it is suspense as any other."""
    named = await suspended(holding, "R1", payer="Bad Actor")
    await refused(holding, named)
    await release(holding, named)
    await holding.restart()
    await goes(holding, named, back=back)
    (event,) = [e.event for e in holding.store.replay(event_codec()) if isinstance(e.event, SuspendedReleased)]
    assert (event.entry, event.document_sha256, event.actor) == (named.entry, DOCUMENT, SECOND_OPERATOR.subject)
    assert holding.custody.balances[BORISS] == (0 if back else 30_00)


async def test_what_nobody_confirms_stays_blocked(holding: World) -> None:
    """By whoever: the two who release, others, the platform; a proposal alone changes nothing."""
    named = await suspended(holding, "R1", payer="Bad Actor")
    releases = holding.application.deposits.releases
    proposal = await releases.propose(TENANT, named.entry, DOCUMENT, "somebody else", OPERATOR)
    for who in (OPERATOR, SECOND_OPERATOR, PLATFORM):
        await refused(holding, named, who)
    refusal = [Decision(proposal, Verdict.REFUSE)]
    assert await holding.application.proposals.decide(refusal, SECOND_OPERATOR) == [""]
    confirm = [Decision(proposal, Verdict.CONFIRM)]
    assert await holding.application.proposals.decide(confirm, SECOND_OPERATOR) != [""]
    await refused(holding, named)


async def test_a_release_is_of_the_findings_that_were_looked_at(holding: World) -> None:
    """An entry that came after, or that its publisher has changed, blocks again; each is one of its own."""
    named = await suspended(holding, "R1", payer=LISTED_NAME)
    releases, proposals = holding.application.deposits.releases, holding.application.proposals
    with pytest.raises(SuspenseNotBlocked):
        await releases.propose(TENANT, named.entry, DOCUMENT, "nobody", OPERATOR)
    await list_it(holding)
    proposal = await releases.propose(TENANT, named.entry, DOCUMENT, "somebody else", OPERATOR)
    await holding.import_list(a_list(LISTED_NAME, LISTED_NAME))
    assert await proposals.decide([Decision(proposal, Verdict.CONFIRM)], SECOND_OPERATOR) == [""]
    assert [str(each) for each in (await releases.show(TENANT, named.entry)).named] == ["UN/N-1"]
    await refused(holding, named)
    await release(holding, named)
    changed = a_list(LISTED_NAME, LISTED_NAME).replace(b"person,N-0", b"vessel,N-0")
    await holding.import_list(changed)
    await refused(holding, named)


async def test_a_release_outlives_a_list_only_for_what_was_read(holding: World) -> None:
    """An entry that has left its list and is back as it was stays released; back with anything else it blocks anew."""
    named = await suspended(holding, "R1", payer=LISTED_NAME)
    others = [f"Somebody Else {chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(60)]
    without, listed = a_list(*others), a_list(*others, LISTED_NAME)
    await holding.import_list(listed)
    await release(holding, named)
    for edition in (without, listed):
        assert not (await holding.import_list(edition)).proposal
        assert not (await holding.application.deposits.releases.show(TENANT, named.entry)).named
    await holding.import_list(listed.replace(b"person,N-60", b"vessel,N-60"))
    shown = await holding.application.deposits.releases.show(TENANT, named.entry)
    assert [str(each) for each in shown.named] == ["UN/N-60"]
    await refused(holding, named)


async def test_two_proposals_release_once(holding: World) -> None:
    """What waits beside a confirmed release of the same entry is void; of an unknown entry nothing is proposed."""
    named = await suspended(holding, "R1", payer="Bad Actor")
    releases, proposals = holding.application.deposits.releases, holding.application.proposals
    first = await releases.propose(TENANT, named.entry, DOCUMENT, "one", OPERATOR)
    second = await releases.propose(TENANT, named.entry, DOCUMENT, "two", OPERATOR)
    assert await proposals.decide([Decision(first, Verdict.CONFIRM)], SECOND_OPERATOR) == [""]
    assert await proposals.decide([Decision(second, Verdict.CONFIRM)], SECOND_OPERATOR) == ["PROPOSAL_VOID"]
    for tenant, unknown in ((TENANT, an_id("nothing")), (an_id("other platform"), named.entry)):
        with pytest.raises(SuspendedEntryUnknown):
            await releases.propose(tenant, unknown, DOCUMENT, "nobody", OPERATOR)


async def test_blocked_stays_blocked_when_a_list_forgets(holding: World) -> None:
    """What a list has once blocked two people release, even where no list names anybody any more."""
    await holding.import_list(a_list(*(f"Person {number}" for number in range(60)), LISTED_NAME))
    named = await suspended(holding, "R1", payer=LISTED_NAME)
    assert (await holding.import_list(a_list(*(f"Person {number}" for number in range(60))))).proposal == b""
    await refused(holding, named)
    await release(holding, named)
    await goes(holding, named, back=False)


NAMED = [
    ScreenedField(f"{part.name} of {side.name}", side, part)
    for side in (Side.DEBTOR, Side.CREDITOR)
    for part in (Part.REGISTERED, Part.OWNERS)
]


@pytest.mark.parametrize("field", NAMED, ids=lambda each: each.name)
async def test_who_is_behind_suspense_is_looked_at_when_it_goes_on(holding: World, field: ScreenedField) -> None:
    """An account that refused money sends it to suspense; payer or client is on a list: it goes nowhere, least back."""
    named = await came_back(holding, "R1")
    assert holding.custody.balances[SUSPENSE] == 30_00
    await is_listed(holding, field)
    assert (await holding.application.deposits.releases.show(TENANT, named.entry)).reason == reasons.ACCOUNT_CLOSED
    await refused(holding, named)


@pytest.mark.parametrize("field", NAMED, ids=lambda each: each.name)
async def test_an_order_on_suspense_stops_when_somebody_behind_it_is_listed(
    holding: World, field: ScreenedField
) -> None:
    """Taken in before, and held for another operator: whoever is listed then, nobody approves it."""
    named = await came_back(holding, "R1")
    await holding.application.flows.clearing.give_back(OPERATOR, named, BANK)
    identifier = clearing_id(TENANT, named.entry, 0)
    await holding.until(lambda: _at(holding, identifier) is Status.HELD)
    await is_listed(holding, field)

    def why() -> Any:
        submission, index = holding.states.submissions.find(TENANT, identifier) or (None, 0)
        return submission and submission.reason_of(index)

    await holding.until(lambda: why() == reasons.SANCTIONS_HIT)
    (view,) = await holding.application.approvals.decide(SECOND_OPERATOR, TENANT, [identifier], Directive.APPROVE, "")
    assert (view.status, view.reason) == (Status.HELD, reasons.SANCTIONS_HIT)
    assert holding.rail.sent == {}


async def under_way(world: World, client: str) -> int:
    """Returns what identity is told that a client has under way, before it erases him."""
    (found,) = await world.application.deposits.api.under_way.count(TENANT, [an_id(client)])
    return found


@pytest.mark.parametrize("back", [False, True], ids=["allocated", "returned"])
async def test_whoever_is_found_behind_suspense_is_not_erased_before_it_is_cleared(holding: World, back: bool) -> None:
    """His key opens whom the bank has named, which lists ask again until the money has gone on."""
    named = await came_back(holding, "R1")
    assert (await under_way(holding, "boris"), await under_way(holding, "anna")) == (1, 0)
    await holding.restart()
    holding.custody.closed.clear()
    await holding.application.flows.clearing.allocate(OPERATOR, named, ANNA, b"")
    identifier = clearing_id(TENANT, named.entry, 0)
    await holding.until(lambda: _at(holding, identifier) is Status.HELD)
    await holding.application.approvals.decide(SECOND_OPERATOR, TENANT, [identifier], Directive.REJECT, "no")
    await holding.until(lambda: _at(holding, identifier) is Status.REJECTED)
    assert await under_way(holding, "boris") == 1
    await goes(holding, named, back=back, attempt=1)
    if back:
        assert await under_way(holding, "boris") >= 1
        bank_answers(holding, "returned", "ACSC", identifier=clearing_id(TENANT, named.entry, 1))
    await holding.until(lambda: _at(holding, clearing_id(TENANT, named.entry, 1)) is Status.SETTLED)
    await holding.writer.commit(lambda unit: None)
    assert await under_way(holding, "boris") == 0
    await holding.restart()
    assert await under_way(holding, "boris") == 0


@pytest.mark.parametrize("is_broken", [False, True], ids=["erased", "broken"])
async def test_what_nobody_can_read_stays_blocked_until_two_people_release_it(
    holding: World, monkeypatch: pytest.MonkeyPatch, is_broken: bool
) -> None:
    """An operator who has the client's key destroyed, and then lists the payer, moves nothing alone."""
    if is_broken:
        break_entries(monkeypatch, 0)
    named = await came_back(holding, "R1")
    await list_it(holding, "Fiona Example")
    if not is_broken:
        holding.identity.erased.add(an_id("boris"))
    await refused(holding, named)
    clearing, releases = holding.application.flows.clearing, holding.application.deposits.releases
    with pytest.raises(SuspenseBlocked):
        await clearing.allocate(OPERATOR, named, "", an_id("platform account"))
    shown = await releases.show(TENANT, named.entry)
    assert UNREADABLE in map(str, shown.named)
    await release(holding, named)
    await holding.restart()
    with pytest.raises(PayerUnknown):
        await holding.application.flows.clearing.give_back(OPERATOR, named, BANK)
    await holding.application.flows.clearing.allocate(OPERATOR, named, "", an_id("platform account"))
    identifier = clearing_id(TENANT, named.entry, 0)
    await holding.until(lambda: _at(holding, identifier) is Status.HELD)


async def test_what_was_released_before_it_became_unreadable_is_blocked_anew(holding: World) -> None:
    """Two people have looked at what stood there then; that nobody can look any more is another finding."""
    named = await came_back(holding, "R1")
    await is_listed(holding, NAMED[0])
    await release(holding, named)
    holding.identity.erased.add(an_id("boris"))
    await refused(holding, named)


async def test_an_order_on_suspense_stops_when_nobody_can_read_it(holding: World) -> None:
    """Taken in before the client was erased, and held for another operator."""
    named = await came_back(holding, "R1")
    await holding.application.flows.clearing.give_back(OPERATOR, named, BANK)
    identifier = clearing_id(TENANT, named.entry, 0)
    await holding.until(lambda: _at(holding, identifier) is Status.HELD)
    holding.identity.erased.add(an_id("boris"))
    await list_it(holding, "Somebody Else")

    def why() -> Any:
        submission, index = holding.states.submissions.find(TENANT, identifier) or (None, 0)
        return submission and submission.reason_of(index)

    await holding.until(lambda: why() == reasons.SANCTIONS_HIT)
    (view,) = await holding.application.approvals.decide(SECOND_OPERATOR, TENANT, [identifier], Directive.APPROVE, "")
    assert view.status == Status.HELD


async def shown_hits(world: World, identifier: bytes) -> list[tuple[str, str, str, str, bool]]:
    """Returns what stops an order: field, typed name, list, entry, and whether two people have released it."""
    found = await world.application.screening.api.hits.of(TENANT, identifier)
    return [(each.field, each.typed, each.list_name, each.reference, each.is_released) for each in found.hits]


async def test_whoever_decides_about_an_order_sees_who_is_behind_it(holding: World) -> None:
    """Whom the bank's entry names is told from whom the order names; that it does not open is told as well."""
    named = await suspended(holding, "R1", payer=LISTED_NAME)
    await holding.application.flows.clearing.give_back(OPERATOR, named, BANK)
    identifier = clearing_id(TENANT, named.entry, 0)
    await holding.until(lambda: _at(holding, identifier) is Status.HELD)
    assert await shown_hits(holding, identifier) == []
    await list_it(holding)
    typed, behind = ((field, LISTED_NAME, "UN", "N-0") for field in ("Cdtr", "suspended Dbtr"))
    assert await shown_hits(holding, identifier) == [(*typed, False), (*behind, False)]
    await release(holding, named)
    assert await shown_hits(holding, identifier) == [(*typed, True)]
    holding.states.deposits.releases.clear()
    holding.identity.erased.add(TENANT)
    assert ("suspended", "", UNREADABLE, "", False) in await shown_hits(holding, identifier)


async def test_nothing_is_kept_of_what_was_cleared(holding: World) -> None:
    """Neither what was released, nor the version of its stream."""
    named = await suspended(holding, "R1", payer="Bad Actor")
    await release(holding, named)
    streams = {each.stream for each in holding.store.replay(event_codec()) if isinstance(each.event, SuspendedReleased)}
    assert named.entry in holding.states.deposits.releases
    assert not streams & holding.writer.versions.keys()
    await goes(holding, named, back=False)
    await holding.writer.commit(lambda unit: None)
    assert holding.states.deposits.releases == {}
    await release_again(holding, named)


async def release_again(world: World, named: Named) -> None:
    """Has two people release what was cleared: nothing moves, and nothing breaks."""
    await release(world, named)
    await release(world, await suspended(world, "R2", payer="Bad Actor"))


async def test_a_released_payer_does_not_free_a_listed_client(holding: World) -> None:
    """What was released is about whom the bank named: the client who would get it is looked at for himself."""
    named = await suspended(holding, "R1", payer=LISTED_NAME)
    await list_it(holding)
    await release(holding, named)
    await holding.identity_says("PartyAmended.v1", an_id("boris"), personal={"name": LISTED_NAME})
    await holding.indexed()
    await holding.application.flows.clearing.allocate(OPERATOR, named, BORIS, b"")
    await holding.until(lambda: _at(holding, clearing_id(TENANT, named.entry, 0)) is Status.REJECTED)
    await goes(holding, named, back=True, attempt=1)
