"""Page tokens: a place in the answer to one question, and no other."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from struct import Struct
from struct import error as StructError
from typing import Any

from google.protobuf.message import Message

from ringfence_kernel.values.errors import InvalidArgument

MAX_INTEGER = 2**63 - 1


class PageTokenInvalid(InvalidArgument):
    """The page token is none that was given for this question."""

    reason = "PAGE_TOKEN_INVALID"

    def __init__(self) -> None:
        """Names the field."""
        super().__init__(field="page_token")


class Question:
    """What a paged request asks, whatever its page and page size.

    A token is the place after the last row shown with a hash of the question, so that it is refused with another one.
    It holds nothing secret and grants nothing: whose rows they are is part of the question.
    """

    def __init__(self, request: Message, *, integers: int = 1, **known: Any) -> None:
        """Takes a request with `page_size` and `page_token`, and of how many integers a place in its answer is made.

        `known` are fields as the caller's rights have made them out, instead of as they were given: the tenant above
        all.
        """
        asked = type(request)()
        asked.CopyFrom(request)
        for name, value in {**known, "page_size": 0, "page_token": ""}.items():  # nosec B105 # no password
            setattr(asked, name, value)
        message = asked.DESCRIPTOR.full_name.encode()
        self._hash = sha256(message + b"\0" + asked.SerializeToString(deterministic=True)).digest()[:8]
        self._token: str = request.page_token  # type: ignore[attr-defined]  # every paged request has one
        self._form = Struct(f">{integers}Q8s")
        self._start = (0,) * integers

    def place(self) -> tuple[int, ...]:
        """Returns the place to go on after, zeros for the first page; raises PageTokenInvalid."""
        if not self._token:
            return self._start
        try:
            *place, question = self._form.unpack(urlsafe_b64decode(self._token + "=="))
        except (ValueError, StructError) as error:
            raise PageTokenInvalid from error
        if question != self._hash or not any(place) or max(place) > MAX_INTEGER:
            raise PageTokenInvalid
        return tuple(place)

    def token(self, *place: int) -> str:
        """Returns the token for the rows after a place; a place of zeros is the end, and has none."""
        if not any(place):
            return ""
        return urlsafe_b64encode(self._form.pack(*place, self._hash)).decode().rstrip("=")
