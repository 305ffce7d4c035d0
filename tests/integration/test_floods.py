"""Each kind of flood: whoever makes it is refused by name with a time to come again, and nobody else is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from ringfence.client import Client
from ringfence.errors import RingfenceError
from ringfence.identity import Alias, NewParty, PartyKind, PrincipalKind
from ringfence.ids import new_id
from ringfence.ledger import AccountClass, Purpose
from ringfence.payments import ListFormat
from ringfence.rules import PurposeRule
from ringfence.transport import Patience
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_local_stack.scenario.waiting import fresh

PER_HOUR = 120
ROWS = 20
MOST = 200
"""So many tries use up what may be kept, whatever of it the setting-up has used."""
ARRIVALS = PurposeRule(
    Purpose.DEPOSIT,
    frozenset({(AccountClass.BANK_MIRROR, AccountClass.SUSPENSE), (AccountClass.BANK_MIRROR, AccountClass.CLIENT)}),
)
REFUSALS = {("RESOURCE_EXHAUSTED", reason) for reason in ("EVENTS_QUOTA_EXCEEDED", "TOO_MANY_PROPOSALS")}
"""What waits for a second person has a bound of its own, which ends when that person decides."""
Flood = Callable[[Client], object]


@pytest.fixture(scope="module")
def bounded() -> Iterator[Scenario]:
    """A stack on which one tenant may have little kept, and whose callers come again by themselves for a while only."""
    settings = {"RINGFENCE_TENANT_EVENTS_PER_HOUR": str(PER_HOUR)}
    with Scenario.private(settings, Patience(retry_seconds=5.0)) as started:
        yield started


def parties(client: Client) -> object:
    """Hands in new clients."""
    rows = [
        NewParty(id=new_id(), kind=PartyKind.PERSON, name="A B", identity_number=fresh("ID"), country="DE")
        for _ in range(ROWS)
    ]
    return client.identity.register_parties(rows)


def principals(scenario: Scenario) -> Flood:
    """Registers platforms, or proposes what two people do."""
    return lambda client: client.identity.register_principals([scenario.newcomer(PrincipalKind.PLATFORM)])


def lists(client: Client) -> object:
    """Imports lists, each under a new name."""
    rows = "".join(f"Nobody {fresh()},person,{number}\n" for number in range(500))
    content = f"name,kind,reference\n{rows}".encode()
    return client.payments.import_sanctions_list(fresh("list-"), ListFormat.CSV, content, time.time_ns())


def searches(client: Client) -> object:
    """Searches the log, which keeps that somebody did."""
    return list(client.audit.search(new_id()))


def refused(flood: Flood, client: Client) -> RingfenceError:
    """Goes on until it is refused."""
    for _ in range(MOST):
        try:
            flood(client)
        except RingfenceError as refusal:
            return refusal
    pytest.fail(f"{MOST} calls were taken")


def is_refused(flood: Flood, flooding: Client, other: Client) -> None:
    """Whoever floods is refused by name and told when to come again; the other is answered meanwhile."""
    refusal = refused(flood, flooding)
    assert (refusal.code, refusal.reason) in REFUSALS
    assert refusal.reason == "TOO_MANY_PROPOSALS" or 0 < refusal.retry_after_seconds < 3_600
    flood(other)


def test_platform_that_floods_with_parties_is_refused_alone(bounded: Scenario) -> None:
    """Parties are kept for ever."""
    flooding, other = (bounded.platform(banked=False).client for _ in range(2))
    is_refused(parties, flooding, other)


def test_platform_that_floods_with_aliases_is_refused_alone(bounded: Scenario) -> None:
    """So are the IBANs that it claims."""
    flooding, other = (bounded.platform("Nora Vale", banked=False) for _ in range(2))
    accounts = {each.client: each.customers("Nora Vale")[0] for each in (flooding, other)}

    def aliases(client: Client) -> object:
        owner = accounts[client]
        rows = [Alias(new_iban(), owner.account.id, owner.party.id) for _ in range(ROWS)]
        return client.identity.register_aliases(rows)

    is_refused(aliases, flooding.client, other.client)


def test_operator_that_floods_with_principals_and_lists_is_refused_alone(bounded: Scenario) -> None:
    """What an operator has kept counts to the operator, in each service: the second one goes on."""
    flooding, other = (bounded.principal(PrincipalKind.OPERATOR) for _ in range(2))
    is_refused(principals(bounded), flooding, other)
    is_refused(lists, flooding, other)


def test_operator_that_floods_a_book_with_rules_is_refused_alone(bounded: Scenario) -> None:
    """Rules of a book, or proposals of them, are kept for ever."""
    flooding, other = (bounded.principal(PrincipalKind.OPERATOR) for _ in range(2))
    books = {each: bounded.platform(banked=False).id for each in (flooding, other)}
    versions = count(1)

    def rules(client: Client) -> object:
        return client.custody.adopt_rules(books[client], f"v{next(versions)}", [ARRIVALS])

    is_refused(rules, flooding, other)


def test_regulator_that_floods_with_searches_is_refused_alone(bounded: Scenario) -> None:
    """A search is a fact of the log too, kept for ever."""
    flooding, other = (bounded.principal(PrincipalKind.REGULATOR) for _ in range(2))
    is_refused(searches, flooding, other)
