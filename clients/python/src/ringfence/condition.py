"""How the processes of the services are, as each of them says."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from enum import StrEnum

import grpc
from ringfence_protos.common.v1 import condition_pb2 as pb
from ringfence_protos.common.v1 import condition_pb2_grpc

from ringfence.credentials import Addresses, Credentials
from ringfence.errors import RingfenceError
from ringfence.tokens import TokenSource
from ringfence.transport import Connection, Patience, open_channel

SECONDS = 2.0
"""How long one process is waited for."""


class ProcessState(StrEnum):
    """How a process answers: NOT_TOLD where it does, and says no more to the caller."""

    LEADS = "LEADS"
    STANDS_BY = "STANDS_BY"
    SILENT = "SILENT"
    NOT_TOLD = "NOT_TOLD"


@dataclass(frozen=True)
class Reading:
    """A figure that a process shows of itself (docs/telemetry.md); `of` is what it is of, empty for the process."""

    name: str
    unit: str
    of: str
    value: float


@dataclass(frozen=True)
class ProcessCondition:
    """How one process is; `checks` are by name what is wrong, empty where nothing is."""

    service: str
    address: str
    state: ProcessState
    checks: Mapping[str, str] = field(default_factory=dict)
    readings: tuple[Reading, ...] = ()


class Conditions:
    """Asks every process at its own address, whether it leads or stands by."""

    def __init__(self, addresses: Addresses, credentials: Credentials, tokens: TokenSource) -> None:
        self._credentials = credentials
        self._connection = Connection(tokens, Patience(call_seconds=SECONDS, retry_seconds=0))
        self._where = [
            (name.replace("_", "-"), address.strip())
            for name, listed in asdict(addresses).items()
            for address in listed.split(",")
        ]

    def all(self) -> list[ProcessCondition]:
        """How all are, each asked for at most some seconds, as an operator."""
        with ThreadPoolExecutor(len(self._where)) as threads:
            return list(threads.map(lambda each: self._asked(*each), self._where))

    def _asked(self, service: str, address: str) -> ProcessCondition:
        channel = open_channel(address, service, self._credentials)
        try:
            stub = condition_pb2_grpc.ConditionServiceStub(channel)
            return _read(service, address, self._connection.call(stub.GetCondition, pb.GetConditionRequest()))
        except RingfenceError as refusal:
            state = ProcessState.SILENT if refusal.is_transient else ProcessState.NOT_TOLD
            return ProcessCondition(service, address, state)
        except grpc.RpcError:
            return ProcessCondition(service, address, ProcessState.SILENT)
        finally:
            channel.close()


def _read(service: str, address: str, read: pb.GetConditionResponse) -> ProcessCondition:
    return ProcessCondition(
        service,
        address,
        ProcessState.LEADS if read.leads else ProcessState.STANDS_BY,
        {each.name: each.problem for each in read.checks},
        tuple(Reading(each.name, each.unit, each.attributes, each.value) for each in read.readings),
    )
