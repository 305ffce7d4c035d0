"""Second act: money comes in, and only because a bank says so."""

import json
import time
from pathlib import Path

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
    request = {
        "message_id": message_id,
        "account_iban": stage.platform.safeguarding_iban,
        "deposits": deposits,
    }
    write_private(private_folder(spool / "simulator" / "requests") / f"{message_id}.json", json.dumps(request))
    return bank_feed.payments.submit_evidence(_notification(spool, f"{message_id}-deposits-camt054.xml"))


def _notification(spool: Path, name: str) -> bytes:
    """The camt.054 of that name as soon as the bank has written it, wherever payment-instruction has put it since."""
    end = time.monotonic() + _BANK_SECONDS
    while time.monotonic() < end:
        for folder in ("inbox", "archive", "refused"):
            for file in (spool / folder).glob(f"*{name}"):
                try:
                    return file.read_bytes()
                except FileNotFoundError:
                    continue
        time.sleep(_LOOK_SECONDS)
    raise CommandFailed(f"the simulated bank wrote no notification within {_BANK_SECONDS:g} s")
