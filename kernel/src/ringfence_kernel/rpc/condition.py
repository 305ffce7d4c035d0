"""How this process is: what its health rests on, and the figures that telemetry shows of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ringfence_protos.common.v1 import condition_pb2 as pb
from ringfence_protos.common.v1 import condition_pb2_grpc

from ringfence_kernel.rpc.health import Health
from ringfence_kernel.rpc.server import Servicer
from ringfence_kernel.telemetry.gauges import Gauges

NAME = "ringfence.common.v1.ConditionService"
MOST_READINGS = 1_000


@dataclass(frozen=True, slots=True)
class ConditionServicer(condition_pb2_grpc.ConditionServiceServicer):
    """Answers from what was looked at within the last seconds: nothing is asked of anybody else."""

    health: Health
    gauges: Gauges
    leads: Callable[[], bool]

    async def GetCondition(self, request: pb.GetConditionRequest, context: Any) -> pb.GetConditionResponse:
        """Returns how this process is."""
        return pb.GetConditionResponse(
            leads=self.leads(),
            checks=[pb.ConditionCheck(name=name, problem=problem) for name, problem in self.health.checked()],
            readings=[
                pb.ConditionReading(name=each.name, unit=each.unit, attributes=each.attributes, value=each.value)
                for each in (await self.gauges.readings())[:MOST_READINGS]
            ],
        )

    def served(self) -> Servicer:
        """Returns it as a service serves it, by its leader and by those that stand by."""
        return Servicer(condition_pb2_grpc.add_ConditionServiceServicer_to_server, self, NAME, by_standby=True)
