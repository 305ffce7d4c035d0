"""`ringfence status`: what runs, and whether the audit log keeps up with its sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.terminal import output, show
from ringfence.errors import RingfenceError
from ringfence.transport import Patience

from ringfence_local_stack.sandbox.opening import sandbox

if TYPE_CHECKING:
    from ringfence_local_stack.sandbox.sandbox import Sandbox

_PATIENCE = Patience(call_seconds=5, retry_seconds=2)
_WELL = ("running", "serving")


def status() -> None:
    """Shows the parts of the stack that is up, and how far the log has followed each service."""
    with sandbox(_PATIENCE) as box:
        parts = _parts(box)
        show("Parts", ["part", "state", "address", "pid"], parts)
        try:
            show("Feeds", ["service", "logged", "head", "finding"], _feeds(box), right=["logged", "head"])
        except RingfenceError as error:
            raise CommandFailed(f"the audit log cannot be asked: {error}", ExitCode.UNAVAILABLE) from None
        output.print(f"log key  {box.log_key()}", highlight=False, soft_wrap=True)
    if any(state not in _WELL for _, state, _, _ in parts):
        raise CommandFailed("a part is not well: see above", ExitCode.UNAVAILABLE)


def _parts(box: Sandbox) -> list[list[str]]:
    from ringfence_local_stack.stack.health import is_serving
    from ringfence_local_stack.stack.running import process_started

    probe = box.certificate_files("regulator")
    rows = []
    for part, pid in box.stack.pids.items():
        address = box.stack.listens.get(part, "")
        state = "running" if process_started(pid) else "dead"
        if address and state == "running":
            state = "serving" if is_serving(address, box.stack.workload_ca_file, probe) else "not serving"
        rows.append([part, state, address, str(pid)])
    return rows


def _feeds(box: Sandbox) -> list[list[str]]:
    return [
        [
            each.source,
            str(each.logged_position),
            "" if each.current_position is None else str(each.current_position),
            each.finding.name.lower(),
        ]
        for each in box.regulator.audit.verify_sources()
    ]
