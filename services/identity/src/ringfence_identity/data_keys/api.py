"""The method of PartyService about data keys: it maps, calls its handler and maps back."""

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.rpc import bounds
from ringfence_protos.identity.v1 import identity_pb2 as pb

from ringfence_identity.data_keys.application import DataKeyQueries

MAX_SUBJECTS = 1_000


@dataclass(frozen=True, slots=True)
class DataKeyApi:
    """Serves data keys to the workloads that may have them."""

    data_keys: DataKeyQueries

    async def FetchDataKeys(self, request: pb.FetchDataKeysRequest, context: Any) -> pb.FetchDataKeysResponse:
        """Returns data keys to a workload."""
        bounds.size("subject_ids", len(request.subject_ids), maximum=MAX_SUBJECTS)
        subjects = [bounds.identifier("subject_ids", each) for each in request.subject_ids]
        keys, blind_key = await self.data_keys.fetch(subjects, create=request.create)
        return pb.FetchDataKeysResponse(
            keys=[pb.DataKey(key=key.key, destroyed=key.destroyed) for key in keys], blind_index_key=blind_key
        )
