"""`python -m bench`: starts a private platform, measures it beside the controls, prints a table and one JSON line."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass

import psycopg
from rich.console import Console
from rich.table import Table
from ringfence.local.stack import LocalStack
from ringfence.sandbox.sandbox import Sandbox
from ringfence.sandbox.stacks import empty_stack

from bench.controls import copy_rows_per_second, single_commits_per_second
from bench.custody import CustodyLoad
from bench.instructions import InstructionLoad
from bench.load import Seen, closed_loop

CALLERS = {1: 64, 100: 8, 1_000: 4, 8_190: 2}
REQUESTS = {1: 200, 100: 40, 1_000: 10, 8_190: 2}
CONTROL_DATABASE = "control"
SETTLE_SECONDS = 300.0


@dataclass(frozen=True)
class Row:
    """A line of the result; rates in rows per second, latencies of one call in milliseconds."""

    name: str
    per_request: int
    callers: int
    per_second: float
    p50_ms: float
    p99_ms: float
    control: str
    control_per_second: float
    ratio: float


def row(name: str, per_request: int, callers: int, seen: Seen, control: str, control_per_second: float) -> Row:
    """Returns the line for what was seen."""
    return Row(
        name=name,
        per_request=per_request,
        callers=callers,
        per_second=round(seen.per_second, 1),
        p50_ms=round(seen.quantile_ms(0.5), 2),
        p99_ms=round(seen.quantile_ms(0.99), 2),
        control=control,
        control_per_second=round(control_per_second, 1),
        ratio=round(seen.per_second / control_per_second, 3),
    )


def measure(stack: LocalStack, seconds: float, out: Console) -> list[Row]:
    """Measures every size, each right after its control."""
    conninfo = control_database(stack)
    rows = []
    with Sandbox(stack.running) as sandbox:
        out.print("preparing 10,000 accounts and the clients of a wallet")
        custody, instructions = CustodyLoad(sandbox), InstructionLoad(sandbox)
        for per_request, callers in CALLERS.items():
            settle(sandbox, custody)
            control, rate = run_control(conninfo, per_request, seconds)
            seen = asyncio.run(custody_load(custody, per_request, callers, seconds))
            rows.append(row("custody", per_request, callers, seen, control, rate))
            out.print(f"custody {per_request}: {rows[-1].per_second:,.0f}/s, {control}: {rate:,.0f}/s")
        for per_request, requests in REQUESTS.items():
            settle(sandbox, custody)
            control, rate = run_control(conninfo, per_request, seconds)
            seen = instructions.settle(per_request, requests)
            rows.append(row("instructions", per_request, 1, seen, control, rate))
            out.print(f"instructions {per_request}: {rows[-1].per_second:,.0f}/s settled, {control}: {rate:,.0f}/s")
    return rows


def settle(sandbox: Sandbox, custody: CustodyLoad) -> None:
    """Waits until statements and the audit log have caught up, so that no size pays for the one before it."""
    end = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < end:
        compared = sandbox.regulator.audit.verify_sources()
        if all(each.logged_position == each.current_position for each in compared) and custody.statements_caught_up():
            return
        time.sleep(0.5)
    raise RuntimeError("statements or the log do not catch up")


async def custody_load(load: CustodyLoad, per_request: int, callers: int, seconds: float) -> Seen:
    """Creates transfers for a while, after a short warm-up."""
    await load.open()
    try:
        await closed_loop(lambda caller: load.create(per_request), callers, min(1.0, seconds))
        return await closed_loop(lambda caller: load.create(per_request), callers, seconds)
    finally:
        await load.close()


def run_control(conninfo: str, per_request: int, seconds: float) -> tuple[str, float]:
    """Returns the control for a size and its rows per second."""
    if per_request == 1:
        return "single_commit", single_commits_per_second(conninfo, seconds)
    return "copy", copy_rows_per_second(conninfo, per_request, seconds)


def control_database(stack: LocalStack) -> str:
    """Makes a database for the controls on the server of the stack; returns how to connect to it."""
    with stack.postgres.superuser() as connection:
        connection.execute(f"CREATE DATABASE {CONTROL_DATABASE}".encode())
        return psycopg.conninfo.make_conninfo(
            connection.info.dsn, dbname=CONTROL_DATABASE, password=connection.info.password
        )


def show(rows: list[Row], out: Console) -> None:
    """Prints the table."""
    table = Table(title="rows per second, on this machine, with its controls")
    for column in ("name", "per request", "callers", "per second", "p50 ms", "p99 ms", "control", "control/s", "ratio"):
        table.add_column(column, justify="left" if column in ("name", "control") else "right")
    for each in rows:
        values = asdict(each)
        table.add_row(*(f"{value:,}" if isinstance(value, int | float) else value for value in values.values()))
    out.print(table)


def main() -> None:
    """Runs the benchmark; the last line on standard output is the JSON."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each measurement")
    arguments = parser.parse_args()
    out = Console(stderr=True, width=None if sys.stderr.isatty() else 120)
    with empty_stack(lambda what: out.print(what)) as stack:
        rows = measure(stack, arguments.seconds, out)
    show(rows, out)
    print(json.dumps({"rows": [asdict(each) for each in rows]}))


if __name__ == "__main__":
    main()
