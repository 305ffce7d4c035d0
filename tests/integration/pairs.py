"""Two processes of a service, and what their health says of who leads."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ringfence.client import Client
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.servers.certificates import CertificateFiles
from ringfence_local_stack.stack.health import is_serving
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_local_stack.stack.running import STANDBY, service_of

from .conftest import PATIENCE
from .posting import IMPATIENT, Ring

FEED = "ringfence.common.v1.FeedService"
CONDITION = "ringfence.common.v1.ConditionService"
"""Tells how a process is, whether it leads or not."""
LED = {
    "identity": ("ringfence.identity.v1.TokenService", "ringfence.identity.v1.PartyService"),
    "custody": ("ringfence.custody.v1.CustodyService",),
    "payment-instruction": ("ringfence.payment_instruction.v1.PaymentInstructionService",),
    "audit": ("ringfence.audit.v1.AuditService",),
}
"""What only the leader of each service answers."""


@dataclass(frozen=True)
class Pair:
    """Both processes of one service."""

    stack: LocalStack
    probe: CertificateFiles
    service: str

    @property
    def parts(self) -> tuple[str, str]:
        """What the stack calls them."""
        return self.service, f"{self.service}{STANDBY}"

    def says_serving(self, part: str, service: str = "") -> bool:
        """Tells what one process says of a gRPC service, or of itself."""
        running = self.stack.running
        return is_serving(running.listens[part], running.workload_ca_file, self.probe, service)

    def leads(self, part: str) -> bool:
        """Tells whether a process says that it leads."""
        return self.says_serving(part, LED[self.service][0])

    def await_leader(self) -> str:
        """Returns the process that leads, having seen that it is one only."""
        (leader,) = await_true(lambda: [part for part in self.parts if self.leads(part)])
        return leader

    def roles(self) -> tuple[str, str]:
        """Returns leader and standby, having seen that exactly one leads and that both are well."""
        leader = self.await_leader()
        (standby,) = (part for part in self.parts if part != leader)
        assert all(self.says_serving(part) and self.says_serving(part, FEED) for part in self.parts)
        assert not any(self.says_serving(standby, led) for led in LED[self.service])
        return leader, standby

    def sandbox(self) -> Sandbox:
        """Returns the sandbox whose clients know, of this service, the process that leads now."""
        running = self.stack.running
        others = {part: address for part, address in running.listens.items() if service_of(part) != self.service}
        listens = {**others, self.service: running.listens[self.await_leader()]}
        return Sandbox(replace(running, listens=listens), PATIENCE)

    def clients(self, ring: Ring) -> list[Client]:
        """Returns the importer as a client of each process of custody, one that gives up at once."""
        credentials = ring.importer.credentials
        assert credentials.addresses is not None
        return [
            Client(replace(credentials.addresses, custody=self.stack.running.listens[part]), credentials, IMPATIENT)
            for part in self.parts
        ]


def await_true(look: Callable[[], list[str]], seconds: float = 20.0) -> list[str]:
    """Returns what is seen as soon as there is something."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return seen
