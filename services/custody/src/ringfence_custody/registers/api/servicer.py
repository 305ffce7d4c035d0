"""RegisterService: map, call one act or query, map back."""

from __future__ import annotations

from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.page_tokens import Question
from ringfence_protos.custody.v1 import registers_pb2 as pb
from ringfence_protos.custody.v1 import registers_pb2_grpc

from ringfence_custody.ledger.api.mapping import book_of
from ringfence_custody.registers.api import mapping
from ringfence_custody.registers.application.acts import Acts
from ringfence_custody.registers.application.queries import Queries
from ringfence_custody.registers.domain.commands import Command

DEFAULT_PAGE = 100
MAX_PAGE = 1_000


class RegisterServicer(registers_pb2_grpc.RegisterServiceServicer):
    """The registers over gRPC."""

    def __init__(self, acts: Acts, queries: Queries) -> None:
        """Serves these."""
        self._acts, self._queries = acts, queries

    async def RegisterBank(self, request: pb.RegisterBankRequest, context: Any) -> pb.RegisterBankResponse:
        """Proposes a bank, or its renewed due diligence."""
        return pb.RegisterBankResponse(proposal_id=await self._propose(mapping.register_bank(request)))

    async def SendLetter(self, request: pb.SendLetterRequest, context: Any) -> pb.SendLetterResponse:
        """Proposes a letter that was sent."""
        command = mapping.send_letter(request, book_of(current_caller(), request.book_id))
        return pb.SendLetterResponse(proposal_id=await self._propose(command))

    async def CountersignLetter(
        self, request: pb.CountersignLetterRequest, context: Any
    ) -> pb.CountersignLetterResponse:
        """Proposes that a bank has countersigned."""
        return pb.CountersignLetterResponse(proposal_id=await self._propose(mapping.countersign_letter(request)))

    async def ExemptMirror(self, request: pb.ExemptMirrorRequest, context: Any) -> pb.ExemptMirrorResponse:
        """Proposes that a mirror needs no letter."""
        command = mapping.exempt_mirror(request, book_of(current_caller(), request.book_id))
        return pb.ExemptMirrorResponse(proposal_id=await self._propose(command))

    async def ReviewLetter(self, request: pb.ReviewLetterRequest, context: Any) -> pb.ReviewLetterResponse:
        """Proposes the review of a letter."""
        return pb.ReviewLetterResponse(proposal_id=await self._propose(mapping.review_letter(request)))

    async def EndLetter(self, request: pb.EndLetterRequest, context: Any) -> pb.EndLetterResponse:
        """Proposes the end of a letter."""
        return pb.EndLetterResponse(proposal_id=await self._propose(mapping.end_letter(request)))

    async def Appoint(self, request: pb.AppointRequest, context: Any) -> pb.AppointResponse:
        """Proposes an agent or a key person."""
        return pb.AppointResponse(proposal_id=await self._propose(mapping.appoint(request)))

    async def EndAppointment(self, request: pb.EndAppointmentRequest, context: Any) -> pb.EndAppointmentResponse:
        """Proposes the end of an appointment."""
        return pb.EndAppointmentResponse(proposal_id=await self._propose(mapping.end_appointment(request)))

    async def ListBanks(self, request: pb.ListBanksRequest, context: Any) -> pb.ListBanksResponse:
        """Returns a page of banks."""
        question = Question(request)
        (place,) = question.place()
        found, more = await self._queries.banks(place, _page_size(request.page_size))
        return pb.ListBanksResponse(banks=map(mapping.bank, found), next_page_token=question.token(more))

    async def ListLetters(self, request: pb.ListLettersRequest, context: Any) -> pb.ListLettersResponse:
        """Returns a page of letters."""
        book_id = mapping.books_of(current_caller(), request.book_id)
        account = bounds.optional_identifier("account_id", request.account_id) or b""
        question = Question(request, book_id=book_id)
        (place,) = question.place()
        found, more = await self._queries.letters(book_id, account, place, _page_size(request.page_size))
        letters = [mapping.letter(letter, bank) for letter, bank in found]
        return pb.ListLettersResponse(letters=letters, next_page_token=question.token(more))

    async def ListMirrors(self, request: pb.ListMirrorsRequest, context: Any) -> pb.ListMirrorsResponse:
        """Returns a page of bank mirrors."""
        book_id = mapping.books_of(current_caller(), request.book_id)
        question = Question(request, book_id=book_id)
        (place,) = question.place()
        found, more = await self._queries.mirrors(
            book_id, request.only_without_letter, place, _page_size(request.page_size)
        )
        mirrors = [mapping.mirror(view, bank) for view, bank in found]
        return pb.ListMirrorsResponse(mirrors=mirrors, next_page_token=question.token(more))

    async def ListAppointments(self, request: pb.ListAppointmentsRequest, context: Any) -> pb.ListAppointmentsResponse:
        """Returns a page of agents and key people."""
        on_day = bounds.number("on_day", request.on_day, minimum=0, maximum=mapping.LAST_DAY)
        question = Question(request)
        (place,) = question.place()
        found, more = await self._queries.appointments(on_day, place, _page_size(request.page_size))
        return pb.ListAppointmentsResponse(
            appointments=map(mapping.appointment, found), next_page_token=question.token(more)
        )

    async def GetConcentration(self, request: pb.GetConcentrationRequest, context: Any) -> pb.GetConcentrationResponse:
        """Returns how a platform's money is spread over banks."""
        found = await self._queries.concentration(book_of(current_caller(), request.book_id))
        return pb.GetConcentrationResponse(shares=map(mapping.share, found))

    async def _propose(self, command: Command) -> bytes:
        return await self._acts.propose(command, current_caller())


def _page_size(asked: int) -> int:
    return bounds.page("page_size", asked, default=DEFAULT_PAGE, maximum=MAX_PAGE)
