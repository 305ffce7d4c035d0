"""Page tokens: a place in the answer to one question, and no other."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from struct import Struct
from struct import error as StructError
from typing import TypeVar

from ringfence_protos.custody.v1 import custody_pb2 as pb

from ringfence_custody.ledger.domain.errors import PageTokenInvalid

PagedRequest = TypeVar("PagedRequest", pb.ListAccountsRequest, pb.ListTransfersRequest, pb.GetStatementRequest)

PLACE_AND_QUESTION = Struct(">Q8s")


class Question:
    """What a paged request asks, whatever its page and page size.

    A token is the place after the last row shown with a hash of the question, so that it is refused with another one.
    It holds nothing secret and grants nothing: the caller's book is part of the question.
    """

    def __init__(self, book_id: bytes, request: PagedRequest) -> None:
        """Takes the book as the caller's rights have made it out."""
        asked = type(request)()
        asked.CopyFrom(request)
        asked.book_id, asked.page_size, asked.page_token = book_id, 0, ""
        name = asked.DESCRIPTOR.full_name.encode()
        self._hash = sha256(name + b"\0" + asked.SerializeToString(deterministic=True)).digest()[:8]
        self._token = request.page_token

    def place(self) -> int:
        """Returns the place to go on after, 0 for the first page; raises PageTokenInvalid."""
        if not self._token:
            return 0
        try:
            place, question = PLACE_AND_QUESTION.unpack(urlsafe_b64decode(self._token + "=="))
        except (ValueError, StructError) as error:
            raise PageTokenInvalid from error
        if question != self._hash or not place:
            raise PageTokenInvalid
        return int(place)

    def token(self, place: int) -> str:
        """Returns the token for the rows after a place; place 0 is the end, and has none."""
        if not place:
            return ""
        return urlsafe_b64encode(PLACE_AND_QUESTION.pack(place, self._hash)).decode().rstrip("=")
