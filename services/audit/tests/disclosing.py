"""DisclosureService over a log in this process, with an identity and grants of the tests' own; and what is sealed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec
from ringfence_audit.disclosure.api.servicer import DisclosureServicer
from ringfence_audit.disclosure.application.ports import By, FoundParties, FoundParty, Opened
from ringfence_audit.disclosure.domain.sealed import Sealed
from ringfence_audit.log.adapters.bundle_reader import BundleReader
from ringfence_audit.log.adapters.stored_leaves import ChainedLeaves
from ringfence_audit.log.adapters.tile_reader import TileReader
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.application.seeing import seeing
from ringfence_audit.log.domain.events import EVENTS
from ringfence_audit.log.domain.leaf import decode
from ringfence_audit.log.domain.sight import Sight
from ringfence_kernel.sealing.envelopes import AssociatedData, EnvelopeBroken, seal, unseal
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.columns import pack
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_protos.audit.v1 import disclosure_pb2 as pb

from .conftest import Audit
from .feeds import BOOK, SourceFeed, identifier
from .test_audit_texts import received

NORA, IVO = identifier("nora"), identifier("ivo")
PAYMENT, OTHERS = identifier("of nora"), identifier("of ivo")
SUBMISSION = identifier("submission")
CONTEXT: Any = None
encode = msgspec.msgpack.encode


@dataclass
class LocalIdentity:
    """Keys of subjects in this process; a subject without one is erased. It notes what it is asked, and when."""

    keys: dict[bytes, bytes] = field(default_factory=dict)
    found: list[FoundParty] = field(default_factory=list)
    asked: list[tuple[By, str, frozenset[bytes]]] = field(default_factory=list)
    size_when_asked: Callable[[], int] = lambda: 0
    sizes: list[int] = field(default_factory=list)

    def seal(self, subject: bytes, stream: bytes, version: int, within: str, content: bytes) -> bytes:
        """Seals as the service of the event does."""
        key = self.keys.setdefault(subject, sha256(subject).digest())
        return seal(key, content, AssociatedData(stream, version, within))

    async def find(self, by: By, sought: str, tenants: Collection[bytes], after: bytes, page_size: int) -> FoundParties:
        """Answers what it was told to, of the platforms that are asked for."""
        self.asked.append((by, sought, frozenset(tenants)))
        self.sizes.append(self.size_when_asked())
        found = [each for each in self.found if (not tenants or each.tenant in tenants) and each.subject > after]
        more = found[page_size - 1].subject if len(found) > page_size else b""
        return FoundParties(found[:page_size], more, 7, 7)

    async def open(self, fields: Sequence[Sealed]) -> list[Opened]:
        """Opens as identity does."""
        self.sizes.append(self.size_when_asked())
        return [self._opened(each) for each in fields]

    def _opened(self, each: Sealed) -> Opened:
        if each.subject not in self.keys:
            return Opened(reason="SUBJECT_ERASED")
        try:
            belongs = AssociatedData(each.stream, each.version, each.within)
            return Opened(unseal(self.keys[each.subject], each.envelope, belongs))
        except EnvelopeBroken:
            return Opened(reason="ENVELOPE_BROKEN")


@dataclass
class Desk:
    """The service over a log."""

    audit: Audit
    identity: LocalIdentity
    servicer: DisclosureServicer
    payments: SourceFeed
    shown: frozenset[bytes] | None = None
    """The platforms that the reader is shown."""

    async def look_up(self, sought: str, by: int = pb.LOOK_UP_BY_TEXT, **asked: Any) -> pb.LookUpResponse:
        """Looks up."""
        request = pb.LookUpRequest(by=pb.LookUpBy.ValueType(by), sought=sought, reason="case 7/26", **asked)
        with seeing(Sight(self.shown)):
            return await self.servicer.LookUp(request, CONTEXT)

    async def disclose(self, leaf: int, *fields: str) -> pb.DiscloseResponse:
        """Discloses."""
        request = pb.DiscloseRequest(leaf_index=leaf, fields=fields, reason="case 7/26")
        with seeing(Sight(self.shown)):
            return await self.servicer.Disclose(request, CONTEXT)

    async def leaf_of(self, kind: str, name: str, value: bytes) -> int:
        """Gives the index of a fact."""
        await self.audit.publish()
        listed = await self.audit.servicer.ListLeaves(audit_pb2.ListLeavesRequest(), CONTEXT)
        said = [(each.index, *decode(each.content)) for each in listed.leaves]
        return next(index for index, found, fields in said if found == kind and fields.get(name) == value)

    def last_read(self) -> tuple[int, dict[str, Any], bytes]:
        """Gives the newest fact of a read: its index, fields and bytes."""
        stored = ChainedLeaves(self.audit.store, EventCodec(EVENTS))
        queries = Queries(TileReader(self.audit.store), stored, BundleReader(self.audit.store))
        for index in range(self.audit.log.frontier.size - 1, -1, -1):
            [(_, leaf)] = queries.leaves_at([index])
            kind, fields = decode(leaf)
            if kind == "audit.read.v1":
                return index, fields, leaf
        raise AssertionError("nobody has read")


def registered(party: bytes, personal: dict[str, bytes]) -> dict[str, Any]:
    """Gives a PartyRegistered.v1 event."""
    return {
        "tenant": BOOK, "party": party, "kind": "PERSON", "personal": personal, "identity_index": b"i" * 16,
        "digest": b"d" * 16, "by": BOOK,
    }  # fmt: skip


def claimed(owner: bytes, iban: bytes) -> dict[str, Any]:
    """Gives an AliasClaimed.v1 event."""
    return {
        "tenant": BOOK, "owner": owner, "iban_index": b"x" * 16, "account": identifier("account"), "iban": iban,
        "by": BOOK,
    }  # fmt: skip


def paid(of: LocalIdentity) -> dict[str, Any]:
    """Gives two payments to strangers, whose names the platform's key seals; the second has an ultimate creditor."""
    event = received((PAYMENT, NORA, "RENT-Nora"), (OTHERS, IVO, "RENT-IVO"))
    names = ((NORA, "Nora Ek", 0), (IVO, "Ivo Ek", 1))
    debtors = [of.seal(who, SUBMISSION, 1, f"debtor[{row}]", encode([name, "SE1", "May"])) for who, name, row in names]
    creditor = [["Lo", "DE2", ""], ["Mo", "", "MOXXDEFF", [["CdtrAcct/Id/Othr/Id", "77"]]]]
    creditors = [of.seal(BOOK, SUBMISSION, 1, f"creditor[{row}]", encode(said)) for row, said in enumerate(creditor)]
    third = of.seal(BOOK, SUBMISSION, 1, "parties[1]", encode([["UltmtCdtr", "Pia"]]))
    sealed = {"debtor_sealed": debtors, "creditor_sealed": creditors, "parties_sealed": {1: third}}
    return event | sealed | {"parties_rows": pack("H", [0, 2])}
