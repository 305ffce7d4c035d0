"""The `ringfence` command."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys

import typer
from rich.markup import escape
from ringfence_verifier import VerificationError

from ringfence.commands import (
    access,
    accounts,
    answers,
    authority,
    balance,
    book,
    calendar,
    clients,
    complete,
    console,
    credentials,
    decide,
    dossier,
    facts,
    finding,
    flows,
    limits,
    lists,
    local,
    parts,
    pay,
    pin,
    principals,
    propose,
    reconciling,
    registers,
    report,
    safeguarding,
    statement,
    telling,
    tracing,
    verify,
    watch,
)
from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.terminal import Tabled, notes
from ringfence.errors import RingfenceError, SetupError

_TRACEBACK = "RINGFENCE_TRACEBACK"

app = typer.Typer(
    name="ringfence",
    help="Ringfence keeps client money apart: run it, pay with it, and prove what happened.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
local.add_commands(app, "up", "demo", "keys", "replay")
tabled = app.command(cls=Tabled)
tabled(pay.pay)
app.command()(watch.watch)
tabled(decide.waiting)
tabled(decide.approve)
tabled(decide.reject)
tabled(decide.cancel)
tabled(decide.revoke)
tabled(lists.release)
tabled(propose.proposals)
tabled(propose.confirm)
tabled(propose.refuse)
tabled(propose.withdraw)
tabled(pin.pin)
tabled(pin.declare)
tabled(pin.renew)
tabled(accounts.accounts)
app.add_typer(book.account, name="account")
tabled(statement.statement)
tabled(book.transfers)
app.add_typer(calendar.calendar, name="calendar")
app.add_typer(limits.limits, name="limits")
flows.add_to(app)
app.add_typer(clients.parties, name="parties")
app.add_typer(clients.ibans, name="ibans")
app.add_typer(principals.principals, name="principals")
app.add_typer(credentials.credentials, name="credentials")
app.add_typer(lists.lists, name="lists")
app.add_typer(answers.answers, name="answers")
app.add_typer(authority.freeze, name="freeze")
app.add_typer(authority.migration, name="migration")
app.add_typer(authority.rules, name="rules")
app.add_typer(safeguarding.safeguarding, name="safeguarding")
app.add_typer(safeguarding.day, name="day")
app.command()(report.report)
app.add_typer(registers.registers, name="registers")
app.add_typer(telling.statements, name="statements")
app.add_typer(telling.exceptions, name="exceptions")
app.add_typer(reconciling.match, name="match")
app.add_typer(reconciling.breaks, name="breaks")
tabled(facts.evidence)
tabled(balance.balance)
tabled(finding.search)
tabled(finding.disclose)
tabled(access.access)
tabled(complete.answer)
tabled(tracing.trace)
tabled(tracing.about)
app.command()(facts.receipt)
app.command()(facts.checkpoint)
app.command()(console.console)
tabled(parts.parts)
app.command()(dossier.dossier)
app.add_typer(verify.app, name="verify")
local.add_commands(app, "rebuild", "status")


def main() -> None:
    """Runs the command; whatever goes wrong ends in one named line on standard error and an exit code."""
    # A shell that starts a command in the background has it ignore Ctrl-C, and with it a stack could not be stopped.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Else the interpreter, as it ends, looks for garbage in all that was imported.
    atexit.register(gc.freeze)
    try:
        app()
    except CommandFailed as error:
        _end("failed", str(error), error.exit_code)
    except VerificationError as error:
        _end("not proven", str(error), ExitCode.FAILED)
    except RingfenceError as error:
        _end("unavailable" if error.is_transient else "refused", _told(error), _code(error))
    except SetupError as error:
        _end(error.subject, str(error), ExitCode.ENVIRONMENT)
    except OSError as error:
        if error.filename is None or os.environ.get(_TRACEBACK):
            raise
        _end("environment", f"{error.strerror}: {error.filename}", ExitCode.ENVIRONMENT)
    except Exception as error:
        if os.environ.get(_TRACEBACK):
            raise
        _end("error", f"{type(error).__name__}: {error} ({_TRACEBACK}=1 shows where)", ExitCode.FAILED)


def _told(error: RingfenceError) -> str:
    details = " ".join(f"{name}={value}" for name, value in error.metadata.items())
    return f"{error} {details}".rstrip()


def _code(error: RingfenceError) -> ExitCode:
    return ExitCode.UNAVAILABLE if error.is_transient else ExitCode.REFUSED


def _end(kind: str, text: str, code: int) -> None:
    notes.print(f"[bold red]{kind}[/bold red] {escape(text)}", highlight=False, soft_wrap=True)
    sys.exit(code)
