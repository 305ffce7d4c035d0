"""Banks that are not in order, shown by their alerts until two operators do what the runbook says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from ringfence.client import Client
from ringfence.identity import require_done
from ringfence.ids import new_id
from ringfence.ledger import AccountClass
from ringfence.registers import NewBank
from ringfence_local_stack.sandbox.letters import TEMPLATE, TEXT_SHA256
from ringfence_local_stack.scenario import Platform, Scenario
from ringfence_local_stack.scenario.account import Account

from deploy.checks.monitoring.prometheus import Prometheus

from .conftest import PAYER

YEAR = timedelta(days=365)


@pytest.fixture
def funded(scenario: Scenario) -> tuple[Platform, Account]:
    """A platform of its own with money on a mirror whose letter stands."""
    made = scenario.platform(PAYER)
    mirror = made.account(AccountClass.BANK_MIRROR)
    made.fund([made.customer(PAYER).account], 100, mirror)
    return made, mirror


def today() -> date:
    """Returns the UTC day."""
    return datetime.now(UTC).date()


def agree(second: Client, proposal: UUID | None) -> None:
    """Has the second operator confirm."""
    assert proposal is not None
    require_done(second.proposals["custody"].confirm([proposal]))


def lettered(scenario: Scenario, platform: Platform, mirror: Account, bic: str) -> None:
    """Has a new letter of a mirror sent and countersigned."""
    first, second = scenario.operators
    letter = new_id()
    sent = first.registers.send_letter(
        letter, platform.id, mirror.id, bic=bic, template_version=TEMPLATE, template_sha256=TEXT_SHA256, sent=today()
    )
    agree(second, sent)
    signed = first.registers.countersign_letter(
        letter, countersigned=today(), document_sha256=TEXT_SHA256, review=today() + YEAR
    )
    agree(second, signed)


def test_a_letter_that_has_ended(scenario: Scenario, prometheus: Prometheus, funded: tuple[Platform, Account]) -> None:
    """registers: money lies at a bank without a letter; the list names the mirror, and another letter ends it."""
    platform, mirror = funded
    first, second = scenario.operators
    [letter] = first.registers.letters(platform.id, mirror.id)
    agree(second, first.registers.end_letter(letter.id, ended=today(), reason="the bank has merged"))
    prometheus.await_firing("RingfenceMirrorUnlettered")
    listed = first.registers.mirrors(platform.id, only_without_letter=True)
    assert [each.account_id for each in listed] == [mirror.id]
    lettered(scenario, platform, mirror, letter.bic)
    prometheus.await_quiet()


def test_too_much_at_one_bank(scenario: Scenario, prometheus: Prometheus, funded: tuple[Platform, Account]) -> None:
    """registers: all of a platform's money lies at a bank that may have a half; its limit is decided anew."""
    platform, mirror = funded
    first, second = scenario.operators
    small = NewBank(
        bic="SMALDEFFXXX",
        name="Small bank",
        country="DE",
        due_diligence=today(),
        review=today() + YEAR,
        concentration_basis_points=5_000,
        document_sha256=TEXT_SHA256,
    )
    agree(second, first.registers.register_bank(small))
    lettered(scenario, platform, mirror, small.bic)
    prometheus.await_firing("RingfenceConcentrationBreached")
    [share] = first.registers.concentration(platform.id)
    assert (share.bic, share.share_basis_points, share.breached) == (small.bic, 10_000, True)
    agree(second, first.registers.register_bank(replace(small, concentration_basis_points=10_000)))
    prometheus.await_quiet()
