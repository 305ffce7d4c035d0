"""Between the protos and the log."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.audit.v1 import audit_pb2

from ringfence_audit.log.application.looks import Look
from ringfence_audit.log.application.sources import Comparison
from ringfence_audit.log.domain.checkpoint import SourceHead
from ringfence_audit.log.domain.texts import Opening

MAX_INDEX = 2**63 - 1
_PAGE = re.compile(r"[a-z-]{1,32}")


def look(asked: audit_pb2.Look) -> Look:
    """Checks what a call is a part of; raises InvalidArgument."""
    identifier = bounds.optional_identifier("look.look_id", asked.look_id)
    if identifier is None and not asked.page:
        return Look()
    if identifier is None or not _PAGE.fullmatch(asked.page):
        raise InvalidArgument("a look has an id, and a page of 1 to 32 lower-case letters and hyphens", field="look")
    return Look(identifier, asked.page)


def openings(found: Iterable[Opening]) -> list[audit_pb2.Opening]:
    """Maps what a leaf commits to."""
    return [
        audit_pb2.Opening(field=each.field, salt=each.salt, content=each.content, is_text=each.is_text)
        for each in found
    ]


def leaves(found: Iterable[tuple[int, bytes]]) -> list[audit_pb2.Leaf]:
    """Maps leaves with their indexes."""
    return [audit_pb2.Leaf(index=index, content=content) for index, content in found]


def source_head(head: SourceHead) -> audit_pb2.SourceHead:
    """Maps a source's head."""
    return audit_pb2.SourceHead(source=head.source, epoch=head.epoch, position=head.position, hash=head.hash)


def comparison(compared: Comparison) -> audit_pb2.SourceComparison:
    """Maps a comparison with a source."""
    if compared.current is None:
        finding = audit_pb2.SOURCE_FINDING_UNREACHABLE
    else:
        finding = audit_pb2.SOURCE_FINDING_DIFFERS if compared.difference else audit_pb2.SOURCE_FINDING_AGREES
    return audit_pb2.SourceComparison(
        logged=source_head(compared.logged),
        current=source_head(compared.current) if compared.current else None,
        finding=finding,
        detail=compared.difference,
    )
