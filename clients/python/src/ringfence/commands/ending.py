"""How a command ends that goes wrong: one named line on standard error, and an exit code."""

from __future__ import annotations

import os
from dataclasses import dataclass

from rich.markup import escape
from ringfence_verifier import VerificationError

from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.terminal import notes
from ringfence.errors import RingfenceError, SetupError

_TRACEBACK = "RINGFENCE_TRACEBACK"
"""Set, whoever looks for a fault of the command itself is shown where it is."""


@dataclass(frozen=True)
class Ending:
    """What is said and returned."""

    kind: str
    text: str
    code: int

    def tell(self) -> None:
        """Says it on standard error."""
        notes.print(f"[bold red]{self.kind}[/bold red] {escape(self.text)}", highlight=False, soft_wrap=True)


def of(error: Exception) -> Ending | None:
    """How a command ends that raised this; None where only a traceback says what happened."""
    match error:
        case CommandFailed():
            return Ending("failed", str(error), error.exit_code)
        case VerificationError():
            return Ending("not proven", str(error), ExitCode.FAILED)
        case RingfenceError():
            return _refused(error)
        case SetupError():
            return Ending(error.subject, str(error), ExitCode.ENVIRONMENT)
        case OSError(filename=None):
            return None
        case _ if os.environ.get(_TRACEBACK):
            return None
        case OSError():
            return Ending("environment", f"{error.strerror}: {error.filename}", ExitCode.ENVIRONMENT)
        case _:
            text = f"{type(error).__name__}: {error} ({_TRACEBACK}=1 shows where)"
            return Ending("error", text, ExitCode.FAILED)


def _refused(error: RingfenceError) -> Ending:
    details = " ".join(f"{name}={value}" for name, value in error.metadata.items())
    text = f"{error} {details}".rstrip()
    if error.is_transient:
        return Ending("unavailable", text, ExitCode.UNAVAILABLE)
    return Ending("refused", text, ExitCode.REFUSED)
