"""Dossiers and disclosures for the console: proven here, kept for a while, and told as what they are."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import grpc
import pytest
from ringfence.console_host.disclosing import SdkDisclosing
from ringfence.console_host.dossiers import SdkDossiers
from ringfence.console_host.facts import LogFacts
from ringfence.console_host.history import History
from ringfence.dossiers import Dossiers
from ringfence.finding import Finder
from ringfence.remembered import Remembered
from ringfence.stretches import PeriodOpen
from ringfence_console import ports
from ringfence_console.dossiers import Bundle, Wanted
from ringfence_console.keeping import Keeping
from ringfence_protos.audit.v1 import audit_pb2 as pb
from ringfence_protos.audit.v1 import disclosure_pb2
from ringfence_verifier.dossier import DossierRefused, verify_dossier

from clients.verifier.tests.notes import leaf

from .logged import SIGNER, LoggedService
from .test_sdk_console_facts import CLIENT, FACTS, NORA, VIEW

MIB = 1024 * 1024
NOWHERE = grpc.insecure_channel("127.0.0.1:1")


class Binding(LoggedService):
    """A log that binds dossiers, and opens what facts have sealed; it is its own connection."""

    def call(self, method: Any, request: Any) -> Any:
        """Answers."""
        return self._call(method, request)

    def _call(self, method: Any, request: Any) -> Any:
        if isinstance(request, pb.BindDossierRequest):
            self.asked.append(request)
            fields = {"method": "BindDossier", "query_manifest_sha256": request.manifest_sha256, "time_ns": 77}
            self.grow(leaf("audit.read.v1", **fields, reader_id=NORA.bytes))
            return pb.BindDossierResponse(leaf_index=len(self.log.leaves) - 2)
        if isinstance(request, disclosure_pb2.DiscloseRequest):
            self.asked.append(request)
            index = request.leaf_index
            shown = self._receipt(pb.GetReceiptRequest(leaf_index=index))
            sealed = disclosure_pb2.DisclosedField(field="debtor", sealed=b"ciphertext")
            return disclosure_pb2.DiscloseResponse(leaf=shown.leaf, proof=shown.proof, fields=[sealed], read_index=9)
        return super()._call(method, request)


SEALED = leaf(
    "payment-instruction.instruction.v1",
    instruction_id=UUID(int=5).bytes,
    debtor_commitment=sha256(b"ringfence/commitment/v1\0ciphertext").digest(),
)


@pytest.fixture
def service() -> Binding:
    """A log of one book, and of something sealed."""
    return cast(Binding, Binding.of(*FACTS, SEALED))


@pytest.fixture
def facts(service: Binding, tmp_path: Path) -> LogFacts:
    """That log as one reader's console has it."""
    return LogFacts(History(service.audit, SIGNER.vkey, Remembered(tmp_path)))


@pytest.fixture
def dossiers(service: Binding, facts: LogFacts) -> SdkDossiers:
    """The dossiers of that reader."""
    return SdkDossiers(Dossiers(NOWHERE, cast(Any, service), service.audit), facts)


def test_a_dossier_is_kept_with_its_hash_and_size(service: Binding, facts: LogFacts, dossiers: SdkDossiers) -> None:
    """What is kept verifies; its fact is the one that binds it, and what was not made here is not there."""
    made = dossiers.make(Wanted(subjects=(CLIENT,)), VIEW)
    content = dossiers.content(made.sha256)
    assert (sha256(content).digest(), len(content)) == (made.sha256, made.size_bytes)
    found = verify_dossier(content, SIGNER.vkey)
    assert (made.facts, made.index, made.is_complete) == (len(found.facts), found.binding.index, True)
    assert made.facts == 6
    assert dossiers.made() == [made]
    assert facts.history.size >= found.checkpoint.size
    with pytest.raises(ports.NotThere):
        dossiers.content(bytes(32))
    assert b"verifyDossier" in dossiers.verifier()


def test_a_reader_of_a_part_has_what_it_is_shown(service: Binding, dossiers: SdkDossiers) -> None:
    """Each fact proven, and told as not all; of what is not shown there is nothing, and no complete answer is asked."""
    service.part = [1, 2, 4, 6]
    made = dossiers.make(Wanted(subjects=(CLIENT, NORA)), VIEW)
    found = verify_dossier(dossiers.content(made.sha256), SIGNER.vkey)
    assert [each.index for each in found.facts] == [1, 2, 4, 6]
    assert not made.is_complete
    assert not found.is_complete
    assert [each.is_shown for each in found.manifest.questions] == [True, True]
    nobody = dossiers.make(Wanted(subjects=(UUID(int=99),)), VIEW)
    assert (nobody.facts, nobody.is_complete) == (0, False)


@pytest.mark.parametrize("part", [None, [1, 2, 4, 6]])
def test_what_a_dossier_is_made_of_is_one_look(service: Binding, dossiers: SdkDossiers, part: list[int] | None) -> None:
    """Subjects and what they name, of a reader of a part too; another dossier is another look."""
    service.part = part
    for _ in range(2):
        dossiers.make(Wanted(subjects=(CLIENT, NORA), is_linked=True), VIEW)
    asked = [each for each in service.asked if isinstance(each, pb.GetAnswerRequest | pb.SearchRequest)]
    assert len(asked) > 4
    assert {each.look.page for each in asked} == {"dossiers"}
    assert [len(each.look.look_id) for each in asked] == [16] * len(asked)
    assert len({each.look.look_id for each in asked}) == 2


def test_what_a_reader_of_a_part_is_shown_is_proven(service: Binding, dossiers: SdkDossiers) -> None:
    """Another fact in the place of one is refused, and nothing is kept or bound."""
    service.part = [1, 2, 4, 6]
    service.found = lambda leaves: [pb.Leaf(index=leaves[0].index, content=FACTS[0]), *leaves[1:]]
    with pytest.raises(ports.NotProven):
        dossiers.make(Wanted(subjects=(CLIENT,)), VIEW)
    assert dossiers.made() == []
    assert service.count(pb.BindDossierRequest) == 0


@pytest.mark.parametrize(
    ("raised", "reason"),
    [(PeriodOpen("ask again later"), "PERIOD_OPEN"), (DossierRefused("TOO_LONG", "ask for less"), "TOO_LONG")],
)
def test_what_cannot_be_made_is_refused_by_name(
    dossiers: SdkDossiers, monkeypatch: pytest.MonkeyPatch, raised: Exception, reason: str
) -> None:
    """It is no lie of the log."""

    def refusing(*asked: object, **options: object) -> None:
        raise raised

    monkeypatch.setattr(dossiers.dossiers, "made", refusing)
    with pytest.raises(ports.NotGiven) as refused:
        dossiers.make(Wanted(subjects=(CLIENT,)), VIEW)
    assert refused.value.reason == reason


def test_what_is_kept_is_bounded_and_its_makers() -> None:
    """The oldest go; another maker is given nothing."""
    keeping = Keeping(2 * MIB)

    def bundle(content: bytes) -> Bundle:
        digest = sha256(content).digest()
        told = {"made_ns": 1, "subjects": (), "between_ns": None, "facts": 0, "index": 0, "is_complete": True}
        return Bundle(sha256=digest, size_bytes=len(content), **told)  # type: ignore[arg-type]

    files = [bytes([number]) * MIB for number in range(3)]
    kept = [keeping.keep("ada", bundle(each), each) for each in files]
    assert keeping.of("ada") == [kept[2], kept[1]]
    assert keeping.content("ada", kept[2].sha256) == files[2]
    for maker, each in (("ada", kept[0]), ("ben", kept[2])):
        with pytest.raises(ports.NotThere):
            keeping.content(maker, each.sha256)
    large = bytes(3 * MIB)
    assert keeping.of("ben") == []
    assert keeping.keep("ben", bundle(large), large) in keeping.of("ben")
    assert keeping.of("ada") == []


def test_a_disclosure_is_one_call_and_held_to_its_fact(service: Binding, facts: LogFacts) -> None:
    """The log writes one fact of it; what the fact does not commit to is refused."""
    disclosing = SdkDisclosing(Finder(NOWHERE, cast(Any, service), service.audit), facts)
    index = len(FACTS)
    found = disclosing.disclose(index, "case 7", VIEW)
    assert (found.fact.index, found.read_index) == (index, 9)
    assert [(each.name, each.texts, each.closed) for each in found.fields] == [("debtor", (), "")]
    assert service.count(disclosure_pb2.DiscloseRequest) == 1
    logged = (pb.GetReceiptRequest, pb.SearchRequest, pb.GetAnswerRequest, pb.ListLeavesRequest)
    assert sum(map(service.count, logged)) == 0
    with pytest.raises(ports.NotProven):
        disclosing.disclose(0, "case 7", VIEW)
