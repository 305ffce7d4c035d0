"""Second act: money comes in, and only because a bank says so."""

import json
import time
from pathlib import Path
from typing import Any

from ringfence.client import Client
from ringfence.commands.errors import CommandFailed
from ringfence.payments import EvidenceAnswer

from ringfence_local_stack.demo.onboarding import Stage
from ringfence_local_stack.processes.files import private_folder, write_private

_BANK_SECONDS = 20.0
_LOOK_SECONDS = 0.05


def receive(stage: Stage, spool: Path, bank_feed: Client) -> EvidenceAnswer:
    """The simulated bank receives the platform's deposits, as `receive_these` has it."""
    return receive_these(stage, spool, bank_feed, f"DEP-{stage.platform.name}", stage.platform.deposits)


def receive_these(
    stage: Stage, spool: Path, bank_feed: Client, message_id: str, deposits: list[dict[str, str]]
) -> EvidenceAnswer:
    """The simulated bank receives deposits and writes its notification; the bank's principal hands it in."""
    what = {"account_iban": stage.platform.safeguarding_iban, "deposits": deposits}
    ask(spool, message_id, what)
    notification = told(spool, f"{message_id}-deposits-camt054.xml", seconds=_BANK_SECONDS)
    if notification is None:
        raise CommandFailed(f"the simulated bank wrote no notification within {_BANK_SECONDS:g} s")
    return bank_feed.payments.submit_evidence(notification)


def ask(spool: Path, message_id: str, what: dict[str, Any]) -> None:
    """Asks the simulated bank to book or to tell something; the same again changes nothing."""
    request = json.dumps({"message_id": message_id, **what})
    write_private(private_folder(spool / "simulator" / "requests") / f"{message_id}.json", request)


def told(spool: Path, name: str, seconds: float = 0.0) -> bytes | None:
    """The bank's file of that name, wherever payment-instruction has put it since; None where there is none in time."""
    end = time.monotonic() + seconds
    while True:
        for folder in ("inbox", "archive", "refused"):
            for file in (spool / folder).glob(f"*{name}"):
                try:
                    return file.read_bytes()
                except FileNotFoundError:
                    continue
        if time.monotonic() >= end:
            return None
        time.sleep(_LOOK_SECONDS)
