"""Calls that fail, are slow, wait for threads or are shed, each shown by its alert until its cause is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
from ringfence.client import Client
from ringfence.errors import RingfenceError
from ringfence.identity import NewParty, PartyKind
from ringfence.ids import new_id
from ringfence.ledger import NewTransfer, Purpose
from ringfence.transport import Patience
from ringfence_local_stack.scenario import Platform, Scenario
from ringfence_local_stack.scenario.waiting import fresh

from deploy.checks.monitoring.prometheus import Prometheus

from .conftest import CALLS_FAIL, HURRIED, LAG_TRANSFERS, PAYER, like, lines

READERS = 320
"""Of two callers: more than may wait for a process's threads without an alert, and less than it admits of each."""
BEHIND_A_LOCK = (*CALLS_FAIL, "RingfenceFollowerLags", "RingfenceStandingStale")
"""Who has waited for a table for five seconds is refused, and comes again."""
CALLERS = 16
UNHURRIED = Patience(call_seconds=60, retry_seconds=60)
HOW_THEY_FAIL = (
    "sum by (rpc_response_status_code) "
    '(rate(rpc_server_call_duration_seconds_count{service_name="identity", error_type!=""}[1m]))'
)
WHO_WAITS = (
    "histogram_quantile(0.99, sum by (rpc_method, le) "
    '(rate(rpc_server_call_duration_seconds_bucket{service_name="custody", rpc_method=~".+/GetStatement"}[1m])))'
)


def refused(call: Callable[[], object]) -> str:
    """Makes a call that must be refused; returns the reason, or the code where there is none."""
    with pytest.raises(RingfenceError) as refusal:
        call()
    return refusal.value.reason or refusal.value.code


@contextmanager
def locked(scenario: Scenario, table: str) -> Iterator[None]:
    """Has somebody else hold a table of custody's for as long as the block lasts."""
    database = scenario.stack.databases["custody"].name
    with scenario.processes.postgres.superuser(database) as holding, holding.transaction():
        holding.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield


def test_calls_that_fail(scenario: Scenario, platform: Platform, prometheus: Prometheus) -> None:
    """calls-fail: without keys nobody is registered; the query tells how calls fail, the log why, and the seal ends."""
    with like(platform.client, HURRIED) as client:
        client.identity.parties([new_id()])
        scenario.processes.openbao.seal()
        try:

            def fails_again() -> bool:
                newcomer = NewParty(
                    id=new_id(), kind=PartyKind.PERSON, name="Rosa Lindqvist", identity_number=fresh(), country="DE"
                )
                assert refused(lambda: client.identity.register_parties([newcomer])) == "KEYS_UNAVAILABLE"
                return {"RingfenceCallsFailFast", "RingfenceCallsFailSteadily"} <= prometheus.firing()

            prometheus.eventually(fails_again)
            assert set(prometheus.values(HOW_THEY_FAIL, "rpc_response_status_code")) == {"UNAVAILABLE"}
            assert lines(scenario, "identity", event="call", reason="KEYS_UNAVAILABLE")
        finally:
            scenario.processes.openbao.unseal()
    prometheus.await_quiet()


def test_reads_behind_a_lock(scenario: Scenario, platform: Platform, prometheus: Prometheus) -> None:
    """overload, calls-slow: hundreds of reads wait for a table; let go of, all are answered, and have been slow."""
    account = platform.customer(PAYER).account.id

    def read(client: Client) -> int:
        return len(list(client.custody.statement(account)))

    with (
        like(platform.importer, UNHURRIED) as importer,
        like(platform.client, UNHURRIED) as client,
        ThreadPoolExecutor(READERS) as threads,
    ):
        entries = read(importer)
        with locked(scenario, "transfers"):
            reading = [threads.submit(read, each) for each in (importer, client) * (READERS // 2)]
            prometheus.await_firing("RingfenceThreadsWait", beside=BEHIND_A_LOCK)
        assert {each.result() for each in reading} == {entries}
    slow = ("RingfenceCallsSlowFast", "RingfenceCallsSlowSteadily")
    prometheus.await_firing(*slow, beside=["RingfenceThreadsWait", *BEHIND_A_LOCK])
    assert (prometheus.value(WHO_WAITS) or 0) > 0.5
    prometheus.await_quiet()


def test_statements_that_cannot_follow(scenario: Scenario, platform: Platform, prometheus: Prometheus) -> None:
    """overload: behind a table that somebody holds transfers are shed by name; then the same ones are made."""
    mirror, client = platform.bank.mirror.id, platform.customer(PAYER).account.id
    deposits = [
        NewTransfer(
            id=new_id(),
            amount_minor=1,
            currency=platform.currency,
            code=Purpose.DEPOSIT,
            debit_account_id=mirror,
            credit_account_id=client,
            user_data_128=client,
        )
        for _ in range(2 * LAG_TRANSFERS)
    ]
    *first, last = deposits
    with ExitStack() as open_clients, ThreadPoolExecutor(CALLERS) as threads:
        clients = [open_clients.enter_context(like(platform.importer, HURRIED)) for _ in range(CALLERS)]

        def create(client: Client) -> object:
            return client.custody.create_transfers(platform.id, [last])

        with locked(scenario, "transfers"):
            clients[0].custody.create_transfers(platform.id, first)

            def are_shed_again() -> bool:
                said = threads.map(lambda client: refused(lambda: create(client)), clients)
                assert set(said) == {"OVERLOADED"}
                return {"RingfenceOverloaded", "RingfenceStatementsLag"} <= prometheus.firing()

            prometheus.eventually(are_shed_again)
    shed = lines(scenario, "custody", event="call", reason="OVERLOADED")
    assert {line["caller"].rpartition("/")[2] for line in shed} == {str(platform.importer.credentials.principal_id)}
    assert [each.status for each in platform.importer.custody.create_transfers(platform.id, [last])] == ["created"]
    prometheus.await_quiet()


def test_a_table_that_is_not_there(scenario: Scenario, platform: Platform, prometheus: Prometheus) -> None:
    """invariant-broken: a call ends in INTERNAL; its line and the one before it are found, and the table comes back."""
    account = platform.customer(PAYER).account.id
    database = scenario.stack.databases["custody"].name
    with scenario.processes.postgres.superuser(database) as administrator, like(platform.importer, HURRIED) as importer:
        administrator.execute("ALTER TABLE entries RENAME TO entries_away")
        try:
            assert refused(lambda: list(importer.custody.statement(account))) == "INTERNAL"
            prometheus.await_firing("RingfenceDefect", beside=CALLS_FAIL)
            [line] = lines(scenario, "custody", event="call", code="INTERNAL")
            assert line["method"].endswith("GetStatement")
            assert line["trace_id"]
            assert "UndefinedTable" in str(
                lines(scenario, "custody", event="unexpected_error", trace_id=line["trace_id"])
            )
        finally:
            administrator.execute("ALTER TABLE entries_away RENAME TO entries")
            assert list(importer.custody.statement(account))
    prometheus.await_quiet()
