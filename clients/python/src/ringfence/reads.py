"""The register of reads: who has read what of the audit log, when, and for which case."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from ringfence_protos.audit.v1 import audit_pb2 as pb

from ringfence.ids import optional


@dataclass(frozen=True)
class Read:
    """A read: the index of its fact, when (UTC nanoseconds), who, which method or page, and what was asked for.

    `grant_id` is the grant that it was by, None where there was none; its case and the reason given are told to who
    reads everything, and of one's own reads.
    """

    leaf_index: int
    time_ns: int
    reader_id: UUID
    method: str
    page: str
    query: Mapping[str, str]
    grant_id: UUID | None
    case_reference: str
    is_own: bool
    reason: str = ""


def read_of(message: pb.Read) -> Read:
    """Maps a read."""
    return Read(
        message.leaf_index,
        message.time_ns,
        UUID(bytes=message.reader_id),
        message.method,
        message.page,
        {each.name: each.value for each in message.query},
        optional(message.grant_id),
        message.case_reference,
        message.is_own,
        message.reason,
    )
