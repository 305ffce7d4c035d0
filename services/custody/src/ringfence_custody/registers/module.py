"""The registers, wired."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.service import Servicer
from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.writing.writer import GroupWriter
from ringfence_protos.custody.v1 import registers_pb2_grpc

from ringfence_custody.ledger.application.state import State as Books
from ringfence_custody.registers.api.servicer import RegisterServicer
from ringfence_custody.registers.application.acts import Acts
from ringfence_custody.registers.application.measures import gauge
from ringfence_custody.registers.application.queries import Queries
from ringfence_custody.registers.domain.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistersModule:
    """What the module offers to callers, and to its siblings."""

    acts: Acts
    queries: Queries
    servicer: RegisterServicer

    @classmethod
    def build(cls, writer: GroupWriter, state: State, books: Books, proposals: Proposals) -> RegistersModule:
        """Wires the module."""
        acts, queries = Acts(writer, state, books, proposals), Queries(writer, state, books)
        proposals.register(acts.effects())
        return cls(acts=acts, queries=queries, servicer=RegisterServicer(acts, queries))

    def served(self) -> Servicer:
        """Returns the service over gRPC."""
        add = registers_pb2_grpc.add_RegisterServiceServicer_to_server
        return Servicer(add, self.servicer, "ringfence.custody.v1.RegisterService")

    def gauge(self, gauges: Gauges, leadership: Leadership) -> None:
        """Has the registers measured by telemetry, in the process that leads."""
        gauge(self.queries, gauges, leadership)
