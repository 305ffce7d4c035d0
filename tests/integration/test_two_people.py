"""What takes two people takes two: every method of the protos that says so, against everybody who is only one."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

import pytest
from ringfence.client import Client
from ringfence_local_stack.scenario import Scenario

from .two_people import ROWS, Act, People
from .two_people.one_person import ALONE, READS
from .wire import Method, methods

TWO_PEOPLE = [method for method in methods() if method.access.two_people]
SECONDS = 10**9
ROLE_SECONDS = 10


@pytest.fixture(scope="module")
def people(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> People:
    """The stack's two operators and a folder for others."""
    return People(scenario, tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def outlived(people: People) -> dict[str, tuple[Act, UUID]]:
    """Every act, proposed by one whose role ends soon after: all wait for the same moment."""
    acts = {name: prepare(people) for name, prepare in ROWS.items()}
    proposer = people.operator(until_ns=time.time_ns() + ROLE_SECONDS * SECONDS).client
    return {name: (act, act.propose(proposer)) for name, act in acts.items()}


def verdict(act: Act, proposal: UUID, by: Client) -> str:
    """Has somebody confirm; returns the reason."""
    (result,) = by.proposals[act.service].confirm([proposal])
    return result.reason


def confirmed_by_the_proposer(people: People, act: Act) -> str:
    """One person says it twice."""
    proposer = people.operator()
    return verdict(act, act.propose(proposer.client), proposer.client)


def confirmed_with_the_same_key(people: People, act: Act) -> str:
    """Another principal and person, whose assertions the same key signs."""
    proposer = people.operator()
    twin = people.operator(key_of=proposer, public_key=proposer.principal.public_key)
    return verdict(act, act.propose(proposer.client), twin.client)


def confirmed_by_the_same_person(people: People, act: Act) -> str:
    """Another principal with a key and certificate of its own, of the same person."""
    proposer = people.operator()
    other = people.operator(person_id=proposer.principal.id)
    return verdict(act, act.propose(proposer.client), other.client)


def confirmed_after_a_refusal(people: People, act: Act) -> str:
    """A second person refused before a third confirms."""
    proposal = act.propose(people.operator().client)
    first, second = people.scenario.operators
    assert [each.reason for each in first.proposals[act.service].refuse([proposal], "not today")] == [""]
    return verdict(act, proposal, second)


def confirmed_after_the_proposer_was_suspended(people: People, act: Act) -> str:
    """The proposer was suspended meanwhile, and both may be confirmed no more."""
    proposer = people.operator()
    proposal = act.propose(proposer.client)
    first, second = people.scenario.operators
    first.identity.suspend_principals([proposer.principal.id], "left the company")
    wait_until_void(act, proposal, second)
    return verdict(act, proposal, second)


def wait_until_void(act: Act, proposal: UUID, by: Client) -> None:
    """Returns when the proposal is not shown any more: other services learn by identity's feed."""
    while proposal in {each.id for each in by.proposals[act.service].waiting()}:
        time.sleep(0.05)


ONE_PERSON: dict[Callable[[People, Act], str], str] = {
    confirmed_by_the_proposer: "SECOND_PERSON_REQUIRED",
    confirmed_with_the_same_key: "SECOND_PERSON_REQUIRED",
    confirmed_by_the_same_person: "SECOND_PERSON_REQUIRED",
    confirmed_after_a_refusal: "PROPOSAL_VOID",
    confirmed_after_the_proposer_was_suspended: "PROPOSAL_VOID",
}


def test_every_method_for_two_people_has_a_row() -> None:
    """A method that the protos mark cannot be forgotten here, and a row that no method has is none."""
    assert {method.descriptor.name for method in TWO_PEOPLE} == set(ROWS)


def test_every_other_method_for_people_says_why_one_is_enough() -> None:
    """A method that changes something and is not marked is listed with a reason: a new one is decided about here."""
    for_people = {
        each.descriptor.name for each in methods() if not each.access.workloads and not each.access.two_people
    }
    assert {name for name in for_people if not name.startswith(READS)} == set(ALONE)


@pytest.mark.parametrize("attempt", ONE_PERSON, ids=lambda attempt: attempt.__name__)
@pytest.mark.parametrize("method", TWO_PEOPLE, ids=str)
def test_one_person_brings_nothing_about(people: People, method: Method, attempt: Callable[[People, Act], str]) -> None:
    """Proposed, nothing has happened; confirmed by who is not a second person, or too late, nothing has either."""
    act = ROWS[method.descriptor.name](people)
    assert not act.happened()
    assert attempt(people, act) == ONE_PERSON[attempt]
    assert not act.happened()


@pytest.mark.parametrize("method", TWO_PEOPLE, ids=str)
def test_what_outlives_its_proposers_role_is_void(
    people: People, method: Method, outlived: dict[str, tuple[Act, UUID]]
) -> None:
    """The proposer's role ended by date before a second person confirms: nothing happens."""
    act, proposal = outlived[method.descriptor.name]
    second = people.scenario.operators[1]
    wait_until_void(act, proposal, second)
    assert verdict(act, proposal, second) == "PROPOSAL_VOID"
    assert not act.happened()


@pytest.mark.parametrize("method", TWO_PEOPLE, ids=str)
def test_two_people_do(people: People, method: Method) -> None:
    """The same act, proposed by one and confirmed by another, happens, and only then."""
    act = ROWS[method.descriptor.name](people)
    proposal = act.propose(people.operator().client)
    assert not act.happened()
    assert verdict(act, proposal, people.scenario.operators[1]) == ""
    assert act.happened()
