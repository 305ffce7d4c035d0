"""Finding by the SDK: what is proven is told from what is somebody's word, and nothing that does not hold is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import grpc
import pytest
from ringfence.audit import Audit
from ringfence.errors import RingfenceError
from ringfence.finding import MOST_SUBJECTS, Finder
from ringfence_desk.narrowing import Narrowing
from ringfence_desk.sought import Ground, Sought, Taken, taken
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_protos.audit.v1 import disclosure_pb2 as pb
from ringfence_verifier import VerificationError
from ringfence_verifier.index import amount_key

from clients.verifier.tests.answers import IndexedLog, combined
from clients.verifier.tests.notes import leaf
from clients.verifier.tests.refused import ALICE, CAROL, FILE, SIGNER
from clients.verifier.tests.refused import log as small_log
from clients.verifier.tests.test_verifier_answer import receipt

AMOUNT = 20 * 1_001
"""Of one fact of the small log, in KWD."""


@dataclass
class Service:
    """A connection to a small log; look-ups answer what they are told to."""

    log: IndexedLog = field(default_factory=small_log)
    pages: list[pb.LookUpResponse] = field(default_factory=list)
    disclosed: pb.DiscloseResponse = field(default_factory=pb.DiscloseResponse)
    refuses: dict[type, str] = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)
    found: bytes = b""
    """What is found in the place of a fact."""

    def call(self, method: Any, request: Any) -> Any:
        """Answers, or refuses."""
        self.asked.append(request)
        if type(request) in self.refuses:
            raise RingfenceError("FAILED_PRECONDITION", self.refuses[type(request)], "refused")
        if isinstance(request, audit_pb2.GetCheckpointRequest):
            return audit_pb2.GetCheckpointResponse(checkpoint=self.log.note.decode())
        if isinstance(request, audit_pb2.GetAnswerRequest):
            return audit_pb2.GetAnswerResponse(answer=self.log.parts(request.subject_id).encoded())
        if isinstance(request, audit_pb2.SearchRequest):
            found = [audit_pb2.Leaf(index=7, content=self.found or self.log.leaves[7])]
            proof = combined(self.log.leaves, {7})
            return audit_pb2.SearchResponse(leaves=found, checkpoint=self.log.note.decode(), proof=proof)
        if isinstance(request, audit_pb2.GetReceiptRequest):
            return audit_pb2.GetReceiptResponse(leaf=self.log.leaves[7], proof=receipt(self.log, 7))
        if isinstance(request, pb.LookUpRequest):
            return self.pages.pop(0)
        return self.disclosed


@pytest.fixture
def service() -> Service:
    """The log, which looks nobody up yet."""
    return Service()


@pytest.fixture
def finding(service: Service) -> Finder:
    """The SDK over it."""
    channel = grpc.insecure_channel("127.0.0.1:1")
    connection: Any = SimpleNamespace(call=service.call)
    return Finder(channel, connection, Audit(channel, connection))


def looked_up(*subjects: bytes, token: str = "", **said: Any) -> pb.LookUpResponse:
    """Gives a page of ids."""
    found = [pb.LookedUp(subject_id=each, subject_field="party_id", found_by="name") for each in subjects]
    return pb.LookUpResponse(found=found, next_page_token=token, salt=b"s" * 16, read_index=9, **said)


def test_amounts_files_and_ids_are_proven(finding: Finder, service: Service) -> None:
    """By their keys, each held to its own value: a fact that has only chosen an id equal to the key is none."""
    (amount,), (file,), (one,) = taken("20.020 KWD"), taken(FILE.hex()), taken(str(UUID(bytes=CAROL)))
    by_amount, by_file, by_id = finding.find([amount, file, one], SIGNER.vkey)
    assert [index for index, _ in by_amount.facts] == [20]
    assert [index for index, _ in by_file.facts] == list(range(547, 0, -90))
    assert len(by_id.facts) > 20
    assert {(each.ground, each.until) for each in (by_amount, by_file, by_id)} == {(Ground.PROVEN, 590)}
    forged = leaf("x", a_id=amount_key(414, AMOUNT), tenant_id=b"\5" * 16)
    service.log = IndexedLog((*service.log.leaves[:300], forged), 301, SIGNER)
    (again,) = finding.find([amount], SIGNER.vkey)
    assert [index for index, _ in again.facts] == [20]


def test_narrowing_takes_from_what_is_proven(finding: Finder) -> None:
    """By kind, time and platform; the ground stays that of the whole answer."""
    (one,) = taken(str(UUID(bytes=CAROL)))
    second = 1_790_000_000 * 10**9 + 40 * 10**10
    (way,) = finding.find([one], SIGNER.vkey, narrowing=Narrowing(from_ns=second, until_ns=second + 1))
    assert ([index for index, _ in way.facts], way.ground) == ([40], Ground.PROVEN)
    for nothing in (Narrowing(kind="party"), Narrowing(status="SETTLED"), Narrowing(tenant_id=UUID(int=1))):
        assert finding.find([one], SIGNER.vkey, narrowing=nothing)[0].facts == []


def test_what_is_found_is_one_look(finding: Finder, service: Service) -> None:
    """All that is asked about what several look-ups have found; asked again it is another."""
    sought = [Sought(Taken.NAME, "x"), Sought(Taken.NUMBER, "x")]
    for _ in range(2):
        service.pages = [looked_up(CAROL, ALICE, identity_position=3), looked_up(ALICE, identity_position=3)]
        finding.find(sought, SIGNER.vkey, reason="case 7")
    looks = [each.look for each in service.asked if isinstance(each, audit_pb2.GetAnswerRequest)]
    assert [each.page for each in looks] == ["find"] * 6
    assert len({each.look_id for each in looks}) == 2


def test_a_look_up_rests_on_a_word_and_what_is_about_its_ids_does_not(finding: Finder, service: Service) -> None:
    """Two pages with one reason; each id's facts are a proven answer, and nobody found is not proven either."""
    service.pages = [
        looked_up(CAROL, token="more", identity_position=70, complete=True),
        looked_up(ALICE, identity_position=71, complete=True),
    ]
    name = Sought(Taken.NAME, "Carol")
    (way,) = finding.find([name], SIGNER.vkey, reason="case 7")
    assert (way.ground, way.until, way.others, len(way.found)) == (Ground.IDENTITY, 71, 0, 2)
    assert len(way.facts) == len(dict(way.facts)) > 500
    assert {each.reason for each in service.asked if isinstance(each, pb.LookUpRequest)} == {"case 7"}
    service.pages = [looked_up(identity_position=72, complete=True)]
    (none,) = finding.find([name], SIGNER.vkey, reason="case 7")
    assert (none.ground, none.facts) == (Ground.IDENTITY, [])


def test_no_more_subjects_are_asked_about_than_anybody_reads(finding: Finder, service: Service) -> None:
    """The others are counted, whether they were named or only announced."""
    many = [bytes([number]) * 16 for number in range(100, 101 + MOST_SUBJECTS)]
    for token in ("", "more"):
        service.pages, service.asked = [looked_up(*many, token=token, identity_position=1)], []
        (way,) = finding.find([Sought(Taken.NAME, "Carol")], SIGNER.vkey, reason="why")
        assert way.others >= 1
        assert sum(isinstance(each, audit_pb2.GetAnswerRequest) for each in service.asked) == MOST_SUBJECTS


def test_refusals_are_told_and_a_narrow_grant_searches(finding: Finder, service: Service) -> None:
    """An erased IBAN is a way without facts, other refusals are raised; without complete answers it is a word."""
    service.refuses = {pb.LookUpRequest: "SUBJECT_ERASED"}
    (way,) = finding.find([Sought(Taken.IBAN, "X")], SIGNER.vkey, reason="why")
    assert (way.refused, way.facts) == ("SUBJECT_ERASED", [])
    service.refuses = {pb.LookUpRequest: "GRANT_NOT_IN_FORCE"}
    with pytest.raises(RingfenceError, match="GRANT_NOT_IN_FORCE"):
        finding.find([Sought(Taken.IBAN, "X")], SIGNER.vkey, reason="why")
    service.refuses = {audit_pb2.GetAnswerRequest: "GRANT_TOO_NARROW"}
    (narrow,) = finding.find(taken(str(UUID(bytes=ALICE))), SIGNER.vkey)
    assert ([index for index, _ in narrow.facts], narrow.ground) == ([7], Ground.LOG)
    service.pages = [looked_up(CAROL, identity_position=3)]
    (both,) = finding.find([Sought(Taken.NAME, "Carol")], SIGNER.vkey, reason="why")
    assert both.ground is Ground.LOG


def test_what_rests_on_the_logs_word_is_in_the_log(finding: Finder, service: Service) -> None:
    """Of a time, and to a reader of some platforms: that there are no others is a word, what there is is proven."""
    (day,), (one,) = taken("2026-09-21"), taken(str(UUID(bytes=ALICE)))
    service.refuses = {audit_pb2.GetAnswerRequest: "GRANT_TOO_NARROW"}
    assert [[index for index, _ in way.facts] for way in finding.find([day, one], SIGNER.vkey)] == [[7], [7]]
    service.found = service.log.leaves[8]
    for sought in (day, one):
        with pytest.raises(VerificationError):
            finding.find([sought], SIGNER.vkey)


def test_a_fact_is_the_one_whose_number_was_sought(finding: Finder) -> None:
    """A receipt that holds and is of another is refused."""
    (seven,), (eight,) = taken("#7"), taken("#8")
    assert [index for way in finding.find([seven], SIGNER.vkey) for index, _ in way.facts] == [7]
    with pytest.raises(VerificationError, match="another fact"):
        finding.find([eight], SIGNER.vkey)


def test_a_disclosure_that_the_fact_does_not_commit_to_is_refused(finding: Finder, service: Service) -> None:
    """The ciphertext, the receipt and its index are held to what was asked for, before a text is believed."""
    sealed = b"ciphertext"
    fact = leaf("x", name_commitment=sha256(b"ringfence/commitment/v1\0" + sealed).digest())
    log = IndexedLog((leaf("y", a=1), fact), 2, SIGNER)
    opened = pb.DisclosedField(field="name", sealed=sealed, texts=[pb.DisclosedText(name="name", text="Nora")])
    proof = receipt(log, 1)
    service.disclosed = pb.DiscloseResponse(leaf=fact, proof=proof, fields=[opened], read_index=5)
    got = finding.disclose(1, "why", key=SIGNER.vkey)
    assert [(each.field, each.texts) for each in got.fields] == [("name", (("name", "Nora"),))]
    with pytest.raises(VerificationError, match="another fact"):
        finding.disclose(0, "why", key=SIGNER.vkey)
    service.disclosed.fields[0].sealed = b"another"
    with pytest.raises(VerificationError, match="does not commit"):
        finding.disclose(1, "why")
    service.disclosed.leaf = leaf("y", a=1)
    with pytest.raises(VerificationError):
        finding.disclose(1, "why", key=SIGNER.vkey)
