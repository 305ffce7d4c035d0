"""What a regulator or an auditor may read of the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ringfence_protos.identity.v1 import identity_pb2 as pb

from ringfence.ids import to_bytes


@dataclass(frozen=True, kw_only=True)
class AccessGrant:
    """What somebody may read, for a case: the facts of some platforms, or of those of some countries (ISO 3166-1).

    With both named a platform has to be of both; with neither it is everything. It holds from `from_ns` on, 0 for at
    once, and before `until_ns`, 0 for as long as the role, UTC nanoseconds. The case reference holds no personal data.
    """

    case_reference: str
    platforms: Sequence[UUID] = ()
    jurisdictions: Sequence[str] = ()
    from_ns: int = 0
    until_ns: int = 0


def as_message(grant: AccessGrant, principal_id: bytes = b"") -> pb.AccessGrant:
    """Maps a grant; in a registration it names no principal."""
    return pb.AccessGrant(
        principal_id=principal_id,
        tenant_ids=to_bytes(grant.platforms),
        jurisdictions=grant.jurisdictions,
        from_ns=grant.from_ns,
        until_ns=grant.until_ns,
        case_reference=grant.case_reference,
    )
