"""Databases restored to an earlier point: whichever they are, the log names it, and signs no second history.

Whoever was erased after that point is erased again before identity answers anybody. What a restored source committed
after it is in the log and with its followers; what a restored log had signed is anchored in Vault, and remembered by
whoever has read it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import pytest
from ringfence.audit import Finding
from ringfence.cli import main
from ringfence.identity import KycDecision, KycStatus, Party, require_done
from ringfence.ids import new_id
from ringfence.ledger import AccountClass
from ringfence.payments import InstructionStatus
from ringfence_bootstrap.description import SERVICES
from ringfence_local_stack.sandbox.onboarding import agree
from ringfence_local_stack.scenario import Platform, Scenario
from ringfence_local_stack.stack.services import ServiceProcess

from tests.architecture.following import followers_named

from .work import await_true

PAYER, PAYEE = "Aiko Brandt", "Jonas Falk"
NOT_PROVEN, SECONDS = 1, 30.0
RESTORED = [("identity",), ("custody",), ("payment-instruction",), ("audit",), SERVICES]
Verify = Callable[[], tuple[int, str]]


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    """A stack of its own."""
    with Scenario.private() as started:
        yield started


@pytest.fixture(scope="module")
def platform(scenario: Scenario) -> Platform:
    """A platform with two clients, one of whom has money."""
    made = scenario.platform(PAYER, PAYEE)
    made.bank.deposit(made.customer(PAYER), 10_000)
    return made


@pytest.fixture
def verify(scenario: Scenario, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verify:
    """Runs `ringfence verify log` as the regulator; returns how it ended and what it said."""
    for name, address in scenario.stack.addresses.items():
        monkeypatch.setenv(f"RINGFENCE_{name.upper().replace('-', '_')}_ADDRESS", address)
    regulator, key = str(scenario.sandbox.folder_of("regulator")), scenario.sandbox.log_key()

    def run() -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["ringfence", "verify", "log", "--as", regulator, "--key", key])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), " ".join(f"{told.out} {told.err}".split())

    return run


def processes_of(scenario: Scenario, services: Iterable[str]) -> list[ServiceProcess]:
    """Returns all processes of services, those that stand by as well."""
    parts = scenario.processes.parts.values()
    return [part for part in parts if isinstance(part, ServiceProcess) and part.service in set(services)]


def at_rest(
    scenario: Scenario, services: Iterable[str], statements: Iterable[str], then: Callable[[], None] = lambda: None
) -> None:
    """Does something to databases, and something else, while no process of their services runs."""
    stopped = processes_of(scenario, services)
    for process in stopped:
        process.stop()
    with scenario.processes.postgres.superuser() as administrator:
        for statement in statements:
            administrator.execute(statement.encode())
    then()
    for process in stopped:
        process.start()


def copied(service: str) -> str:
    """Returns the statement that keeps a service's database as it is now."""
    name = service.replace("-", "_")
    return f"CREATE DATABASE early_{name} TEMPLATE {name} OWNER {name}_owner"


def exchanged(service: str, put: str, away: str) -> list[str]:
    """Returns the statements that put a service's early or newest database in place of the other."""
    name = service.replace("-", "_")
    return [f"ALTER DATABASE {name} RENAME TO {away}_{name}", f"ALTER DATABASE {put}_{name} RENAME TO {name}"]


def live_on(platform: Platform) -> None:
    """Has every service record something: a party, an account, a payment that settles."""
    newcomer = platform.party("Somebody Later")
    platform.account(AccountClass.CLIENT, owner=newcomer)
    payee = platform.customer(PAYEE)
    platform.pay(platform.customer(PAYER), payee.iban, PAYEE, 1).wait_for(InstructionStatus.SETTLED)


def somebody(scenario: Scenario, platform: Platform) -> Party:
    """Registers a client on whom an operator has written something down, which the log has by then."""
    party = platform.party("Somebody Who Leaves", verified=False)
    decision = KycDecision(party_id=party.id, to=KycStatus.CHECKING, note="seen with her daughter", id=new_id())
    require_done(scenario.operators[0].identity.decide_kyc(platform.id, [decision]))
    await_true(lambda: texts_about(scenario, party) > 0, SECONDS)
    return party


def texts_about(scenario: Scenario, party: Party) -> int:
    """Counts what the log keeps in clear about a client."""
    query = "SELECT count(*) FROM leaf_texts WHERE %s = ANY(about) AND content IS NOT NULL"
    with scenario.processes.postgres.superuser("audit") as administrator:
        (row,) = administrator.execute(query, (party.id.bytes,)).fetchall()
    return int(row[0])


def erase(scenario: Scenario, platform: Platform, party: Party) -> None:
    """Has two operators erase a client."""
    first, second = scenario.operators
    agree(second, first.identity.erase_parties(platform.id, [party.id]))


def require_erased(scenario: Scenario, platform: Platform, party: Party) -> None:
    """Nobody knows a name, no key is there, and the log keeps no word."""
    (read,) = platform.client.identity.parties([party.id])
    assert (read.erased, read.name) == (True, "")
    with scenario.processes.postgres.superuser("identity") as administrator:
        query = "SELECT count(*) FROM data_keys WHERE subject = %s AND wrapped IS NOT NULL"
        assert administrator.execute(query, (party.id,)).fetchone() == (0,)
    await_true(lambda: texts_about(scenario, party) == 0, SECONDS)


def own_command(scenario: Scenario, service: str, *arguments: str) -> str:
    """Runs a command of a service with its settings; returns what it said."""
    command = [sys.executable, "-m", f"ringfence_{service}", *arguments]
    environment = scenario.stack.environment(service)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def lose_register(scenario: Scenario, folder: Path) -> None:
    """Takes away the register of the erased, and makes it again from the leaves of the log."""
    (scenario.stack.directory / "erased").rename(folder / "lost")
    listed = folder / "erasures.json"
    listed.write_text(own_command(scenario, "audit", "erasures"))
    own_command(scenario, "identity", "restore-register", "--erasures", str(listed))


def lines(scenario: Scenario, service: str, **fields: str) -> list[dict[str, str]]:
    """Returns the lines of a service's log that have these fields."""
    text = scenario.stack.log_file(service).read_text(errors="replace").splitlines()
    read = [json.loads(line) for line in text if line.endswith("}")]
    return [line for line in read if line.items() >= fields.items()]


def differing(scenario: Scenario) -> set[str]:
    """Returns the sources that the log does not agree with."""
    compared = scenario.regulator.audit.verify_sources()
    return {each.source for each in compared if each.finding is not Finding.AGREES}


def signed_size(scenario: Scenario) -> int:
    """Returns how many leaves the newest checkpoint covers."""
    return int(scenario.regulator.audit.checkpoint().splitlines()[1])


@pytest.mark.parametrize("services", RESTORED, ids="+".join)
def test_what_was_restored_is_named(
    scenario: Scenario, platform: Platform, verify: Verify, services: tuple[str, ...], tmp_path: Path
) -> None:
    """One source, the log alone, all together: named, nothing else is signed, and over once the newest is back.

    Who was erased meanwhile stays erased; with identity alone its register is lost too, and comes from leaves.
    """
    leaver = somebody(scenario, platform)
    refusals, forks = rolled_back(scenario), {each: forked(scenario, each, services[0]) for each in SERVICES}
    at_rest(scenario, services, map(copied, services))
    copied_size = signed_size(scenario)
    live_on(platform)
    erase(scenario, platform, leaver)
    await_true(lambda: not differing(scenario) and signed_size(scenario) > copied_size, SECONDS)
    assert verify()[0] == 0
    require_erased(scenario, platform, leaver)
    restored = chain.from_iterable(exchanged(each, "early", "newest") for each in services)
    lost = (lambda: lose_register(scenario, tmp_path)) if services == ("identity",) else (lambda: None)
    at_rest(scenario, services, restored, lost)
    require_erased(scenario, platform, leaver)
    if "audit" in services:
        await_true(lambda: rolled_back(scenario) > refusals, SECONDS)
        early = signed_size(scenario)
        live_on(platform)
        await_true(lambda: not differing(scenario), SECONDS)
        assert signed_size(scenario) == early
        code, said = verify()
        assert (code, "does not extend what it has signed" in said) == (NOT_PROVEN, True), said
    else:
        [source] = services
        await_true(lambda: differing(scenario) == {source}, SECONDS)
        followers = followers_named()[source]
        await_true(lambda: all(forked(scenario, each, source) > forks[each] for each in followers), SECONDS)
        code, said = verify()
        assert (code, f"{source} differs" in said) == (NOT_PROVEN, True), said
    at_rest(scenario, SERVICES, chain.from_iterable(exchanged(each, "newest", "early") for each in services))
    with scenario.processes.postgres.superuser() as administrator:
        for service in services:
            administrator.execute(f"DROP DATABASE early_{service.replace('-', '_')}".encode())
    await_true(lambda: not differing(scenario), SECONDS)
    live_on(platform)
    assert verify()[0] == 0


def forked(scenario: Scenario, follower: str, source: str) -> int:
    """Counts how often a service has said that a source's feed is not the one that it followed."""
    return len(lines(scenario, follower, event="feed_fork", source=source))


def rolled_back(scenario: Scenario) -> int:
    """Counts how often audit has said that its log does not go on from what it has signed."""
    return len(lines(scenario, "audit", event="log_rolled_back"))
