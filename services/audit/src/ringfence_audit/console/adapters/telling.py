"""Leaves and refusals as pages know them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ringfence_console import ports
from ringfence_desk.fact import Fact
from ringfence_kernel.values.errors import DomainError

from ringfence_audit.log.domain.leaf import decode
from ringfence_audit.log.domain.texts import Opening

_AWAY = frozenset({"UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED", "DEADLINE_EXCEEDED"})


def fact_of(index: int, leaf: bytes, openings: Sequence[Opening]) -> Fact:
    """Gives a leaf as pages have it, with the texts that are kept beside it."""
    kind, fields = decode(leaf)
    texts = {each.field: each.content.decode() for each in openings if each.is_text and each.salt}
    return Fact(index, kind, fields, texts)


@contextmanager
def told() -> Iterator[None]:
    """Raises what the service refuses as pages know it."""
    try:
        yield
    except DomainError as refusal:
        if refusal.code == "NOT_FOUND":
            raise ports.NotThere(str(refusal)) from None
        if refusal.code in _AWAY:
            raise ports.Unavailable(refusal.reason) from None
        if refusal.code == "DATA_LOSS":
            raise ports.NotProven(refusal.reason) from None
        raise ports.Refused(refusal.reason, str(refusal)) from None
