"""A process begins with what its verb needs: what costs much and is not needed is not imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

IN_WORKSHOPS_ALONE = ("psutil", "pygments", "rich")
"""What images do not have, and libraries take up."""
ON_DEMAND = ("PIL", "babel", "jinja2", "reportlab", "starlette", "uvicorn")
"""Of documents and pages."""
OF_SERVING = ("google", "grpc", "hvac", "jwt", "nats", "numpy", "opentelemetry.sdk", "requests")
SERVICES = ("audit", "custody", "identity", "payment-instruction")
_BEGIN = "import sys; from ringfence_kernel.starting import start\ntry: start({service!r}, [{verb!r}, {option!r}])\n"
_TELL = "except SystemExit: print(*(name for name, module in sys.modules.items() if module), file=sys.stderr)"


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("verb", "unneeded"),
    [("migrate", IN_WORKSHOPS_ALONE + ON_DEMAND + OF_SERVING), ("serve", IN_WORKSHOPS_ALONE + ON_DEMAND)],
)
def test_a_service_begins_with_what_its_verb_needs(service: str, verb: str, unneeded: tuple[str, ...]) -> None:
    """Neither a migration nor a service imports what costs much and is for others, or for later."""
    code = (_BEGIN + _TELL).format(service=service, verb=verb, option="--help")
    begun = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(begun.stderr.split())
    assert f"ringfence_{service.replace('-', '_')}.{'migrations' if verb == 'migrate' else 'bootstrap'}" in modules
    assert [each for each in unneeded if each in modules] == []


def test_a_command_begins_with_what_it_needs() -> None:
    """A payment waits for nothing that proves, draws pages, or talks to other services than it calls."""
    code = (
        "import sys; from ringfence.cli import main; sys.argv = ['ringfence', 'pay', '--help']\ntry: main()\n" + _TELL
    )
    begun = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(begun.stderr.split())
    assert "ringfence.commands.pay" in modules
    of_others = (
        "ringfence.audit",
        "ringfence.custody",
        "ringfence_console",
        "ringfence_protos.audit",
        "ringfence_verifier",
    )
    assert [each for each in (*ON_DEMAND, *of_others, "numpy", "ringfence_local_stack") if each in modules] == []
