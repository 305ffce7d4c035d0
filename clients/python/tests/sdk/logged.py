"""A small log behind the SDK that grows, is shown to some readers in part, and lies where it is told to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import grpc
from google.protobuf.message import Message
from ringfence.audit import Audit
from ringfence.errors import RingfenceError
from ringfence_protos.audit.v1 import audit_pb2 as pb
from ringfence_verifier import read_leaf

from clients.verifier.tests.answers import IndexedLog, combined, keys_of
from clients.verifier.tests.notes import Signer, consistency
from clients.verifier.tests.test_verifier_answer import receipt

SIGNER = Signer()


@dataclass
class LoggedService:
    """Answers from `log`; `asked` are the requests, `listed` and `found` change what is listed and found.

    A reader of a part is shown the facts of `part`. Whatever is in `failing` is refused once, as nobody answers.
    `published` changes the newest checkpoint where that is asked for, not those that come with answers.
    """

    log: IndexedLog
    part: Sequence[int] | None = None
    listed: Callable[[list[pb.Leaf]], list[pb.Leaf]] = lambda leaves: leaves
    found: Callable[[list[pb.Leaf]], list[pb.Leaf]] = lambda leaves: leaves
    published: Callable[[str], str] = lambda note: note
    failing: set[type[Message]] = field(default_factory=set)
    asked: list[Message] = field(default_factory=list)
    reads: list[pb.Read] = field(default_factory=list)

    @classmethod
    def of(cls, *facts: bytes) -> LoggedService:
        """Makes one of a log with these facts and the state after them."""
        return cls(IndexedLog(facts, len(facts), SIGNER))

    def grow(self, *facts: bytes) -> None:
        """Has the log go on."""
        leaves = (*self.log.leaves, *facts)
        self.log = IndexedLog(leaves, len(leaves), SIGNER)

    @property
    def audit(self) -> Audit:
        """The SDK over it."""
        return Audit(grpc.insecure_channel("127.0.0.1:1"), cast(Any, SimpleNamespace(call=self._call)))

    def count(self, kind: type[Message]) -> int:
        """Gives how often something was asked."""
        return sum(isinstance(each, kind) for each in self.asked)

    def _call(self, method: Any, request: Any) -> Any:
        self.asked.append(type(request).FromString(request.SerializeToString()))
        if type(request) in self.failing:
            self.failing.discard(type(request))
            raise RingfenceError("UNAVAILABLE", "", "nobody answers")
        return _ANSWERS[type(request)](self, request)

    def _checkpoint(self, request: pb.GetCheckpointRequest) -> pb.GetCheckpointResponse:
        state = "" if self.part is not None else receipt(self.log, len(self.log.facts))
        return pb.GetCheckpointResponse(checkpoint=self.published(self.log.note.decode()), state_receipt=state)

    def _answer(self, request: pb.GetAnswerRequest) -> pb.GetAnswerResponse:
        if self.part is not None:
            raise RingfenceError("PERMISSION_DENIED", "GRANT_TOO_NARROW", "of some platforms")
        return pb.GetAnswerResponse(answer=self.log.parts(request.subject_id, 0, request.until_leaf or None).encoded())

    def _receipt(self, request: pb.GetReceiptRequest) -> pb.GetReceiptResponse:
        index = request.leaf_index
        return pb.GetReceiptResponse(
            leaf=self.log.leaves[index], proof=receipt(self.log, index, signer=self.log.signer)
        )

    def _consistency(self, request: pb.GetConsistencyProofRequest) -> pb.GetConsistencyProofResponse:
        return pb.GetConsistencyProofResponse(path=consistency(request.from_size, self.log.leaves[: request.to_size]))

    def _list(self, request: pb.ListLeavesRequest) -> pb.ListLeavesResponse:
        shown = [each for each in self._shown() if each.index >= request.from_index][: request.limit]
        return pb.ListLeavesResponse(leaves=self.listed(shown))

    def _search(self, request: pb.SearchRequest) -> pb.SearchResponse:
        subject = request.subject_id
        found = [each for each in self._shown() if not subject or subject in keys_of(read_leaf(each.content))]
        if of := request.tenant_id:
            found = [each for each in found if read_leaf(each.content).fields.get("tenant_id") == of]
        proof = combined(self.log.leaves, {each.index for each in found}) if found else ()
        return pb.SearchResponse(leaves=self.found(found), checkpoint=self.log.note.decode(), proof=proof)

    def _reads(self, request: pb.ListReadsRequest) -> pb.ListReadsResponse:
        return pb.ListReadsResponse(reads=self.reads)

    def _shown(self) -> list[pb.Leaf]:
        part = range(len(self.log.leaves)) if self.part is None else self.part
        return [pb.Leaf(index=index, content=self.log.leaves[index]) for index in part]


_ANSWERS: dict[type[Message], Callable[[LoggedService, Any], Message]] = {
    pb.GetCheckpointRequest: LoggedService._checkpoint,
    pb.GetAnswerRequest: LoggedService._answer,
    pb.GetReceiptRequest: LoggedService._receipt,
    pb.GetConsistencyProofRequest: LoggedService._consistency,
    pb.ListLeavesRequest: LoggedService._list,
    pb.SearchRequest: LoggedService._search,
    pb.ListReadsRequest: LoggedService._reads,
}
