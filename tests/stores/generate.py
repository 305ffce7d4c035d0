"""Writes a kept store: `python -m tests.stores.generate FOLDER`, run by hand before what is stored changes.

Starts a private stack, lets as much happen in it as can, waits until every reader has caught up, stops the services in
order, and packs each database with the schema that it has now. Folders under `kept/` are named by date; all are tested.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ringfence_audit.migrations import migrations as of_audit
from ringfence_custody.migrations import migrations as of_custody
from ringfence_identity.migrations import migrations as of_identity
from ringfence_kernel.store import Migration
from ringfence_local_stack.sandbox.birth import LOG_ORIGIN
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.sandbox.stacks import empty_stack
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_payment_instruction.migrations import migrations as of_payment_instruction

from tests.stores import authority, banks, keeping, payments, people, postings, registers
from tests.stores.keeping import SERVICES

MIGRATIONS = {
    "identity": of_identity,
    "custody": of_custody,
    "payment-instruction": of_payment_instruction,
    "audit": of_audit,
}
BOOKKEEPING = (
    "CREATE TABLE schema_migrations ("
    "number int PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp());\n"
)
SHORT = {"RINGFENCE_APPROVAL_SECONDS": "25", "RINGFENCE_BANK_REPLY_SECONDS": "5"}
QUIET_SECONDS = 60.0
WRITTEN_WITH_ITS_EVENTS = "projection:tiles"
"""The read model that needs nobody to catch up: its cursor stands at the last event that changed it."""


def main(arguments: Sequence[str]) -> int:
    """Makes the folder that is named."""
    folder = Path(arguments[0])
    folder.mkdir(parents=True)
    with empty_stack(_say, SHORT) as stack:
        with Sandbox(stack.running) as box:
            _live(box)
            key = box.log_key()
        for service in ("payment-instruction", "custody", "identity"):
            _await(stack, service)
            stack.service(service).stop()
        _await(stack, "audit")
        stack.service("audit").stop()
        _keep(stack, folder, key)
    return 0


def _live(box: Sandbox) -> None:
    _say("people")
    platform = people.principals(box)
    people.parties(box, platform)
    authority.standing(box, platform)
    _say("postings")
    postings.postings(box, platform)
    registers.registers(box, platform)
    authority.proposals(box, platform)
    _say("payments")
    stages, followed = payments.payments(box)
    payments.decisions(box, stages)
    _say("what banks tell, and days")
    banks.tellings(box, stages[0])
    banks.days(box, stages[0])
    _say("lists and agreements")
    authority.lists(box, stages[0], stages[1])
    authority.agreements(box, stages[1])
    _say("the regulator")
    payments.regulator(box, followed)
    payments.unfinished(stages)
    authority.unfinished(box, platform)


def _await(stack: LocalStack, service: str) -> None:
    """Waits until all that reads the service's events, and the service itself, has caught up."""
    end = time.monotonic() + QUIET_SECONDS
    while late := _late(stack, service):
        if time.monotonic() > end:
            raise SystemExit(f"{service} does not come to rest: {late}")
        time.sleep(0.2)


def _late(stack: LocalStack, service: str) -> list[str]:
    heads = {each: _one(stack, each, "SELECT position, hash FROM feed_head") for each in SERVICES}
    followed = {f"follower:{each}": heads[each] for each in SERVICES}
    late = []
    for name, *cursor in _all(stack, service, "SELECT name, position, hash FROM cursors"):
        if name != WRITTEN_WITH_ITS_EVENTS and tuple(cursor) != followed.get(name, heads[service]):
            late.append(name)
    with stack.postgres.superuser(_database("audit")) as audit:
        events = list(keeping.events(audit))
    taken = {each.fields["source"]: each.fields["last"] for each in events if "source" in each.fields}
    late += [f"the log of {each}" for each in SERVICES[:3] if taken.get(each) != heads[each][0]]
    # That the sources are passed is no fact of the tree: no checkpoint follows it.
    if [each.topic for each in events if each.topic != "SourcesPassed.v1"][-1] != "CheckpointSigned.v1":
        late.append("checkpoint")
    return late


def _keep(stack: LocalStack, folder: Path, key: str) -> None:
    found: dict[str, Any] = {"commit": _commit(), "log_origin": LOG_ORIGIN, "log_key": key, "checkpoint": ""}
    found["services"] = {}
    for service in SERVICES:
        with stack.postgres.superuser(_database(service)) as connection:
            kept = keeping.description(connection)
            digest = connection.execute("SELECT max(position) FROM state_digests").fetchone()
            assert digest == (kept["position"],), f"{service} has stored no digest of its last state: {digest}"
            keeping.pack(connection, _schema(service), folder / f"{service}.tar.xz")
            found["services"][service] = kept
            if service == "audit":
                found["checkpoint"] = [e for e in keeping.events(connection) if "note" in e.fields][-1].fields["note"]
    (folder / keeping.MANIFEST).write_text(f"{json.dumps(found, indent=2)}\n")


def _schema(service: str) -> str:
    migrations: list[Migration] = sorted(MIGRATIONS[service](), key=lambda each: each.number)
    parts = [f"\n-- {each.number}: {each.name}\n{each.statements.rstrip().rstrip(';')};\n" for each in migrations]
    return BOOKKEEPING + "".join(parts)


def _one(stack: LocalStack, service: str, query: str) -> tuple[Any, ...]:
    (row,) = _all(stack, service, query)
    return row


def _all(stack: LocalStack, service: str, query: str) -> list[tuple[Any, ...]]:
    with stack.postgres.superuser(_database(service)) as connection:
        return connection.execute(query.encode()).fetchall()


def _database(service: str) -> str:
    return service.replace("-", "_")


def _commit() -> str:
    command = ["git", "rev-parse", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent).stdout.strip()


def _say(what: str) -> None:
    print(what, file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
