"""From birth a sandbox has two operators, a regulator and a bank feed, told to identity by its bootstrap file."""

import json
from collections.abc import Mapping
from pathlib import Path

from ringfence.identity import PrincipalKind
from ringfence.ids import new_id

from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.sandbox.folders import PrincipalFolder

OPERATORS = ("operator-1", "operator-2")
REGULATOR = "regulator"
BANK_FEED = "bank-feed"
LOG_ORIGIN = "ringfence.local/log"
APPROVAL_LIMITS = "EUR=10000.00,CZK=250000.00"
_BORN = {
    OPERATORS[0]: PrincipalKind.OPERATOR,
    OPERATORS[1]: PrincipalKind.OPERATOR,
    REGULATOR: PrincipalKind.REGULATOR,
    BANK_FEED: PrincipalKind.BANK_FEED,
}


def principals_folder(directory: Path) -> Path:
    """Where the credentials directories of a stack's principals stand."""
    return directory / "sandbox" / "principals"


def spool_folder(directory: Path) -> Path:
    """The folder through which payment-instruction and the simulated bank exchange files."""
    return directory / "sandbox" / "spool"


def prepare(directory: Path) -> Mapping[str, Mapping[str, str]]:
    """Makes the first principals' keys where they are missing; returns the settings that the services need for them."""
    folders = private_folder(principals_folder(directory))
    entries = [_first(folders / name, name, kind).bootstrap_entry for name, kind in _BORN.items()]
    bootstrap = write_private(directory / "sandbox" / "bootstrap.json", f"{json.dumps(entries, indent=2)}\n")
    return {
        "identity": {"RINGFENCE_BOOTSTRAP_PRINCIPALS_FILE": str(bootstrap)},
        "payment-instruction": {
            "RINGFENCE_RAIL_SPOOL_DIRECTORY": str(private_folder(spool_folder(directory))),
            "RINGFENCE_RAIL_POLL_SECONDS": "0.2",
            "RINGFENCE_APPROVAL_LIMITS": APPROVAL_LIMITS,
        },
        "audit": {"RINGFENCE_LOG_ORIGIN": LOG_ORIGIN},
    }


def _first(path: Path, name: str, kind: PrincipalKind) -> PrincipalFolder:
    return PrincipalFolder.open(path) or PrincipalFolder.make(path, name, kind, new_id())
