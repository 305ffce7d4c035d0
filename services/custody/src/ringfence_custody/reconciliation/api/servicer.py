"""ReconciliationService: map, call one command or query, map back."""

from __future__ import annotations

from typing import Any

from ringfence_kernel.access.caller import Caller, current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.page_tokens import Question
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import ID_BYTES
from ringfence_protos.custody.v1 import reconciliation_pb2 as pb
from ringfence_protos.custody.v1 import reconciliation_pb2_grpc

from ringfence_custody.ledger.domain.errors import BookNotFound
from ringfence_custody.reconciliation.api import mapping
from ringfence_custody.reconciliation.application.correcting import Corrections
from ringfence_custody.reconciliation.application.deciding import Deciding
from ringfence_custody.reconciliation.application.queries import Queries
from ringfence_custody.reconciliation.domain.breaks import Break
from ringfence_custody.reconciliation.domain.lines import id_of

DEFAULT_PAGE = 100
MAX_PAGE = 1_000
ID_WORDS, PAIR_WORDS = 3, 7
PAIR_BYTES = 3 * ID_BYTES
LAST_DAY = 2**31 - 1


class ReconciliationServicer(reconciliation_pb2_grpc.ReconciliationServiceServicer):
    """Reconciliation over gRPC; a platform sees its own book."""

    def __init__(self, queries: Queries, deciding: Deciding, corrections: Corrections) -> None:
        """Serves these."""
        self._queries = queries
        self._deciding = deciding
        self._corrections = corrections

    async def GetReconciliation(
        self, request: pb.GetReconciliationRequest, context: Any
    ) -> pb.GetReconciliationResponse:
        """Returns how a mirror and a day stand."""
        day = bounds.number("day", request.day, minimum=0, maximum=LAST_DAY)
        return mapping.day_view(await self._queries.standing(*_mirror(request), day))

    async def ListOpenLines(self, request: pb.ListOpenLinesRequest, context: Any) -> pb.ListOpenLinesResponse:
        """Returns a page of open lines."""
        if request.side not in (pb.BREAK_SIDE_BANK, pb.BREAK_SIDE_BOOKS):
            raise InvalidArgument("side must be BANK or BOOKS", field="side")
        book, mirror = _mirror(request)
        question, limit = Question(request, integers=ID_WORDS, book_id=book), _page_size(request)
        after = mapping.place_of(question.place(), ID_BYTES)
        found = await self._queries.lines(book, mirror, request.side == pb.BREAK_SIDE_BANK, after, limit)
        more = len(found) > limit
        return pb.ListOpenLinesResponse(
            lines=[mapping.open_line(row) for row in found[:limit]],
            next_page_token=_token(question, id_of(found[limit - 1]["id"]) if more else bytes(ID_BYTES)),
        )

    async def ListMatches(self, request: pb.ListMatchesRequest, context: Any) -> pb.ListMatchesResponse:
        """Returns a page of a day's matches."""
        book, mirror = _mirror(request)
        question, limit = Question(request, integers=PAIR_WORDS, book_id=book), _page_size(request)
        after = mapping.place_of(question.place(), PAIR_BYTES)
        found = await self._queries.matched(book, mirror, request.day, after, limit)
        last = found[limit - 1] if len(found) > limit else None
        place = last.match + last.movement + last.transfer if last else bytes(PAIR_BYTES)
        return pb.ListMatchesResponse(
            pairs=map(mapping.matched_pair, found[:limit]), next_page_token=_token(question, place)
        )

    async def ListSuggestions(self, request: pb.ListSuggestionsRequest, context: Any) -> pb.ListSuggestionsResponse:
        """Returns all suggestions of a mirror."""
        found = await self._queries.suggestions(*_mirror(request))
        return pb.ListSuggestionsResponse(suggestions=[mapping.suggestion(*each) for each in found])

    async def SuggestMatches(self, request: pb.SuggestMatchesRequest, context: Any) -> pb.SuggestMatchesResponse:
        """Takes in candidates by text."""
        chosen, scores = mapping.pairs(request.pairs), mapping.scores(request.pairs)
        return pb.SuggestMatchesResponse(suggested=await self._deciding.suggest(*_mirror(request), chosen, scores))

    async def DecideSuggestion(self, request: pb.DecideSuggestionRequest, context: Any) -> pb.DecideSuggestionResponse:
        """Confirms or refuses a suggestion."""
        suggestion, note = bounds.identifier("suggestion_id", request.suggestion_id), mapping.note(request.note)
        by = current_caller().subject
        await self._deciding.decide(*_mirror(request), suggestion, request.confirmed, by, note)
        return pb.DecideSuggestionResponse()

    async def MatchLines(self, request: pb.MatchLinesRequest, context: Any) -> pb.MatchLinesResponse:
        """Matches lines by a person's decision."""
        chosen = mapping.pairs(request.pairs)
        await self._deciding.match(*_mirror(request), chosen, current_caller().subject)
        return pb.MatchLinesResponse()

    async def UndoMatch(self, request: pb.UndoMatchRequest, context: Any) -> pb.UndoMatchResponse:
        """Takes a match apart."""
        match, note = bounds.identifier("match_id", request.match_id), mapping.note(request.note)
        await self._deciding.undo(*_mirror(request), match, current_caller().subject, note)
        return pb.UndoMatchResponse()

    async def ListBreaks(self, request: pb.ListBreaksRequest, context: Any) -> pb.ListBreaksResponse:
        """Returns a page of breaks."""
        caller, limit = current_caller(), _page_size(request)
        book = _book(caller, request.book_id) if caller.tenant or request.book_id else None
        mirror = bounds.optional_identifier("mirror_id", request.mirror_id)
        question = Question(request, integers=ID_WORDS, book_id=book or b"")

        def fits(each: Break) -> bool:
            shown = mapping.broken(each)
            return (
                book in (None, each.book)
                and mirror in (None, each.mirror)
                and request.kind in (pb.BREAK_KIND_UNSPECIFIED, shown.kind)
                and request.status in (pb.BREAK_STATUS_UNSPECIFIED, shown.status)
            )

        found = await self._queries.breaks(fits, mapping.place_of(question.place(), ID_BYTES), limit)
        place = found[limit - 1].id if len(found) > limit else bytes(ID_BYTES)
        return pb.ListBreaksResponse(breaks=map(mapping.broken, found[:limit]), next_page_token=_token(question, place))

    async def GetBreak(self, request: pb.GetBreakRequest, context: Any) -> pb.GetBreakResponse:
        """Returns a break."""
        identifier = bounds.identifier("break_id", request.break_id)
        found = await self._queries.found_break(identifier, current_caller().tenant)
        return pb.GetBreakResponse(**{"break": mapping.broken(found)})

    async def ShowBreak(self, request: pb.ShowBreakRequest, context: Any) -> pb.ShowBreakResponse:
        """Returns a break with what stands around it."""
        identifier = bounds.identifier("break_id", request.break_id)
        return mapping.break_case(await self._queries.break_case(identifier, current_caller().tenant))

    async def AssignBreak(self, request: pb.AssignBreakRequest, context: Any) -> pb.AssignBreakResponse:
        """Gives a break to somebody."""
        by = current_caller().subject
        assignee = bounds.optional_identifier("assignee_id", request.assignee_id) or by
        identifier = bounds.identifier("break_id", request.break_id)
        await self._deciding.assign(identifier, assignee, by, mapping.note(request.note))
        return pb.AssignBreakResponse()

    async def CorrectBreak(self, request: pb.CorrectBreakRequest, context: Any) -> pb.CorrectBreakResponse:
        """Proposes compensating entries."""
        proposal = await self._corrections.propose(mapping.correction(request), current_caller())
        return pb.CorrectBreakResponse(proposal_id=proposal)

    async def FundBreak(self, request: pb.FundBreakRequest, context: Any) -> pb.FundBreakResponse:
        """Says by which money a shortfall was paid in."""
        identifier = bounds.identifier("break_id", request.break_id)
        transfer = bounds.identifier("transfer_id", request.transfer_id)
        await self._deciding.fund(identifier, transfer, current_caller().subject, mapping.note(request.note))
        return pb.FundBreakResponse()

    async def CloseBreak(self, request: pb.CloseBreakRequest, context: Any) -> pb.CloseBreakResponse:
        """Closes a break that is resolved."""
        identifier = bounds.identifier("break_id", request.break_id)
        await self._deciding.close(identifier, current_caller().subject, mapping.note(request.note))
        return pb.CloseBreakResponse()

    async def ReopenBreak(self, request: pb.ReopenBreakRequest, context: Any) -> pb.ReopenBreakResponse:
        """Opens a break again."""
        identifier = bounds.identifier("break_id", request.break_id)
        await self._deciding.reopen(identifier, current_caller().subject, mapping.note(request.note))
        return pb.ReopenBreakResponse()


def _mirror(request: Any) -> tuple[bytes, bytes]:
    """Returns the book and the account that a request names; raises InvalidArgument, BookNotFound."""
    return _book(current_caller(), request.book_id), bounds.identifier("mirror_id", request.mirror_id)


def _book(caller: Caller, book_id: bytes) -> bytes:
    if caller.tenant is None:
        return bounds.identifier("book_id", book_id)
    if book_id and book_id != caller.tenant:
        raise BookNotFound
    return caller.tenant


def _page_size(request: pb.ListOpenLinesRequest | pb.ListMatchesRequest | pb.ListBreaksRequest) -> int:
    return bounds.page("page_size", request.page_size, default=DEFAULT_PAGE, maximum=MAX_PAGE)


def _token(question: Question, place: bytes) -> str:
    return question.token(*mapping.words_of_place(place))
