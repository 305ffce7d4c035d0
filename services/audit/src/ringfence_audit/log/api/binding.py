"""Binds dossiers: that somebody has made one is a read, and its leaf has the hash of the dossier's manifest."""

from __future__ import annotations

from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.audit.v1 import audit_pb2

from ringfence_audit.log.application.commands import RecordRead

_DIGEST_BYTES = 32


class BindingServicer:
    """Records dossiers (docs/formats.md) under their makers' names."""

    def __init__(self, record_read: RecordRead) -> None:
        self._record_read = record_read

    async def BindDossier(self, request: audit_pb2.BindDossierRequest, context: Any) -> audit_pb2.BindDossierResponse:
        """Records a dossier's hash, again each time; nothing of it is read here."""
        if len(request.manifest_sha256) != _DIGEST_BYTES:
            raise InvalidArgument("manifest_sha256 must have 32 bytes", field="manifest_sha256")
        subject = bounds.identifier("subject_id", request.subject_id) if request.subject_id else None
        query = {"manifest_sha256": request.manifest_sha256, "subject_id": subject}
        stood = await self._record_read(current_caller().subject, "BindDossier", query)
        return audit_pb2.BindDossierResponse(leaf_index=stood.size - 1)
