"""Both hosts over real services in a browser: on people's own machines, and audit's, which only shows."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from ringfence.client import Client
from ringfence.console_host.host import host_of
from ringfence.payments import InstructionStatus
from ringfence.remembered import Remembered
from ringfence_console import OneTimeLink, console
from ringfence_local_stack.scenario import Payment, Platform, Scenario
from ringfence_local_stack.scenario.waiting import eventually

from tests.console.browser import Certificate, Visitor, chromium
from tests.console.checking import problems
from tests.console.example import LOOPBACK, answering
from tests.console.finding import kind_of, pages
from tests.console.keyboard import Keyboard
from tests.console.looks import LOOKS, rotated
from tests.console.test_pages import PROOFS

AMOUNT = 20_000_00


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    """A private stack."""
    with Scenario.private() as started:
        yield started


@pytest.fixture(scope="module")
def platform(scenario: Scenario) -> Platform:
    """A platform whose client has paid once."""
    made = scenario.platform("Nora Vale", "Ivo Marsh")
    payer, payee = made.customer("Nora Vale"), made.customer("Ivo Marsh")
    made.bank.deposit(payer, 100_000_00)
    assert made.pay(payer, payee.iban, payee.name, 1_00).outcome() == ("SETTLED", "")
    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[Visitor]:
    """Somebody with a browser."""
    with chromium() as started:
        yield Visitor(started)


def held(platform: Platform) -> Payment:
    """Has a payment wait for a second person."""
    payer, payee = platform.customer("Nora Vale"), platform.customer("Ivo Marsh")
    payment = platform.pay(payer, payee.iban, payee.name, AMOUNT)
    payment.wait_for(InstructionStatus.HELD)
    return payment


@contextmanager
def own_host(scenario: Scenario, client: Client, folder: Path, browser: Visitor) -> Iterator[tuple[str, Visitor]]:
    """Serves somebody's own console; gives its address, and the browser that was let in."""
    links: list[str] = []
    host = host_of(client, scenario.sandbox.log_key(), Remembered(folder), None)
    with socket.create_server((LOOPBACK, 0)) as listening:
        named = f"{LOOPBACK}:{listening.getsockname()[1]}"
        with answering(console(host, OneTimeLink(links.append), [named]), listening):
            with browser.looking(LOOKS[0]) as context:
                context.new_page().goto(f"http://{named}/enter?key={links[-1]}")
                state = context.storage_state()
            yield f"http://{named}", Visitor(browser.browser, state)


def audits_host(scenario: Scenario, browser: Visitor) -> tuple[str, Visitor]:
    """Gives the address of audit's console, and the browser of the regulator."""
    port = scenario.stack.console_listens["audit"].rpartition(":")[2]
    address, files = f"https://localhost:{port}", scenario.sandbox.certificate_files("regulator")
    shown = Certificate(origin=address, certPath=files.certificate, keyPath=files.key)
    return address, Visitor(browser.browser, certificates=(shown,))


def paid(platform: Platform) -> UUID:
    """The payment that was made."""
    found = next(platform.client.payments.list_instructions(status=InstructionStatus.SETTLED))
    return found.state.instruction_id


def account_of(platform: Platform) -> UUID:
    """Whose story is looked at."""
    return platform.customer("Nora Vale").account.id


def test_audit_shows_a_regulator_every_page_and_lets_nobody_act(
    scenario: Scenario, platform: Platform, browser: Visitor
) -> None:
    """In rotating looks nothing is wrong with any; its act routes do not exist."""
    address, regulator = audits_host(scenario, browser)
    account = account_of(platform)
    first = [f"{address}/{each}" for each in ("log", "fact/0", f"about/{account}", f"trace/{paid(platform)}")]
    found = pages(regulator, first)
    assert found.dead == []
    assert {kind_of(each) for each in found.pages} >= {"/log", "/fact/*", "/about/*", "/account/*", "/trace/*"}
    assert [each for page, look in rotated(found.pages) for each in problems(regulator, page, look, PROOFS)] == []
    with regulator.looking(LOOKS[0]) as context:
        for path in ("/matters", "/matters/approval/x/approve", "/acts/x", "/day", "/health"):
            for method in ("GET", "POST"):
                answer = context.request.fetch(address + path, method=method, headers={"origin": address})
                assert answer.status == 404, (method, path)


def test_a_supervisor_proves_a_fact_in_the_own_browser(
    scenario: Scenario, platform: Platform, browser: Visitor, tmp_path: Path
) -> None:
    """From an id to the proof in at most four steps; what the program has proven the browser proves again."""
    with (
        own_host(scenario, scenario.regulator, tmp_path, browser) as (address, regulator),
        regulator.looking(LOOKS[0]) as context,
    ):
        page = context.new_page()
        page.goto(f"{address}/about/{account_of(platform)}")
        keyboard = Keyboard(page)
        keyboard.reach(address="/fact/")
        keyboard.enter()
        page.wait_for_selector(".proof[data-state]")
        assert page.get_attribute(".proof", "data-state") == "proven"
        assert keyboard.steps <= 4
        page.click("[data-change]")
        page.wait_for_selector(".proof[data-state=refused]")


def test_an_approver_signs_by_the_keyboard_and_the_money_moves(
    scenario: Scenario, platform: Platform, browser: Visitor, tmp_path: Path
) -> None:
    """In three steps; every page of the approver's host is right too."""
    payment = held(platform)
    with own_host(scenario, platform.approver, tmp_path, browser) as (address, approver):
        found = pages(approver, [f"{address}/matters", f"{address}/day", f"{address}/health"])
        assert found.dead == []
        assert [each for page, look in rotated(found.pages) for each in problems(approver, page, look, PROOFS)] == []
        with approver.looking(LOOKS[0]) as context:
            page = context.new_page()
            page.goto(f"{address}/matters")
            keyboard = Keyboard(page)
            keyboard.reach(address=f"/matters/approval/{platform.id}.{payment.id}")
            keyboard.enter()
            for name in ("Review: Approve", "Sign: Approve"):
                keyboard.reach(name)
                keyboard.enter()
            assert "/acts/" in page.url, page.inner_text("main")
            assert keyboard.steps == 3
    assert payment.outcome() == ("SETTLED", "")


def test_a_suspended_approver_is_told_so(
    scenario: Scenario, platform: Platform, browser: Visitor, tmp_path: Path
) -> None:
    """Though the command was before him: nothing is sent on."""
    payment = held(platform)
    with (
        own_host(scenario, platform.approver, tmp_path, browser) as (address, approver),
        approver.looking(LOOKS[0]) as context,
    ):
        page = context.new_page()
        page.goto(f"{address}/matters/approval/{platform.id}.{payment.id}/approve")
        approver_id = platform.approver.credentials.principal_id
        scenario.operators[0].identity.suspend_principals([approver_id], "left the company")
        assert eventually(lambda: not _may_read(platform.approver), 10)
        page.click("form.act button")
        assert page.locator("h1.bad").count() == 1, page.inner_text("main")
    assert payment.look().state.status is InstructionStatus.HELD


def _may_read(client: Client) -> bool:
    try:
        client.payments.instructions([])
    except Exception:
        return False
    return True
