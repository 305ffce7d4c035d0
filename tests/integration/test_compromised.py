"""Two drills: one operator's key is stolen, and one platform's. Nothing leaves for a place that no second confirmed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from ringfence.client import Client
from ringfence.credentials import Addresses
from ringfence.errors import RingfenceError
from ringfence.identity import Alias, KycDecision, KycStatus, NewParty, NewPrincipal, PartyKind, PrincipalKind
from ringfence.ids import new_id
from ringfence.ledger import AccountClass, NewAccount
from ringfence.money import show
from ringfence.payments import NewInstruction
from ringfence.transport import Patience
from ringfence_local_stack.sandbox.onboarding import await_status
from ringfence_local_stack.scenario import Scenario, messages
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_local_stack.scenario.platform import Platform
from ringfence_local_stack.scenario.waiting import eventually, fresh
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2

from .compromise import Known, Thief, day_limit_of, knowledge, left_minor

FUNDS_MINOR = 50_000_00
PAYMENT_LIMIT_MINOR = 10_000_00
"""What the sandbox lets pass without a second person, in one payment."""
CLIENTS = ("Nora Vale", "Ivo Marsh")
STILL_SECONDS = 3.0
"""Nothing has left for so long: nothing is under way any more."""
SEEDS = (1,)


@pytest.fixture
def town() -> Iterator[Scenario]:
    """A stack of its own, whose callers are told at once what is refused."""
    with Scenario.private({}, Patience(retry_seconds=1.0)) as started:
        yield started


@pytest.fixture
def platform(town: Scenario) -> Platform:
    """A platform whose clients have money that a bank has told of."""
    made = town.platform(*CLIENTS)
    for customer in made.customers(*CLIENTS):
        made.bank.deposit(customer, FUNDS_MINOR)
    return made


def known(platform: Platform) -> Known:
    """What somebody inside may know of a platform: every id and IBAN."""
    customers = platform.customers(*CLIENTS)
    feed = platform.sandbox.bank_feed.credentials.principal_id.bytes
    ids = {
        "tenant": [platform.id.bytes],
        "book": [platform.id.bytes],
        "party": [each.party.id.bytes for each in customers],
        "owner": [each.party.id.bytes for each in customers],
        "account": [*(each.account.id.bytes for each in customers), platform.bank.mirror.id.bytes],
        "bank_feed": [feed],
        "principal": [],
        "proposal": [],
        "instruction": [],
    }
    return knowledge(
        ids, debtor_iban=[each.iban for each in customers], iban=[new_iban, *(each.iban for each in customers)]
    )


def money(platform: Platform) -> list[int]:
    """What each client has that is not set aside."""
    balances = [each.account.balances() for each in platform.customers(*CLIENTS)]
    return [each.posted_minor - each.reserved_minor for each in balances]


@pytest.mark.parametrize("seed", SEEDS)
def test_one_operator_moves_nothing_and_makes_nobody(town: Scenario, platform: Platform, seed: int) -> None:
    """Whatever one operator tries with every method: no money moves or appears, and he becomes nobody else."""
    before = money(platform)
    thief = Thief(town, town.operators[1].credentials, known(platform), seed)
    thief.walk()
    became = thief.become()
    for each in became:
        Thief(town, each, thief.known, seed).walk()
    still(town)
    print(f"one operator, seed {seed}: {sum(thief.answered.values())} answers, became {len(became)} principals")
    assert left_minor(town) == 0
    assert money(platform) == before
    assert became == []


def test_one_operator_cannot_make_a_platform_of_his_own(town: Scenario, platform: Platform) -> None:
    """The straight way: a platform, a client and a bank feed with his keys, invented money, and a payment of it."""
    became, left = _by_a_platform_of_his_own(town, platform, town.operators[1])
    print(f"one operator, by a platform of his own: {shown(left)} left, became {became} principals")
    assert (became, left) == (0, 0)


def test_two_operators_together_could(town: Scenario, platform: Platform) -> None:
    """The same with the keys of both: what the drill would see if one were enough."""
    became, left = _by_a_platform_of_his_own(town, platform, *reversed(town.operators))
    assert became == 2
    assert left == PAYMENT_LIMIT_MINOR - 1


@pytest.mark.parametrize("seed", SEEDS)
def test_one_platform_key_tries_every_method(town: Scenario, platform: Platform, seed: int) -> None:
    """Guesses at every method bring nothing out that a second person would have had to look at."""
    thief = Thief(town, platform.client.credentials, known(platform), seed)
    thief.walk()
    became = thief.become()
    still(town)
    print(f"one platform key, seed {seed}: {shown(left_minor(town))} left, became {len(became)} principals")
    assert became == []
    assert left_minor(town) <= day_limit_minor(town, platform)


def test_one_platform_key_moves_no_more_than_the_limits(town: Scenario, platform: Platform) -> None:
    """Payments just below what needs a second person, until nothing goes any more: the limits of a day hold.

    Prints the sum, which the client's own signature will close.
    """
    outside, allowed = new_iban(), day_limit_minor(town, platform)
    for customer in platform.customers(*CLIENTS):
        for number in range(2 * FUNDS_MINOR // PAYMENT_LIMIT_MINOR):
            platform.pay(customer, outside, f"Payee {number}", PAYMENT_LIMIT_MINOR - number - 1)
        platform.pay(customer, outside, "All Of It", FUNDS_MINOR)
    left = still(town)
    whole = shown(FUNDS_MINOR * len(CLIENTS))
    print(f"one platform key could still move {shown(left)} of {whole}; its limits say {shown(allowed)}")
    assert left <= allowed


def day_limit_minor(town: Scenario, platform: Platform) -> int:
    """What a platform may pay in a day without a second person; where there is no such rule, a single payment."""
    asked = payment_instruction_pb2.DESCRIPTOR.services_by_name["PaymentInstructionService"].methods_by_name
    if "GetLimits" not in asked:
        return PAYMENT_LIMIT_MINOR
    return day_limit_of(town, platform.client.credentials)


def still(town: Scenario) -> int:
    """What has left, in minor units, once nothing more does."""
    while True:
        left = left_minor(town)
        if not eventually(lambda: left_minor(town) > left, STILL_SECONDS):  # noqa: B023  # called before the next round
            return left


def shown(minor: int) -> str:
    """An amount as people read it."""
    return show(minor, "EUR")


def _by_a_platform_of_his_own(town: Scenario, platform: Platform, operator: Client, *others: Client) -> tuple[int, int]:
    """Returns how many principals the operator became, and what left; others confirm what he proposes."""
    thief = Thief(town, operator.credentials, known(platform), 0)
    made = {kind: new_id() for kind in (PrincipalKind.PLATFORM, PrincipalKind.BANK_FEED)}
    key = thief.known.key.public_key().public_bytes_raw()
    for kind, principal in made.items():
        new = NewPrincipal(id=principal, kind=kind, name=fresh("thief-"), public_key=key)
        (proposed,) = operator.identity.register_principals([new])
        assert proposed.proposal_id is not None
        for each in others or [operator]:
            each.proposals["identity"].confirm([proposed.proposal_id])
    thief.known.ids["principal"] = [each.bytes for each in made.values()]
    became = {each.principal_id: each for each in thief.become()}
    with suppress(RingfenceError, KeyError):
        own = {kind: Client(_addresses(town), became[principal]) for kind, principal in made.items()}
        _invent(town, operator, own[PrincipalKind.PLATFORM], own[PrincipalKind.BANK_FEED])
    return len(became), still(town)


def _addresses(town: Scenario) -> Addresses:
    addresses = town.operators[0].credentials.addresses
    assert addresses is not None
    return addresses


def _invent(town: Scenario, operator: Client, own: Client, feed: Client) -> None:
    """Opens a book, tells of money that nobody has paid in, and pays it out."""
    book, party = own.credentials.principal_id, new_id()
    client, bank = new_id(), new_id()
    iban, safeguarding = new_iban(), new_iban()
    person = NewParty(id=party, kind=PartyKind.PERSON, name="Straw Man", identity_number=fresh("ID"), country="DE")
    own.identity.register_parties([person])
    for step in (KycStatus.CHECKING, KycStatus.VERIFIED):
        operator.identity.decide_kyc(book, [KycDecision(party_id=party, to=step, note="fine")])
    own.custody.create_accounts(
        [
            NewAccount(id=client, account_class=AccountClass.CLIENT, currency="EUR", owner_id=party),
            NewAccount(id=bank, account_class=AccountClass.BANK_MIRROR, currency="EUR"),
            NewAccount(id=new_id(), account_class=AccountClass.SUSPENSE, currency="EUR"),
        ],
        book,
    )
    await_status(own, book, [client])
    own.identity.register_aliases([Alias(iban, client, party)])
    feed_id = feed.credentials.principal_id
    operator.identity.register_aliases([Alias(safeguarding, bank, bank_feed_id=feed_id)], book)
    entry = messages.entry(FUNDS_MINOR, iban, reference=fresh("R"))
    feed.payments.submit_evidence(messages.notification(safeguarding, [entry]))
    order = NewInstruction(
        id=new_id(),
        end_to_end_id=fresh("E"),
        debtor_iban=iban,
        creditor_iban=new_iban(),
        creditor_name="A Thief",
        amount_minor=PAYMENT_LIMIT_MINOR - 1,
        currency="EUR",
    )
    own.payments.submit(new_id(), [order])
