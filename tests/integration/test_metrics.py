"""docs/telemetry.md and what the four services really show, in both directions; and what no label may say."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import Metric
from ringfence.payments import InstructionStatus
from ringfence.unproven import Flaw
from ringfence_local_stack.sandbox.birth import spool_folder
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Platform, Scenario, messages
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_local_stack.stack.local_stack import LocalStack

from .conftest import PATIENCE
from .scraping import SERVICES, documented, labels_of, scraped, value_of
from .traffic import PAYERS, Traffic, open_platform

SECONDS = 30.0
LARGE = 1_500_000
"""More than one person may decide on."""
SUSPENDED = 70
OWED = 80
OF_NOBODY = {
    "rpc_method",
    "rpc_system_name",
    "rpc_response_status_code",
    "error_type",
    "server_port",
    "ringfence_balance",
    "ringfence_break_kind",
    "ringfence_calendar",
    "ringfence_register",
    "ringfence_safeguarding_status",
}
"""Labels whose values are words of the contract."""


def eventually(condition: Callable[[], bool]) -> None:
    """Waits for a condition, within a bound."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    """A stack of its own: what is counted over all books, payments and lists is what is done here."""
    with Scenario.private(patience=PATIENCE) as started:
        yield started


@pytest.fixture(scope="module")
def stack(scenario: Scenario) -> LocalStack:
    """Its parts."""
    return scenario.processes


@pytest.fixture(scope="module")
def sandbox(scenario: Scenario) -> Sandbox:
    """Its principals as clients that wait while a part is away."""
    return scenario.sandbox


@pytest.fixture(scope="module")
def platform(sandbox: Sandbox, stack: LocalStack) -> Platform:
    """A platform that pays, also while identity is away; a payer that nobody knows; a regulator who has looked."""
    platform = open_platform(sandbox)
    with Traffic(platform) as traffic:
        traffic.wait_for_more(20)
        stack.service("identity").stop()
        try:
            eventually(lambda: all(seconds_behind_identity(stack, part) > 1 for part in ("custody", "audit")))
        finally:
            stack.service("identity").start()
        traffic.wait_for_more(20)
    traffic.await_all_settled()
    platform.bank.tell(messages.entry(SUSPENDED, new_iban(), currency=platform.currency))
    take_back_what_is_spent(platform)
    sandbox.regulator.audit.checkpoint()
    return platform


def take_back_what_is_spent(platform: Platform) -> None:
    """The bank reverses a deposit of which nothing is left: the platform owes it to its clients."""
    spender, payee = platform.customers("Nora Vale", PAYERS[0])
    platform.bank.tell(messages.entry(OWED, spender.iban, reference="GONE-1"))
    platform.pay(spender, payee.iban, payee.name, OWED).wait_for(InstructionStatus.SETTLED)
    platform.bank.tell(messages.entry(OWED, spender.iban, reference="GONE-2", incoming=False, reversal=True))


def seconds_behind_identity(stack: LocalStack, part: str) -> float:
    """For how long a service has not heard of identity."""
    shown = scraped(stack, [part])[part]
    return value_of(shown, "ringfence_feed_lag_duration_seconds", ringfence_source="identity") or 0.0


@pytest.fixture(scope="module")
def shown(platform: Platform, stack: LocalStack) -> Iterator[dict[str, list[Metric]]]:
    """What the four services show after that, while a payment is held and the way to the bank is closed."""
    payer, payee = platform.customers(*PAYERS)
    platform.bank.deposit(payer, 2 * LARGE)
    platform.pay(payer, payee.iban, payee.name, LARGE).wait_for(InstructionStatus.HELD)
    outbox = spool_folder(stack.directory) / "outbox"
    outbox.mkdir(exist_ok=True)
    closed = outbox.rename(outbox.with_name("closed"))
    outbox.write_bytes(b"")
    abroad = platform.pay(payer, new_iban(), "Somebody Elsewhere", 1)
    rail = "payment-instruction"
    try:
        waiting = {"ringfence_refusal_reason": "RAIL_UNAVAILABLE"}
        eventually(lambda: value_of(scraped(stack, [rail])[rail], "ringfence_submissions_waiting", **waiting) == 1)
        # Books are added up every few seconds.
        eventually(lambda: value_of(scraped(stack, ["custody"])["custody"], "ringfence_suspense_balance") == SUSPENDED)
        eventually(lambda: value_of(scraped(stack, ["custody"])["custody"], "ringfence_shortfall_balance") == OWED)
        yield scraped(stack)
    finally:
        outbox.unlink()
        closed.rename(outbox)
    abroad.wait_for(InstructionStatus.SENT, seconds=SECONDS)
    assert value_of(scraped(stack, [rail])[rail], "ringfence_outbox_age_seconds") == 0


def test_every_service_shows_exactly_what_the_document_lists(shown: dict[str, list[Metric]]) -> None:
    """Names and kinds are those of the document, service by service: none is undocumented, none is never made."""
    listed = documented()
    assert len(listed) > 30
    for service in SERVICES:
        kinds = {family.name: family.type for family in shown[service]}
        assert kinds == {name: each.kind for name, each in listed.items() if service in each.services}, service


def test_labels_are_exactly_those_that_the_document_lists(shown: dict[str, list[Metric]]) -> None:
    """Over all services together each metric has the attributes of its row, and no other."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for families in shown.values():
        for name, labels in labels_of(families).items():
            found[name] |= set(labels)
    listed = documented()
    assert {name: found[name] for name in listed} == {name: set(each.attributes) for name, each in listed.items()}


def test_no_label_names_a_tenant_a_person_or_an_account(
    shown: dict[str, list[Metric]], platform: Platform, stack: LocalStack
) -> None:
    """No value of a label has an id, a name, an IBAN or a reference in it: all are from short, closed lists."""
    allowed = {
        "ringfence_source": set(SERVICES),
        "ringfence_currency": {platform.currency},
        "ringfence_flaw": {each.name for each in Flaw},
        "ringfence_finding": {"different", "uncovered"},
        "server_address": {"127.0.0.1"},
    }
    for families in shown.values():
        for name, labels in labels_of(families).items():
            for label, values in labels.items():
                if label == "ringfence_refusal_reason":
                    assert all(value.isupper() for value in values)
                elif label not in OF_NOBODY:
                    assert values <= allowed[label], (name, label)


def test_what_is_shown_is_true(shown: dict[str, list[Metric]], platform: Platform, sandbox: Sandbox) -> None:
    """One process of each service leads, money adds up, credentials are good, and the log is as long as it says."""
    for service in SERVICES:
        families = shown[service]
        assert value_of(families, "ringfence_leadership_leading") == 1
        assert (value_of(families, "ringfence_leadership_terms_total") or 0) >= 1
        assert (value_of(families, "ringfence_feed_position") or 0) > 0
        assert (value_of(families, "ringfence_vault_token_lifetime_seconds") or 0) > 0
        assert (value_of(families, "ringfence_certificate_lifetime_seconds") or 0) > 0
        assert {family.name for family in families if value_of([family], family.name, service_name=service)}
    for kind in ("posted", "pending"):
        imbalance = value_of(
            shown["custody"], "ringfence_ledger_imbalance", ringfence_currency=platform.currency, ringfence_balance=kind
        )
        assert imbalance == 0
    size = value_of(shown["audit"], "ringfence_tree_size")
    assert size is not None
    assert size > 0
    eventually(lambda: size <= int(sandbox.regulator.audit.checkpoint().splitlines()[1]))
    assert value_of(shown["custody"], "ringfence_suspense_balance", ringfence_currency=platform.currency) == SUSPENDED
    assert value_of(shown["custody"], "ringfence_shortfall_balance", ringfence_currency=platform.currency) == OWED


def test_trouble_with_payments_shows(shown: dict[str, list[Metric]]) -> None:
    """A payment that waits for a second person and a message that the bank does not have are counted, and their age."""
    of_payments = shown["payment-instruction"]
    assert value_of(of_payments, "ringfence_payments_held") == 1
    assert value_of(of_payments, "ringfence_payments_unknown") == 0
    assert value_of(of_payments, "ringfence_outbox_messages") == 1
    assert (value_of(of_payments, "ringfence_outbox_age_seconds") or 0) > 0
    assert value_of(of_payments, "ringfence_deposits_waiting") == 0
    assert value_of(of_payments, "ringfence_screening_lists") == 1
    week = value_of(of_payments, "ringfence_screening_list_age_limit_seconds")
    assert week == 7 * 86_400
    assert 0 <= (value_of(of_payments, "ringfence_screening_list_age_seconds") or -1) < week
