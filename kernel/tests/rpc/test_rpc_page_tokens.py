"""Page tokens: for one question each, whatever a place is made of."""

import pytest
from ringfence_kernel.rpc.page_tokens import MAX_INTEGER, PageTokenInvalid, Question
from ringfence_protos.custody.v1 import custody_pb2 as pb

BOOK, OTHER = b"b" * 16, b"o" * 16


def question(token: str = "", *, book: bytes = BOOK, integers: int = 2, **fields: object) -> Question:
    """What a platform asks about its book, with the token of the page before."""
    request = pb.ListTransfersRequest(page_token=token, **fields)  # type: ignore[arg-type]
    return Question(request, integers=integers, book_id=book)


@pytest.mark.parametrize("place", [(0, 1), (5, 0), (MAX_INTEGER, MAX_INTEGER)])
def test_a_token_leads_back_to_its_place(place: tuple[int, int]) -> None:
    """The page size may change, and the book be named or left out; the first page and the end have no token."""
    token = question(page_size=3).token(*place)
    assert question(token, page_size=9, book_id=BOOK).place() == place
    assert question().place() == (0, 0)
    assert question().token(0, 0) == ""


def test_a_token_is_refused_with_any_other_question() -> None:
    """Another book, filter, message or number of integers, a changed token, and places that are never given."""
    token = question().token(5, 1)
    strangers = [
        question(token, book=OTHER),
        question(token, from_ns=1),
        question(token, integers=1),
        question(token[:-1]),
        question("é" + token[1:]),
        question("²."),
        question(question().token(2**63, 1)),
        Question(pb.ListAccountsRequest(page_token=token), integers=2, book_id=BOOK),
    ]
    for stranger in strangers:
        with pytest.raises(PageTokenInvalid):
            stranger.place()
