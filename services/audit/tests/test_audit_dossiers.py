"""Dossiers as a reader makes them, by the SDK from the real log: bound to it, and verified by nothing but its key."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from hashlib import sha256
from typing import Any
from uuid import UUID

import grpc
import pytest
from ringfence.audit import Audit as ReadApi
from ringfence.dossiers import Asked, Dossiers
from ringfence.stretches import PeriodOpen
from ringfence_audit.log.domain.errors import CheckpointPending
from ringfence_audit.log.domain.leaf import decode
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import VerificationError, read_leaf, verify_receipt
from ringfence_verifier.dossier import DossierRefused, verify_dossier

from .conftest import Audit
from .feeds import START_NS, SourceFeed, accounts_created, identifier, kyc_changed, transfers_created
from .test_audit_log import stored_leaves

REGULATOR = identifier("regulator")
NOTE = "=cmd|' /C calc'!A0"
CONTEXT: Any = None


class Direct:
    """A connection that calls the log's servicer in its own loop, and has it sign when it is waited for."""

    def __init__(self, audit: Audit) -> None:
        self._audit, self._loop = audit, asyncio.get_running_loop()
        self.called: list[str] = []

    def call(self, method: Any, request: Any) -> Any:
        """Answers as the service does."""
        self.called.append(type(request).__name__.removesuffix("Request"))
        return asyncio.run_coroutine_threadsafe(self._answer(request), self._loop).result()

    async def _answer(self, request: Any) -> Any:
        while True:
            try:
                return await getattr(self._audit.servicer, self.called[-1])(request, CONTEXT)
            except CheckpointPending:
                await self._audit.publish()


@pytest.fixture
async def filled(audit: Audit, custody: SourceFeed, identity: SourceFeed) -> Audit:
    """Two accounts, transfers between them, a decision with a note; signed twice, and indexed."""
    custody.add("AccountsCreated.v1", accounts_created("alice", "bob", owners=("owner-a", "owner-b")))
    for number in range(5):
        custody.add("TransfersCreated.v1", transfers_created(f"t{number}-0", f"t{number}-1"))
    await audit.follow(custody)
    await audit.publish()
    identity.add("KycChanged.v1", kyc_changed("owner-a", note=NOTE))
    await audit.follow(identity)
    await audit.publish()
    return audit


@pytest.fixture
async def direct(filled: Audit) -> Direct:
    """The way to it."""
    return Direct(filled)


def named(name: str) -> UUID:
    """An id as the SDK has it."""
    return UUID(bytes=identifier(name))


async def made(direct: Direct, audit: Audit, asked: Asked, vkey: str = "") -> bytes:
    """A dossier by the SDK."""
    with grpc.insecure_channel("localhost:1") as channel:
        api = ReadApi(channel, direct)  # type: ignore[arg-type]
        maker = Dossiers(channel, direct, api)  # type: ignore[arg-type]
        return await asyncio.to_thread(maker.make, asked, vkey or audit.signer.key.text())


async def test_a_dossier_is_made_and_bound(filled: Audit, direct: Direct) -> None:
    """All facts about two subjects in words and raw, the text that one commits to, and a fact that says who made it."""
    content = await made(direct, filled, Asked((named("owner-a"), named("alice"))))
    found = verify_dossier(content, filled.signer.key.text())
    assert [read_leaf(each.leaf).kind for each in found.facts][:1] == ["custody.account.v1"]
    kinds = [each.fact.kind for each in found.facts]
    assert kinds.count("custody.transfer.v1") == 10
    (decided,) = (each for each in found.facts if each.fact.kind == "identity.kyc_changed.v1")
    assert [(each.field, each.content) for each in decided.openings] == [("note", NOTE)]
    assert found.binding.reader_id == REGULATOR
    files = dict(found.entries)
    rows = list(csv.DictReader(io.StringIO(files["facts/words.en.csv"].decode("utf-8-sig"))))
    assert sorted(int(row["fact"]) for row in rows) == [each.index for each in found.facts]
    assert any(row["texts"] == f"note: {NOTE}" for row in rows)
    said = {each["index"]: each for each in json.loads(files["facts/words.json"])}
    transfers = [said[row["fact"]] for row in rows if row["kind"] == "custody.transfer.v1"]
    assert {(each["currency"], "." in each["amount"]) for each in transfers} == {("EUR", True)}
    assert all(each["said"]["en"] != each["said"]["zh-Hans"] for each in transfers)
    assert _facts(filled)[found.binding.index][1]["query_manifest_sha256"] == sha256(files["manifest.json"]).digest()
    assert direct.called.count("BindDossier") == 1


async def test_receipts_of_a_dossier_are_those_that_the_log_gives(filled: Audit, direct: Direct) -> None:
    """Derived from the answer's one proof, they prove the same fact at the same place as the log's own."""
    found = verify_dossier(await made(direct, filled, Asked((named("alice"),))), filled.signer.key.text())
    files = dict(found.entries)
    for each in found.facts:
        ours = verify_receipt(files[f"receipts/{each.index:012d}"].decode(), filled.signer.key.text())
        reply = await filled.servicer.GetReceipt(audit_pb2.GetReceiptRequest(leaf_index=each.index), CONTEXT)
        assert (ours.leaf, ours.index) == (reply.leaf, each.index)


async def test_a_dossier_of_a_period_has_all_facts_of_it(filled: Audit, direct: Direct) -> None:
    """Everything that was taken over between two states, with their proof; of what is not over yet there is none."""
    states = [at for at, (kind, _) in enumerate(_facts(filled)) if kind == "audit.state.v1"]
    times = [_facts(filled)[at][1]["time_ns"] for at in states]
    content = await made(direct, filled, Asked(between_ns=(times[0], times[1])))
    found = verify_dossier(content, filled.signer.key.text())
    assert [each.index for each in found.facts] == list(range(states[0], states[1] + 1))
    early = verify_dossier(await made(direct, filled, Asked(between_ns=(1, times[0]))), filled.signer.key.text())
    assert [each.index for each in early.facts] == list(range(states[0] + 1))
    with pytest.raises(PeriodOpen):
        await made(direct, filled, Asked(between_ns=(times[0], START_NS * 2)))


async def test_texts_are_left_out_where_they_are_not_wanted(filled: Audit, direct: Direct) -> None:
    """A dossier without texts has the commitments alone; nothing of the words stands anywhere in it."""
    content = await made(direct, filled, Asked((named("owner-a"),), has_texts=False))
    assert NOTE.encode() not in content
    assert "Search" not in direct.called


async def test_linked_facts_are_asked_for_too(filled: Audit, direct: Direct) -> None:
    """Each transfer that facts about an account name has its own complete answer."""
    found = verify_dossier(
        await made(direct, filled, Asked((named("alice"),), is_linked=True)), filled.signer.key.text()
    )
    about = [each.about for each in found.manifest.questions]
    assert about[0] == identifier("alice")
    assert set(about[1:]) == {identifier(f"t{number}-{which}") for number in range(5) for which in range(2)}


async def test_nothing_about_somebody_is_a_dossier_too(filled: Audit, direct: Direct) -> None:
    """That the log has no fact about an id is proven as everything else is."""
    found = verify_dossier(await made(direct, filled, Asked((named("nobody"),))), filled.signer.key.text())
    assert found.facts == ()


async def test_a_dossier_of_another_log_is_refused(filled: Audit, direct: Direct) -> None:
    """By the key that its reader brings, and by the maker before it is written."""
    content = await made(direct, filled, Asked((named("alice"),)))
    other = filled.signer.add(bytes(range(32, 64))).text()
    with pytest.raises(DossierRefused):
        verify_dossier(content, other)
    with pytest.raises(VerificationError):
        await made(direct, filled, Asked((named("alice"),)), other)


async def test_binding_is_a_read_under_the_makers_name(filled: Audit) -> None:
    """Its leaf has who, the manifest's hash and whom it is about; a hash of another length leaves none."""
    request = audit_pb2.BindDossierRequest(manifest_sha256=b"\x07" * 32, subject_id=identifier("alice"))
    index = (await filled.servicer.BindDossier(request, CONTEXT)).leaf_index
    await filled.publish()
    assert _facts(filled)[index][1] | {"time_ns": 0} == {
        "method": "BindDossier",
        "query_manifest_sha256": b"\x07" * 32,
        "query_subject_id": identifier("alice"),
        "reader_id": REGULATOR,
        "time_ns": 0,
    }
    head = filled.store.head()
    for wrong in (b"", b"\x07" * 31):
        with pytest.raises(InvalidArgument):
            await filled.servicer.BindDossier(audit_pb2.BindDossierRequest(manifest_sha256=wrong), CONTEXT)
    assert filled.store.head() == head


def _facts(audit: Audit) -> list[tuple[str, Any]]:
    return [decode(each) for each in stored_leaves(audit.store)]
