"""From birth a sandbox has two operators, a regulator and a bank feed, told to identity by its bootstrap file.

What an older sandbox has registered without a certificate, its two operators declare at every start.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from ringfence.identity import PrincipalKind
from ringfence.ids import new_id

from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.sandbox.folders import CERTIFICATE, PrincipalFolder
from ringfence_local_stack.stack.running import RunningStack

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
    """Makes the first principals' keys where they are missing; returns the settings that the services need for them.

    The files that are named there are written by `certify`, once certificates can be had.
    """
    _born(directory)
    return {
        "identity": {
            "RINGFENCE_BOOTSTRAP_PRINCIPALS_FILE": str(_bootstrap_file(directory)),
            "RINGFENCE_PIN_STATEMENTS_FILE": str(statements_file(directory)),
        },
        "custody": {"RINGFENCE_DAYS_STEPPED": "true"},
        "payment-instruction": {
            "RINGFENCE_RAIL_SPOOL_DIRECTORY": str(private_folder(spool_folder(directory))),
            "RINGFENCE_RAIL_POLL_SECONDS": "0.2",
            "RINGFENCE_RAIL_CREDENTIALS_DIRECTORY": str(principals_folder(directory) / BANK_FEED),
            "RINGFENCE_APPROVAL_LIMITS": APPROVAL_LIMITS,
        },
        "audit": {"RINGFENCE_LOG_ORIGIN": LOG_ORIGIN},
    }


def certify(stack: RunningStack) -> None:
    """Gives the first principals certificates, where they have none, and writes what identity is to read."""
    born = _born(stack.directory)
    for each in born:
        each.equip(stack)
    entries = [each.bootstrap_entry for each in born]
    write_private(_bootstrap_file(stack.directory), f"{json.dumps(entries, indent=2)}\n")
    declare(stack)


def declare(stack: RunningStack) -> None:
    """Has both operators sign whose certificate is which, for identity's next start."""
    folders = principals_folder(stack.directory)
    known = [
        each for path in folders.iterdir() if (each := PrincipalFolder.open(path)) and (path / CERTIFICATE).exists()
    ]
    pins = {each.principal_id: each.certificate_sha256 for each in known}
    signed = [each.credentials().pin_statement(pins) for each in known if each.name in OPERATORS]
    write_private(statements_file(stack.directory), "".join(f"{each}\n" for each in signed))


def _born(directory: Path) -> list[PrincipalFolder]:
    folders = private_folder(principals_folder(directory))
    return [_first(folders / name, name, kind) for name, kind in _BORN.items()]


def _bootstrap_file(directory: Path) -> Path:
    return directory / "sandbox" / "bootstrap.json"


def statements_file(directory: Path) -> Path:
    """Returns where identity reads whose certificate is which."""
    return directory / "sandbox" / "pin-statements.jwt"


def _first(path: Path, name: str, kind: PrincipalKind) -> PrincipalFolder:
    return PrincipalFolder.open(path) or PrincipalFolder.make(path, name, kind, new_id())
