"""Between the protos and the search: bounds of its requests, and page tokens."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import sha256

from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.audit.v1 import audit_pb2

from ringfence_audit.index.application.queries import SearchQuery
from ringfence_audit.log.domain.leaf import Value

MAX_INDEX = 2**63 - 1
DIGEST_BYTES = 8


@dataclass(frozen=True, slots=True)
class PageToken:
    """Where a search goes on, and where it ends: it sees no leaf that came after its first page."""

    digest: bytes
    next_leaf: int
    until_leaf: int

    def text(self) -> str:
        """Gives the token as base64url."""
        numbers = self.next_leaf.to_bytes(8, "big") + self.until_leaf.to_bytes(8, "big")
        return urlsafe_b64encode(self.digest + numbers).decode()

    @classmethod
    def parse(cls, text: str, digest: bytes) -> PageToken:
        """Reads a token; raises InvalidArgument where it is malformed or belongs to another search."""
        try:
            content = urlsafe_b64decode(text.encode("ascii"))
        except (Base64Error, ValueError):
            content = b""
        if len(content) != DIGEST_BYTES + 16 or content[:DIGEST_BYTES] != digest:
            raise InvalidArgument("the page token belongs to no such search", field="page_token")
        numbers = [int.from_bytes(content[at : at + 8], "big") for at in (DIGEST_BYTES, DIGEST_BYTES + 8)]
        if max(numbers) > MAX_INDEX:
            raise InvalidArgument("the page token belongs to no such search", field="page_token")
        return cls(digest, *numbers)


@dataclass(frozen=True, slots=True)
class SearchInput:
    """A search as asked for, within its bounds."""

    subject: bytes | None
    tenant: bytes | None
    from_ns: int
    until_ns: int
    page_size: int
    token: PageToken | None
    digest: bytes

    @classmethod
    def read(cls, request: audit_pb2.SearchRequest) -> SearchInput:
        """Checks the request; raises InvalidArgument."""
        subject = bounds.optional_identifier("subject_id", request.subject_id)
        tenant = bounds.optional_identifier("tenant_id", request.tenant_id)
        from_ns = bounds.number("from_ns", request.from_ns, minimum=0, maximum=MAX_INDEX)
        until_ns = bounds.number("until_ns", request.until_ns, minimum=0, maximum=MAX_INDEX)
        if not (subject or tenant or from_ns or until_ns):
            raise InvalidArgument("name an id or a time bound", field="subject_id")
        page_size = bounds.page("page_size", request.page_size, default=100, maximum=1_000)
        times = from_ns.to_bytes(8, "big") + until_ns.to_bytes(8, "big")
        digest = sha256((subject or bytes(16)) + (tenant or bytes(16)) + times).digest()[:DIGEST_BYTES]
        token = PageToken.parse(request.page_token, digest) if request.page_token else None
        return cls(subject, tenant, from_ns, until_ns, page_size, token, digest)

    def recorded(self) -> dict[str, Value | None]:
        """Gives what the read's leaf says of the search."""
        return {
            "subject_id": self.subject,
            "tenant_id": self.tenant,
            "from_ns": self.from_ns or None,
            "until_ns": self.until_ns or None,
        }

    def query(self, until_leaf: int) -> SearchQuery:
        """Gives the query, which ends at `until_leaf` unless the first page has set its end."""
        first, end = (self.token.next_leaf, self.token.until_leaf) if self.token else (0, until_leaf)
        return SearchQuery(
            self.subject, self.tenant, self.from_ns, self.until_ns, self.page_size, first, min(end, until_leaf)
        )
