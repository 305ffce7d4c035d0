"""The rows of payment-instruction."""

from __future__ import annotations

import time
from dataclasses import replace
from uuid import UUID

from ringfence.client import Client
from ringfence.flows import entry_id
from ringfence.ids import new_id
from ringfence.limits import CurrencyLimits
from ringfence.payments import InstructionStatus, ListFormat
from ringfence.sanctions import SanctionsList
from ringfence.statements import Remedy
from ringfence_local_stack.scenario import messages
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_local_stack.scenario.waiting import fresh

from .acts import Act, People, row

STOPPED_SECONDS = 10.0
HELD_MINOR = 1_100_000
"""Above what the sandbox lets pass without an approval."""


@row("ReleaseHits")
def release_hits(people: People) -> Act:
    """A payment that waited for its approval when a list came to name the payee."""
    scenario, name = people.scenario, f"Zora {new_id().hex}"
    platform = scenario.platform("Nora Vale")
    nora = platform.customer("Nora Vale")
    platform.bank.deposit(nora, HELD_MINOR)
    held = platform.pay(nora, new_iban(), name, HELD_MINOR)
    held.wait_for(InstructionStatus.HELD)
    scenario.import_list([name])
    client = platform.client.payments
    end = time.monotonic() + STOPPED_SECONDS
    while client.instructions([held.id])[0].state.reason != "SANCTIONS_HIT":
        assert time.monotonic() < end, "a list does not stop what is held"
        time.sleep(0.05)
    return Act(
        "payment-instruction",
        lambda by: by.payments.release_hits(platform.id, [held.id], "born in another century"),
        lambda: client.instructions([held.id])[0].state.reason != "SANCTIONS_HIT",
    )


@row("ReleaseSuspended")
def release_suspended(people: People) -> Act:
    """Money of a payer whom a list names lies in blocked suspense."""
    scenario, name, reference = people.scenario, f"Zora {new_id().hex}", fresh("R")
    platform = scenario.platform("Nora Vale")
    first, _ = scenario.operators
    scenario.import_list([name])
    told = messages.entry(30_00, platform.customer("Nora Vale").iban, reference=reference, payer=name)
    assert platform.bank.tell(told).suspended == 1
    entry = entry_id(platform.id, platform.bank.iban, reference)
    assert first.flows.suspended(platform.id, entry).blocked
    return Act(
        "payment-instruction",
        lambda by: by.flows.release_suspended(platform.id, entry, b"d" * 32, "born in another century"),
        lambda: not first.flows.suspended(platform.id, entry).blocked,
    )


@row("WorkOffAnswer")
def work_off_answer(people: People) -> Act:
    """An answer of the bank that is about no payment."""
    platform, transaction = people.scenario.platform("Nora Vale"), new_id().hex
    first, _ = people.scenario.operators
    told = messages.status_report(f"RF{transaction}", [messages.report_row("RJCT", transaction_id=transaction)])
    assert platform.bank.lay_in(told) == "archive"
    (found,) = [each for each in first.answers.exceptions() if each.transaction_id == transaction]
    return Act(
        "payment-instruction",
        lambda by: by.answers.dismiss(found.id, b"d" * 32, "the bank takes it back"),
        lambda: found.id not in [each.id for each in first.answers.exceptions()],
    )


@row("SetLimits")
def loosen_limits(people: People) -> Act:
    """A platform with limits of its own, whose payments may then be larger."""
    tenant = people.platform().credentials.principal_id
    first, _ = people.scenario.operators
    tight = CurrencyLimits(currency="EUR", payment_minor=100, debtor_day_minor=100, day_minor=100, approver_minor=100)
    assert first.limits.set(tenant, 1, [tight]) is None

    def propose(by: Client) -> UUID:
        proposal = by.limits.set(tenant, 2, [replace(tight, payment_minor=200)])
        assert proposal is not None
        return proposal

    return Act("payment-instruction", propose, lambda: first.limits.get(tenant).version == 2)


def list_in_force(people: People) -> str:
    """Puts a list of ten names in force; returns its name."""
    name = f"list {new_id()}"
    people.scenario.import_list([f"Listed Number{number}" for number in range(10)], name)
    return name


def in_force(people: People, list_name: str) -> SanctionsList | None:
    """Returns the list of a name."""
    lists = people.scenario.operators[0].payments.sanctions_lists()
    return next((each for each in lists if each.list_name == list_name), None)


@row("ImportSanctionsList")
def import_what_is_left_of_a_list(people: People) -> Act:
    """An edition with one of the ten names, which is then all of the list."""
    name, rest = list_in_force(people), b"name,kind,reference\nListed Number0,person,C-0\n"

    def propose(by: Client) -> UUID:
        imported = by.payments.import_sanctions_list(name, ListFormat.CSV, rest, time.time_ns())
        assert imported.proposal_id is not None
        return imported.proposal_id

    def happened() -> bool:
        current = in_force(people, name)
        return current is not None and current.entries == 1

    return Act("payment-instruction", propose, happened)


@row("ConfirmSanctionsList")
def confirm_a_quiet_list(people: People) -> Act:
    """A list whose age then counts from its confirmation."""
    name = list_in_force(people)

    def happened() -> bool:
        current = in_force(people, name)
        return current is not None and current.confirmed_ns > 0

    return Act("payment-instruction", lambda by: by.payments.confirm_sanctions_list(name, "seen"), happened)


@row("RetireSanctionsList")
def retire_a_list(people: People) -> Act:
    """A list that is then no more in force."""
    name = list_in_force(people)
    return Act(
        "payment-instruction",
        lambda by: by.payments.retire_sanctions_list(name, "out of use"),
        lambda: in_force(people, name) is None,
    )


@row("WorkOffException")
def work_off_exception(people: People) -> Act:
    """A notification in another currency than the account's."""
    scenario = people.scenario
    platform, (first, _) = scenario.platform("Nora Vale"), scenario.operators
    mirror = platform.bank.mirror.id
    told = messages.entry(30_00, platform.customer("Nora Vale").iban, reference=fresh("R"), currency="USD")
    platform.bank.tell(told)
    (excepted,) = first.statements.exceptions(platform.id, mirror)
    return Act(
        "payment-instruction",
        lambda by: by.statements.work_off(
            platform.id, mirror, excepted.telling_id, Remedy.VOID, b"d" * 32, "sent to the wrong account"
        ),
        lambda: not list(first.statements.exceptions(platform.id, mirror)),
    )


@row("DecideHeldEntry")
def decide_held_entry(people: People) -> Act:
    """News without a reference, of an amount that was told before."""
    scenario = people.scenario
    platform, (first, _) = scenario.platform("Nora Vale"), scenario.operators
    mirror, iban = platform.bank.mirror.id, platform.customer("Nora Vale").iban
    platform.bank.tell(messages.entry(30_00, iban, reference=fresh("R")))
    platform.bank.tell(messages.entry(30_00, iban))
    (held,) = first.statements.held_entries(platform.id, mirror)
    return Act(
        "payment-instruction",
        lambda by: by.statements.decide(platform.id, mirror, held.entry_id, None, b"d" * 32, "paid twice"),
        lambda: not list(first.statements.held_entries(platform.id, mirror)),
    )
