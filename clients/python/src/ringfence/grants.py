"""Grants: what regulators and auditors may read of the audit log, and by which law platforms are supervised."""

from collections.abc import Mapping
from uuid import UUID

import grpc
from ringfence_protos.identity.v1 import identity_pb2 as pb
from ringfence_protos.identity.v1 import identity_pb2_grpc

from ringfence.access import AccessGrant, as_message
from ringfence.identity import ItemResult, item_results
from ringfence.transport import Connection


class Grants:
    """What operators let others read, kept by identity; each waits for a second operator."""

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self._connection = connection
        self._stub = identity_pb2_grpc.TokenServiceStub(channel)

    def give(self, grants: Mapping[UUID, AccessGrant]) -> list[ItemResult]:
        """Proposes what people read by, in the place of what was before; one result each, in order."""
        rows = [as_message(grant, principal.bytes) for principal, grant in grants.items()]
        request = pb.GrantAccessRequest(grants=rows)
        return item_results(self._connection.call(self._stub.GrantAccess, request).results)

    def state_jurisdictions(self, platforms: Mapping[UUID, str]) -> list[ItemResult]:
        """Proposes platforms' countries, ISO 3166-1 alpha-2; one result per platform, in order."""
        rows = [pb.PlatformJurisdiction(tenant_id=each.bytes, jurisdiction=code) for each, code in platforms.items()]
        request = pb.StateJurisdictionsRequest(platforms=rows)
        return item_results(self._connection.call(self._stub.StateJurisdictions, request).results)
