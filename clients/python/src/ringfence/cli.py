"""The `ringfence` command."""

from __future__ import annotations

import atexit
import gc
import signal
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from ringfence.commands.on_demand import Subcommands, group, local, plain, tabled

SUBCOMMANDS = {
    "up": local,
    "demo": local,
    "keys": local,
    "replay": local,
    "pay": tabled("pay"),
    "watch": plain("watch"),
    "waiting": tabled("decide", "waiting"),
    "approve": tabled("decide", "approve"),
    "reject": tabled("decide", "reject"),
    "cancel": tabled("decide", "cancel"),
    "revoke": tabled("decide", "revoke"),
    "release": tabled("lists", "release"),
    "proposals": tabled("propose", "proposals"),
    "confirm": tabled("propose", "confirm"),
    "refuse": tabled("propose", "refuse"),
    "withdraw": tabled("propose", "withdraw"),
    "pin": tabled("pin"),
    "declare": tabled("pin", "declare"),
    "renew": tabled("pin", "renew"),
    "accounts": tabled("accounts"),
    "account": group("book", "account"),
    "statement": tabled("statement"),
    "transfers": tabled("book", "transfers"),
    "calendar": group("calendar"),
    "limits": group("limits"),
    "fee": group("flows", "fee"),
    "suspense": group("flows", "suspense"),
    "own-money": group("flows", "own_money"),
    "guarantee": group("flows", "guarantee"),
    "shortfall": group("flows", "shortfall"),
    "parties": group("clients", "parties"),
    "ibans": group("clients", "ibans"),
    "principals": group("principals"),
    "credentials": group("credentials"),
    "lists": group("lists"),
    "answers": group("answers"),
    "freeze": group("authority", "freeze"),
    "migration": group("authority", "migration"),
    "rules": group("authority", "rules"),
    "safeguarding": group("safeguarding"),
    "day": group("safeguarding", "day"),
    "report": plain("report"),
    "registers": group("registers"),
    "statements": group("telling", "statements"),
    "exceptions": group("telling", "exceptions"),
    "match": group("reconciling", "match"),
    "breaks": group("reconciling", "breaks"),
    "evidence": tabled("facts", "evidence"),
    "balance": tabled("balance"),
    "search": tabled("finding", "search"),
    "disclose": tabled("finding", "disclose"),
    "access": tabled("access"),
    "answer": tabled("complete", "answer"),
    "trace": tabled("tracing", "trace"),
    "about": tabled("tracing", "about"),
    "receipt": plain("facts", "receipt"),
    "checkpoint": plain("facts", "checkpoint"),
    "console": plain("console"),
    "parts": tabled("parts"),
    "dossier": plain("dossier"),
    "verify": group("verify", "app"),
    "rebuild": local,
    "status": local,
}
"""What makes each subcommand, in the order of the help."""


class _Ringfence(TyperGroup):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.commands = Subcommands(SUBCOMMANDS)


app = typer.Typer(
    name="ringfence",
    cls=_Ringfence,
    help="Ringfence keeps client money apart: run it, pay with it, and prove what happened.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _all() -> None:
    """Typer makes a group of what has one."""


def main() -> None:
    """Runs the command; whatever goes wrong ends in one named line on standard error and an exit code."""
    # A shell that starts a command in the background has it ignore Ctrl-C, and with it a stack could not be stopped.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Else the interpreter, as it ends, looks for garbage in all that was imported.
    atexit.register(gc.freeze)
    try:
        app()
    except Exception as error:
        # What names failures is imported when there is one.
        ending = import_module("ringfence.commands.ending").of(error)
        if ending is None:
            raise
        ending.tell()
        sys.exit(ending.code)
