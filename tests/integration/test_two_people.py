"""What takes two people takes two: every method of the protos that says so, against everybody who is only one."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from ringfence.client import Client
from ringfence.errors import RingfenceError
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.scenario.waiting import eventually
from ringfence_protos.identity.v1 import identity_pb2

from .two_people import ROWS, Act, Newcomer, People, method_of
from .two_people.one_person import ALONE
from .wire import methods

TWO_PEOPLE = [method for method in methods() if method.access.two_people]
ROLE_SECONDS = (10, 30, 90)
"""How long the role of one lasts who proposes every act before it ends: longer where the machine was too slow."""
VOID_SECONDS = 60
"""Within how long after its proposer's end a proposal is void, on whatever machine."""


@pytest.fixture(scope="module")
def people(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> People:
    """The stack's two operators and a folder for others."""
    return People(scenario, tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def acts(people: People) -> dict[str, Act]:
    """Every act, prepared once: it is attempted in vain until two people do it."""
    return {name: prepare(people) for name, prepare in ROWS.items()}


@pytest.fixture(scope="module")
def outlived(people: People, acts: dict[str, Act]) -> dict[str, tuple[Act, UUID]]:
    """Every act, proposed by one whose role ends soon after: all wait for the same moment."""

    def propose(proposer: Newcomer) -> dict[str, tuple[Act, UUID]]:
        people.refuse_what_waits()
        return {name: (act, act.propose(proposer.client)) for name, act in acts.items()}

    return people.before_it_ends(ROLE_SECONDS, propose)


@pytest.fixture(scope="module")
def left_behind(people: People, acts: dict[str, Act]) -> dict[str, tuple[Act, UUID]]:
    """Every act, proposed by one who is suspended then."""
    people.refuse_what_waits()
    proposer = people.operator()
    proposals = {name: (act, act.propose(proposer.client)) for name, act in acts.items()}
    first, _ = people.scenario.operators
    first.identity.suspend_principals([proposer.principal.id], "left the company")
    return proposals


def verdict(act: Act, proposal: UUID, by: Client) -> str:
    """Has somebody confirm; returns the reason, also where nothing at all is heard from him."""
    try:
        (result,) = by.proposals[act.service].confirm([proposal])
    except RingfenceError as refused:
        return refused.reason
    return result.reason


def confirmed_by_the_proposer(people: People, act: Act) -> str:
    """One person says it twice."""
    return verdict(act, act.propose(people.proposer.client), people.proposer.client)


def confirmed_with_the_same_key(people: People, act: Act) -> str:
    """Another principal and person, whose assertions the same key signs."""
    return verdict(act, act.propose(people.proposer.client), people.twin.client)


def confirmed_with_the_same_certificate(people: People, act: Act) -> str:
    """Another principal and person with a key of its own, whom two people gave the proposer's certificate."""
    return verdict(act, act.propose(people.proposer.client), people.same_certificate.client)


def confirmed_by_the_same_person(people: People, act: Act) -> str:
    """Another principal with a key and certificate of its own, of the same person."""
    return verdict(act, act.propose(people.proposer.client), people.other_self.client)


def confirmed_after_a_refusal(people: People, act: Act) -> str:
    """A second person refused before a third confirms."""
    proposal = act.propose(people.proposer.client)
    first, second = people.scenario.operators
    assert [each.reason for each in first.proposals[act.service].refuse([proposal], "not today")] == [""]
    return verdict(act, proposal, second)


def confirmed_by_who_was_suspended(people: People, act: Act) -> str:
    """A second person whom an operator has stopped, with whatever token he still has."""
    return verdict(act, act.propose(people.proposer.client), people.suspended.client)


def confirmed_by_whose_role_has_ended(people: People, act: Act) -> str:
    """A second person whose role has ended by date."""
    return verdict(act, act.propose(people.proposer.client), people.lapsed.client)


def wait_until_void(act: Act, proposal: UUID, by: Client) -> None:
    """Returns when the proposal is not shown any more: other services learn by identity's feed."""
    waiting = by.proposals[act.service].waiting
    assert eventually(lambda: proposal not in {each.id for each in waiting()}, ROLE_SECONDS[-1] + VOID_SECONDS)


ONE_PERSON: dict[Callable[[People, Act], str], str] = {
    confirmed_by_the_proposer: "SECOND_PERSON_REQUIRED",
    confirmed_with_the_same_key: "SECOND_PERSON_REQUIRED",
    confirmed_with_the_same_certificate: "CERTIFICATE_MISMATCH",
    confirmed_by_the_same_person: "SECOND_PERSON_REQUIRED",
    confirmed_after_a_refusal: "PROPOSAL_VOID",
    confirmed_by_who_was_suspended: "PRINCIPAL_NOT_ACTIVE",
    confirmed_by_whose_role_has_ended: "PRINCIPAL_NOT_ACTIVE",
}


def test_every_method_for_two_people_has_a_row() -> None:
    """A method that the protos mark cannot be forgotten here, and a row that no method has is none."""
    assert {method.descriptor.name for method in TWO_PEOPLE} == set(map(method_of, ROWS))


def test_every_kind_of_principal_has_a_row() -> None:
    """Each kind is authority of its own: a new one in the protos is in the matrix, and none is forgotten."""
    kinds = {name.removeprefix("PRINCIPAL_KIND_") for name, number in identity_pb2.PrincipalKind.items() if number}
    assert {name for name in ROWS if method_of(name) == "RegisterPrincipals"} == {
        f"RegisterPrincipals:{kind}" for kind in kinds
    }


def test_every_other_method_for_people_says_why_one_is_enough() -> None:
    """A method that changes something and is not marked is listed with a reason: a new one is decided about here.

    Whatever it is called: that it only reads stands in the proto.
    """
    for_people = [each for each in methods() if not each.access.workloads and not each.access.two_people]
    assert {each.descriptor.name for each in for_people if not each.access.read_only} == set(ALONE)


@pytest.mark.parametrize("attempt", ONE_PERSON, ids=lambda attempt: attempt.__name__)
@pytest.mark.parametrize("name", ROWS)
def test_one_person_brings_nothing_about(
    people: People, acts: dict[str, Act], name: str, attempt: Callable[[People, Act], str]
) -> None:
    """Proposed, nothing has happened; confirmed by who is not a second person, or too late, nothing has either."""
    act = acts[name]
    assert not act.happened()
    assert attempt(people, act) == ONE_PERSON[attempt]
    assert not act.happened()


@pytest.mark.parametrize("name", ROWS)
def test_what_outlives_its_proposers_role_is_void(
    people: People, name: str, outlived: dict[str, tuple[Act, UUID]]
) -> None:
    """The proposer's role ended by date before a second person confirms: nothing happens."""
    require_void(people, *outlived[name])


@pytest.mark.parametrize("name", ROWS)
def test_what_a_suspended_person_has_proposed_is_void(
    people: People, name: str, left_behind: dict[str, tuple[Act, UUID]]
) -> None:
    """The proposer was suspended before a second person confirms: nothing happens, and it is shown no more."""
    require_void(people, *left_behind[name])


def require_void(people: People, act: Act, proposal: UUID) -> None:
    """A second person finds nothing to confirm any more."""
    second = people.scenario.operators[1]
    wait_until_void(act, proposal, second)
    assert verdict(act, proposal, second) == "PROPOSAL_VOID"
    assert not act.happened()


@pytest.mark.parametrize("name", ROWS)
def test_two_people_do(people: People, acts: dict[str, Act], name: str) -> None:
    """The same act, proposed by one and confirmed by another, happens, and only then."""
    act = acts[name]
    proposal = act.propose(people.proposer.client)
    assert not act.happened()
    assert verdict(act, proposal, people.scenario.operators[1]) == ""
    assert act.happened()
