"""All four services compared with one another, whatever was done to them: the same after every drill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from ringfence.client import Client
from ringfence.errors import RingfenceError
from ringfence.ledger import Account, Totals, Transfer
from ringfence.payments import Instruction, InstructionStatus
from ringfence_bootstrap.description import SERVICES
from ringfence_local_stack.sandbox.birth import REGULATOR
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_local_stack.stack.running import service_of

from .findings import Finding, Kind
from .logged import Logged, read_log

PAGE = 1_000
VERIFYING_SECONDS = 900
MOVED = frozenset(
    {
        InstructionStatus.SETTLED,
        InstructionStatus.RECONCILED,
        InstructionStatus.RECALL,
        InstructionStatus.RETURNED,
        InstructionStatus.REFUSED,
    }
)
"""Where a payment stands whose money has left the payer's account by a transfer of its own."""


@dataclass(frozen=True)
class Held:
    """What the services have of one platform.

    `parties` are those of its accounts' owners whom identity knows, `transfers` those of its payments that custody
    has, and `logged` is how many transfers of its book are in the log.
    """

    platform: UUID
    accounts: Sequence[Account]
    parties: Collection[UUID]
    payments: Sequence[Instruction]
    transfers: Mapping[UUID, Transfer]
    totals: Totals
    logged: int


def differences(held: Held) -> Iterator[Finding]:
    """Yields what contradicts itself: custody and identity, payment-instruction and custody, custody and audit."""
    for account in held.accounts:
        if account.owner_id not in (None, held.platform) and account.owner_id not in held.parties:
            yield Finding(Kind.LOST, f"account {account.id} is of {account.owner_id}, whom identity does not know")
    moved = [each for each in held.payments if each.state.status in MOVED]
    own = {each.transfer_id for each in moved}
    if len(own) != len(moved):
        yield Finding(Kind.MISCOUNTED, f"{len(moved)} payments share {len(own)} transfers")
    for payment in moved:
        transfer = held.transfers.get(payment.transfer_id) if payment.transfer_id else None
        if transfer is None:
            yield Finding(Kind.LOST, f"the transfer of {payment.state} is not in the ledger")
        elif transfer.amount_minor != payment.order.amount_minor:
            yield Finding(Kind.ALTERED, f"{payment.state} moved {transfer.amount_minor}, not as ordered")
    if not all(held.totals.balanced_currencies().values()):
        yield Finding(Kind.UNBALANCED, f"debits and credits of {held.platform}: {held.totals}")
    if held.totals.transfers != held.logged:
        text = f"{held.totals.transfers} transfers of {held.platform} in the ledger, {held.logged} in the log"
        yield Finding(Kind.MISCOUNTED, text)


def disagreements(sandbox: Sandbox, log: Logged | None = None) -> list[str]:
    """Returns what the four services, asked when nobody writes any more, do not agree in, and what the command that
    verifies the log says against it.
    """
    log = log or read_log(sandbox.regulator, sandbox.log_key())
    operator = _somebody_active(sandbox)
    found = list(log.findings)
    for platform in log.platforms:
        found += differences(_held(operator, platform, log.transfers[platform]))
    code, said = verify_log_command(sandbox)
    return [*map(str, found), *([f"ringfence verify log ended with {code}: {said}"] if code else [])]


def verify_log_command(sandbox: Sandbox) -> tuple[int, str]:
    """Runs `ringfence verify log` as the regulator; returns how it ended and what it said, in one line."""
    folder, stack = str(sandbox.folder_of(REGULATOR)), sandbox.stack
    variables = {f"RINGFENCE_{name.upper().replace('-', '_')}_ADDRESS": each for name, each in stack.addresses.items()}
    command = [str(Path(sys.executable).with_name("ringfence")), "verify", "log", "--as", folder]
    done = subprocess.run(
        [*command, "--key", sandbox.log_key()],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=VERIFYING_SECONDS,
    )
    return done.returncode, " ".join(f"{done.stdout} {done.stderr}".split())


def rebuilt(stack: LocalStack) -> list[str]:
    """Stops all services, which stores digests of their last states; returns what rebuilds from events find."""
    for name, part in stack.parts.items():
        if service_of(name) in SERVICES:
            part.stop()
    services = [each for each in SERVICES if each in stack.parts]
    with ThreadPoolExecutor(max_workers=2) as two:
        reports = two.map(lambda each: _rebuild(stack, each), services)
        return [
            f"rebuild of {service} finds differences: {report['differences']}"
            for service, report in zip(services, reports, strict=True)
            if not report["same"]
        ]


def _rebuild(stack: LocalStack, service: str) -> dict[str, object]:
    """Verifies the chain of events, and the state and read models built from it."""
    command = [sys.executable, "-m", f"ringfence_{service.replace('-', '_')}", "rebuild", "--verify"]
    environment = stack.running.environment(service)
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=VERIFYING_SECONDS
    )
    with suppress(IndexError, ValueError):
        report: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
        return report
    return {"same": False, "differences": done.stderr[-2_000:]}


def _somebody_active(sandbox: Sandbox) -> Client:
    """Returns an operator who is not suspended: whoever stole the other's key may have seen to that."""
    first, second = sandbox.operators
    try:
        first.payments.sanctions_lists()
    except RingfenceError:
        return second
    return first


def _held(operator: Client, platform: UUID, logged: int) -> Held:
    accounts = list(operator.custody.list_accounts(platform))
    owners = list({each.owner_id for each in accounts if each.owner_id})
    payments = list(operator.payments.list_instructions(platform))
    ids = [each.transfer_id for each in payments if each.transfer_id]
    return Held(
        platform=platform,
        accounts=accounts,
        parties={each.id for page in _pages(owners) for each in operator.identity.parties(page, platform)},
        payments=payments,
        transfers={each.id: each for page in _pages(ids) for each in operator.custody.transfers(page, platform)},
        totals=operator.custody.totals(platform),
        logged=logged,
    )


def _pages(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    return (ids[at : at + PAGE] for at in range(0, len(ids), PAGE))
