"""Two drills: one operator's key is stolen, and one platform's. Nothing leaves for a place that no second confirmed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta

import pytest
from ringfence.client import Client
from ringfence.credentials import Addresses
from ringfence.errors import RingfenceError
from ringfence.flows import Fee, FeeAgreement, OwnPayout
from ringfence.identity import Alias, KycDecision, KycStatus, NewParty, NewPrincipal, PartyKind, PrincipalKind
from ringfence.ids import new_id
from ringfence.ledger import AccountClass, NewAccount
from ringfence.money import show
from ringfence.payments import NewInstruction
from ringfence.transport import Patience
from ringfence_local_stack.sandbox.letters import countersign
from ringfence_local_stack.sandbox.onboarding import agree, await_status, register_ibans
from ringfence_local_stack.scenario import Scenario, messages
from ringfence_local_stack.scenario.account import Account
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_local_stack.scenario.payment import Payment
from ringfence_local_stack.scenario.people import Customer
from ringfence_local_stack.scenario.platform import Platform
from ringfence_local_stack.scenario.waiting import eventually, fresh

from .compromise import CURRENCIES, HELD, Known, Thief, allowed_minor, broken_tasks, knowledge, left_minor

FUNDS_MINOR = 50_000_00
PAYMENT_LIMIT_MINOR = 10_000_00
"""What the sandbox lets pass without a second person, in one payment."""
YEN_FUNDS = 5_000_000
CLIENTS, IN_YEN = ("Nora Vale", "Ivo Marsh"), "Aiko Brandt"
ACCOUNTS = {"EUR": len(CLIENTS), "JPY": 1}
FUNDS = {"EUR": FUNDS_MINOR, "JPY": YEN_FUNDS}
"""What is on each account."""
STILL_SECONDS = 3.0
"""Nothing has left for so long: nothing is under way any more."""
UNDER_WAY_SECONDS = 60.0
"""What may leave has left after so long, however busy the machine is."""
ROUNDS = 10
"""How often each method is tried here; `make drills` tries longer, with other seeds."""


Left = Callable[[], Counter[str]]
"""What has left, in minor units by currency."""


@pytest.fixture(scope="module")
def town() -> Iterator[Scenario]:
    """A stack of their own, whose callers are told at once what is refused.

    One operator can suspend the other: the drill in which he may do anything is the last.
    """
    with Scenario.private({}, Patience(retry_seconds=1.0)) as started:
        yield started


@pytest.fixture
def platform(town: Scenario) -> Platform:
    """A platform whose clients have money that a bank has told of, in euros and in yen."""
    made = town.platform(*CLIENTS)
    for customer in made.customers(*CLIENTS):
        made.bank.deposit(customer, FUNDS_MINOR)
    made.account(AccountClass.SUSPENSE, currency="JPY")
    (in_yen,) = made.enrol([made.party(IN_YEN)], currency="JPY")
    made.open_bank(currency="JPY").deposit(in_yen, YEN_FUNDS)
    return made


@pytest.fixture
def left(town: Scenario) -> Left:
    """Returns what has left since the test began, in minor units by currency, once nothing more does."""
    before = left_minor(town)

    def now() -> Counter[str]:
        while True:
            so_far = left_minor(town)
            if not eventually(lambda: left_minor(town) != so_far, STILL_SECONDS):  # noqa: B023  # called in this round
                return so_far - before

    return now


def known(platform: Platform) -> Known:
    """What somebody inside may know of a platform: every id and IBAN."""
    customers = platform.customers(*CLIENTS, IN_YEN)
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


def money(town: Scenario, platform: Platform) -> list[int]:
    """What each client has that is not set aside, read by whoever is not suspended."""
    ids = [each.account.id for each in platform.customers(*CLIENTS, IN_YEN)]
    for reader in (*town.operators, town.regulator):
        with suppress(RingfenceError):
            balances = [each.balances for each in reader.custody.accounts(ids, platform.id)]
            return [each.posted_minor - each.reserved_minor for each in balances]
    raise AssertionError("nobody is left who may read")


def test_one_operator_cannot_make_a_platform_of_his_own(town: Scenario, platform: Platform, left: Left) -> None:
    """The straight way: a platform, a client and a bank feed with his keys, invented money, and a payment of it."""
    became = by_a_platform_of_his_own(town, platform, town.operators[1])
    out = left()
    print(f"one operator, by a platform of his own: {shown(out)} left, became {became} principals")
    assert (became, out) == (0, Counter())


def test_two_operators_together_could(town: Scenario, platform: Platform, left: Left) -> None:
    """The same with the keys of both: what the drill would see if one were enough."""
    assert by_a_platform_of_his_own(town, platform, *reversed(town.operators)) == 2
    assert eventually(lambda: left() == {"EUR": PAYMENT_LIMIT_MINOR}, UNDER_WAY_SECONDS)


def test_one_platform_key_moves_what_the_limits_allow(town: Scenario, platform: Platform, left: Left) -> None:
    """Payments at the limit and below until nothing goes any more: the limits of a day hold, and nothing else does.

    Prints the sum, which the client's own signature will close.
    """
    allowed = allowed_minor(platform.client, platform.id, ACCOUNTS)
    limits = {each.currency: each.payment_minor for each in platform.client.limits.get(platform.id, HELD).currencies}
    for customer in platform.customers(*CLIENTS, IN_YEN):
        currency = customer.account.currency
        limit_minor, funds_minor = limits[currency], FUNDS[currency]
        amounts = [limit_minor - number for number in range(2 * funds_minor // limit_minor)]
        for other in CURRENCIES:
            order(platform, customer, other, 1 if other != currency else funds_minor)
        for amount_minor in amounts:
            order(platform, customer, currency, amount_minor)
    eventually(lambda: left() == allowed, UNDER_WAY_SECONDS)
    out, whole = left(), Counter({each: FUNDS[each] * count for each, count in ACCOUNTS.items()})
    print(f"one platform key could still move {shown(out)} of {shown(whole)}: its limits say {shown(allowed)}")
    assert out == allowed
    assert all(out[each] < whole[each] for each in ACCOUNTS)


def test_one_platform_key_moves_no_more_by_fees(town: Scenario, platform: Platform, left: Left) -> None:
    """Invented fees onto an account of the platform's own, and from there to the outside: under the same limits."""
    fees, allowed = platform.account(AccountClass.FEE), allowed_minor(platform.client, platform.id, ACCOUNTS)["EUR"]
    for customer in platform.customers(*CLIENTS):
        for amount_minor in (FUNDS_MINOR, PAYMENT_LIMIT_MINOR, PAYMENT_LIMIT_MINOR - 1):
            charge(platform, customer, fees, amount_minor)
    for account in (fees, *(each.account for each in platform.customers(*CLIENTS))):
        for number in range(3):
            pay_out(platform, account, PAYMENT_LIMIT_MINOR - number)
    out, taken = left(), len(CLIENTS) * FUNDS_MINOR - sum(money(town, platform)[: len(CLIENTS)])
    print(f"one platform key, by fees: {shown(Counter(EUR=taken))} taken from clients, {shown(out)} left")
    assert taken == allowed
    assert out <= Counter(EUR=allowed)


def test_one_platform_key_tries_every_method(town: Scenario, platform: Platform, left: Left) -> None:
    """Guesses at every method bring nothing out that a second person would have had to look at."""
    platform_walks(town, platform, left, seed=1, rounds=ROUNDS)


def test_one_operator_moves_nothing_and_makes_nobody(town: Scenario, platform: Platform, left: Left) -> None:
    """Whatever one operator tries with every method: no money moves or appears, and he becomes nobody else."""
    operator_walks(town, platform, left, seed=1, rounds=ROUNDS)


def platform_walks(town: Scenario, platform: Platform, left: Left, *, seed: int, rounds: int) -> None:
    """Tries every method with a platform's key, and looks at what came of it."""
    thief = Thief(town, platform.client.credentials, known(platform), seed)
    thief.walk(rounds)
    became, out = thief.become(), left()
    print(f"one platform key, seed {seed}: {shown(out)} left, became {len(became)} principals")
    assert became == []
    assert broken_tasks(town) == []
    assert out <= allowed_minor(platform.client, platform.id, ACCOUNTS)


def operator_walks(town: Scenario, platform: Platform, left: Left, *, seed: int, rounds: int) -> None:
    """Tries every method with an operator's key and with whoever he becomes, and looks at what came of it."""
    before = money(town, platform)
    thief = Thief(town, town.operators[1].credentials, known(platform), seed)
    thief.walk(rounds)
    became = thief.become()
    for each in became:
        Thief(town, each, thief.known, seed).walk(rounds)
    out = left()
    answers = sum(thief.answered.values())
    print(f"one operator, seed {seed}: {answers} answers, {shown(out)} left, became {len(became)} principals")
    assert (out, became) == (Counter(), [])
    assert money(town, platform) == before
    assert broken_tasks(town) == []


def charge(platform: Platform, customer: Customer, fees: Account, amount_minor: int) -> None:
    """Has a client's fee debited, under an agreement that he knows nothing of."""
    agreement = FeeAgreement(
        id=new_id(),
        client_id=customer.party.id,
        kind="invented",
        currency="EUR",
        maximum_minor=amount_minor,
        from_day=date.today() - timedelta(days=1),
        until_day=date.today() + timedelta(days=1),
        document_sha256=bytes(32),
    )
    fee = Fee(
        id=new_id(),
        agreement_id=agreement.id,
        end_to_end_id=fresh("F"),
        debtor_iban=customer.iban,
        fee_account_id=fees.id,
        amount_minor=amount_minor,
        currency="EUR",
        remittance=fresh("fee"),
    )
    platform.client.flows.agree_fee(agreement)
    platform.client.flows.charge_fees(new_id(), [fee])
    Payment(platform.client, fee.id).outcome()


def pay_out(platform: Platform, account: Account, amount_minor: int) -> None:
    """Pays out of an account as if its money were the platform's own."""
    payout = OwnPayout(
        id=new_id(),
        end_to_end_id=fresh("E"),
        platform_account_id=account.id,
        bank_iban=platform.bank.iban,
        creditor_iban=new_iban(),
        creditor_name="A Thief",
        amount_minor=amount_minor,
        currency="EUR",
    )
    with suppress(RingfenceError):
        platform.client.flows.pay_out(payout)


def order(platform: Platform, customer: Customer, currency: str, amount_minor: int) -> None:
    """Has an amount of any currency paid to the outside; what is refused at once is."""
    asked = platform.order(customer.iban, new_iban(), "A Thief", amount_minor)
    with suppress(RingfenceError):
        platform.submit([replace(asked, currency=currency)])


def shown(minor: Mapping[str, int]) -> str:
    """Amounts as people read them, by currency."""
    return ", ".join(show(each, currency) for currency, each in sorted(minor.items())) or "nothing"


def by_a_platform_of_his_own(town: Scenario, platform: Platform, operator: Client, *others: Client) -> int:
    """Returns how many principals the operator became; others confirm what he proposes."""
    thief = Thief(town, operator.credentials, known(platform), 0)
    made = {kind: new_id() for kind in (PrincipalKind.PLATFORM, PrincipalKind.BANK_FEED)}
    key = thief.known.key.public_key().public_bytes_raw()
    for kind, principal in made.items():
        digest = thief.certificate_of(principal.bytes)
        new = NewPrincipal(id=principal, kind=kind, name=fresh("thief-"), public_key=key, certificate_sha256=digest)
        (proposed,) = operator.identity.register_principals([new])
        assert proposed.proposal_id is not None
        for each in others or [operator]:
            each.proposals["identity"].confirm([proposed.proposal_id])
    thief.known.ids["principal"] = [each.bytes for each in made.values()]
    became = {each.principal_id: each for each in thief.become()}
    with suppress(RingfenceError, KeyError):
        own = {kind: Client(_addresses(town), became[principal]) for kind, principal in made.items()}
        _invent((operator, *others), own[PrincipalKind.PLATFORM], own[PrincipalKind.BANK_FEED])
    return len(became)


def _addresses(town: Scenario) -> Addresses:
    addresses = town.operators[0].credentials.addresses
    assert addresses is not None
    return addresses


def _invent(operators: Sequence[Client], own: Client, feed: Client) -> None:
    """Opens a book, tells of money that nobody has paid in, and pays it out."""
    operator, second = operators[0], operators[-1]
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
    register_ibans(own, (operator, second), book, [Alias(iban, client, party)])
    mirror = Alias(safeguarding, bank, bank_feed_id=feed.credentials.principal_id)
    agree(second, operator.identity.register_aliases([mirror], book))
    countersign((operator, second), book, [bank])
    entry = messages.entry(FUNDS_MINOR, iban, reference=fresh("R"))
    feed.payments.submit_evidence(messages.notification(safeguarding, [entry]))
    order = NewInstruction(
        id=new_id(),
        end_to_end_id=fresh("E"),
        debtor_iban=iban,
        creditor_iban=new_iban(),
        creditor_name="A Thief",
        amount_minor=PAYMENT_LIMIT_MINOR,
        currency="EUR",
    )
    own.payments.submit(new_id(), [order])
