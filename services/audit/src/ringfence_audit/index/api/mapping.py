"""Between the protos and the search and answers: bounds of their requests, and page tokens."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.page_tokens import Question
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.audit.v1 import audit_pb2

from ringfence_audit.index.application.queries import SearchQuery
from ringfence_audit.log.api import mapping as log_mapping
from ringfence_audit.log.application.looks import Look
from ringfence_audit.log.domain.leaf import Value

MAX_INDEX = 2**63 - 1
MAX_KIND = 100


@dataclass(frozen=True, slots=True)
class SearchInput:
    """A search as asked for, within its bounds.

    Its place is the leaf where it goes on and the one where it ends: it sees none that came after its first page.
    """

    subject: bytes | None
    tenant: bytes | None
    from_ns: int
    until_ns: int
    page_size: int
    place: tuple[int, ...]
    question: Question
    fact_kind: str
    look: Look

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
        fact_kind = bounds.text("kind", request.kind, minimum=0, maximum=MAX_KIND)
        if fact_kind and subject is None:
            raise InvalidArgument("a kind is asked for with an id", field="kind")
        question, look = Question(request, integers=2), log_mapping.look(request.look)
        return cls(subject, tenant, from_ns, until_ns, page_size, question.place(), question, fact_kind, look)

    def recorded(self) -> dict[str, Value | None]:
        """Gives what the read's leaf says of the search."""
        return {
            "subject_id": self.subject,
            "tenant_id": self.tenant,
            "from_ns": self.from_ns or None,
            "until_ns": self.until_ns or None,
            "kind": self.fact_kind or None,
        }

    def query(self, until_leaf: int) -> SearchQuery:
        """Gives the query, which ends at `until_leaf` unless the first page has set its end."""
        first, end = self.place
        return SearchQuery(
            self.subject,
            self.tenant,
            self.from_ns,
            self.until_ns,
            self.page_size,
            first,
            min(end or until_leaf, until_leaf),
            self.fact_kind,
        )


@dataclass(frozen=True, slots=True)
class AnswerInput:
    """What a complete answer is asked for, within its bounds; `until_leaf` 0 means as far as the index is stated."""

    subject: bytes
    from_leaf: int
    until_leaf: int
    look: Look

    @classmethod
    def read(cls, request: audit_pb2.GetAnswerRequest) -> AnswerInput:
        """Checks the request; raises InvalidArgument."""
        subject = bounds.identifier("subject_id", request.subject_id)
        from_leaf = bounds.number("from_leaf", request.from_leaf, minimum=0, maximum=MAX_INDEX - 1)
        until_leaf = bounds.number("until_leaf", request.until_leaf, minimum=0, maximum=MAX_INDEX)
        if 0 < until_leaf <= from_leaf:
            raise InvalidArgument("until_leaf is above from_leaf, or 0", field="until_leaf")
        return cls(subject, from_leaf, until_leaf, log_mapping.look(request.look))

    def recorded(self) -> dict[str, Value | None]:
        """Gives what the read's leaf says of it."""
        return {
            "subject_id": self.subject,
            "from_leaf": self.from_leaf or None,
            "until_leaf": self.until_leaf or None,
        }
