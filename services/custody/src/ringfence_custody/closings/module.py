"""The closings, wired."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.rpc.server import Servicer
from ringfence_kernel.writing.writer import GroupWriter, Unit
from ringfence_protos.custody.v1 import closings_pb2_grpc

from ringfence_custody.closings.adapters.ledger_books import LedgerBooks
from ringfence_custody.closings.api.servicer import ClosingServicer
from ringfence_custody.closings.application.closing import Closing
from ringfence_custody.closings.domain.state import State
from ringfence_custody.ledger.application.recording import seal
from ringfence_custody.ledger.application.state import State as LedgerState


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingsModule:
    """What the module offers: what happens when a day opens, and its servicer."""

    closing: Closing
    servicer: Servicer

    @classmethod
    def build(cls, writer: GroupWriter, state: State, ledger: LedgerState) -> ClosingsModule:
        """Wires the module."""

        def sealing(unit: Unit, book: bytes) -> None:
            if book in ledger.books:
                seal(unit, book, ledger.books[book])

        closing = Closing(writer, state, LedgerBooks(lambda: ledger.books, lambda: writer.is_stale), sealing)
        add = closings_pb2_grpc.add_ClosingServiceServicer_to_server
        servicer = Servicer(add, ClosingServicer(closing), "ringfence.custody.v1.ClosingService")
        return cls(closing=closing, servicer=servicer)
