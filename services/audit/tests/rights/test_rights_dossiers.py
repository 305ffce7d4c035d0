"""Dossiers by a reader of some platforms: what it is shown, proven, and bound by a read that it may show."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import grpc
import pytest
from ringfence.audit import Audit as ReadApi
from ringfence.dossiers import Asked, Dossiers
from ringfence.errors import RingfenceError
from ringfence_audit.log.domain.errors import CheckpointPending, LeafUnknown
from ringfence_kernel.values.errors import DomainError
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import verify_receipt
from ringfence_verifier.dossier import verify_dossier

from ..feeds import identifier
from .readers import LIMITED, OTHER, OURS, SHARED, WHOLE, World


class Calling:
    """A connection of the limited reader that calls in the log's loop, and has it sign when it is waited for."""

    def __init__(self, world: World) -> None:
        self._world, self._loop = world, asyncio.get_running_loop()

    def call(self, method: Any, request: Any) -> Any:
        """Answers as the service does."""
        return asyncio.run_coroutine_threadsafe(self._answer(request), self._loop).result()

    async def _answer(self, request: Any) -> Any:
        name = type(request).__name__.removesuffix("Request")
        while True:
            try:
                return await self._world.ask(name, request)
            except CheckpointPending:
                await self._world.audit.publish()
            except DomainError as refusal:
                raise RingfenceError(refusal.code, refusal.reason, str(refusal)) from None


async def test_a_limited_reader_makes_a_dossier_of_what_it_is_shown(world: World) -> None:
    """Of an id that others use too it has its platform's facts alone, proven, and says that this is not all."""
    with grpc.insecure_channel("localhost:1") as channel:
        calling: Any = Calling(world)
        maker = Dossiers(channel, calling, ReadApi(channel, calling))
        asked = Asked((UUID(bytes=SHARED), UUID(bytes=identifier("carol"))))
        content, found = await asyncio.to_thread(maker.made, asked, world.key)
    assert verify_dossier(content, world.key) == found
    assert len(found.facts) > 300
    assert {each.fact.content("tenant_id") for each in found.facts} == {OURS}
    assert not found.is_complete
    assert found.binding.reader_id == LIMITED
    assert [len(each.files) >= 1 for each in found.manifest.questions] == [True, True]


async def test_a_reader_is_given_the_receipts_of_its_own_reads(world: World) -> None:
    """By the same grant, before a checkpoint covers them told to wait; another's are not there."""
    binding = audit_pb2.BindDossierRequest(manifest_sha256=bytes(32))
    ours, theirs = (await world.ask("BindDossier", binding), await world.ask("BindDossier", binding, OTHER))
    asked = audit_pb2.GetReceiptRequest(leaf_index=ours.leaf_index)
    with pytest.raises(CheckpointPending):
        await world.ask("GetReceipt", asked)
    await world.audit.publish()
    receipt = await world.ask("GetReceipt", asked)
    assert verify_receipt(receipt.proof, world.key).index == ours.leaf_index
    theirs_asked = audit_pb2.GetReceiptRequest(leaf_index=theirs.leaf_index)
    assert (await world.ask("GetReceipt", theirs_asked, WHOLE)).leaf
    with pytest.raises(LeafUnknown):
        await world.ask("GetReceipt", theirs_asked)
