"""A log with readers of some platforms, of a country, and of everything, some of whose grants do not hold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.store import EventStore
from ringfence_protos.audit.v1 import audit_pb2

from ..conftest import Audit, running
from ..feeds import START_NS, SourceFeed, accounts_created, identifier, kyc_changed, transfers_created

OURS, THEIRS, HOUSE = identifier("platform-ours"), identifier("platform-theirs"), identifier("calendar")
LIMITED, OTHER, WHOLE, LATE, EARLY, ENDED, BY_COUNTRY, BY_BOTH = (
    identifier(each) for each in ("limited", "other", "whole", "late", "early", "ended", "by-country", "by-both")
)
METHODS = [each.name for each in audit_pb2.DESCRIPTOR.services_by_name["AuditService"].methods]
SHARED = identifier("shared-mandate")
"""An id that both platforms' facts name."""
CONTEXT: Any = None
PLATFORM = frozenset({"platform"})
HOUR_NS = 3_600 * 10**9


@dataclass(frozen=True)
class World:
    """A log that somebody reads."""

    audit: Audit

    @property
    def size(self) -> int:
        """The size under its checkpoint."""
        assert self.audit.log.signed is not None
        return self.audit.log.signed.size

    @property
    def key(self) -> str:
        """The log's public key."""
        return self.audit.signer.key.text()

    async def ask(self, method: str, request: Message, principal: bytes = LIMITED, **claims: Any) -> Any:
        """Calls a method as somebody with a token."""
        with calling(Caller("spiffe://ringfence.local/principal/x", None, principal, "thumbprint", **claims)):
            return await getattr(self.audit.servicer, method)(request, CONTEXT)


def registered(principal: bytes, kind: str = "REGULATOR", until_ns: int = 0) -> dict[str, Any]:
    """A registration that two people wanted."""
    fields = {"principal": principal, "kind": kind, "name": "", "tenant": b"", "public_key": b"k" * 32}
    by = identifier("operator")
    return {**fields, "certificate_sha256": b"c" * 32, "active": True, "by": by, "person": b"", "until_ns": until_ns}


def granted(principal: bytes, *platforms: bytes, **changes: Any) -> dict[str, Any]:
    """A grant that two people have given."""
    shown = [each.hex() for each in platforms]
    fields = {"principal": principal, "grant": principal[::-1], "platforms": shown, "jurisdictions": [], "from_ns": 0}
    return {**fields, "until_ns": 0, "case_reference": f"case of {principal.decode()}", "by": OTHER, **changes}


def tell_of_readers(identity: SourceFeed) -> None:
    """Registers platforms and readers, each with a grant."""
    for platform in (OURS, THEIRS):
        identity.add("PrincipalRegistered.v1", registered(platform, "PLATFORM"), platform)
    for reader in (LIMITED, OTHER, WHOLE, LATE, EARLY, BY_COUNTRY, BY_BOTH):
        identity.add("PrincipalRegistered.v1", registered(reader), reader)
    identity.add("PrincipalRegistered.v1", registered(ENDED, until_ns=START_NS), ENDED)
    identity.add("AccessGranted.v1", granted(LIMITED, OURS), LIMITED)
    identity.add("AccessGranted.v1", granted(OTHER, THEIRS), OTHER)
    identity.add("AccessGranted.v1", granted(LATE, OURS, until_ns=START_NS), LATE)
    identity.add("AccessGranted.v1", granted(EARLY, OURS, from_ns=START_NS + HOUR_NS), EARLY)
    identity.add("AccessGranted.v1", granted(BY_COUNTRY, jurisdictions=["DE"]), BY_COUNTRY)
    identity.add("AccessGranted.v1", granted(BY_BOTH, THEIRS, jurisdictions=["DE"]), BY_BOTH)
    identity.add("JurisdictionStated.v1", {"principal": OURS, "jurisdiction": "DE", "by": OTHER}, OURS)


ROUNDS = ((3, 40), (300, 5), (4, 300), (260, 2))
"""How many leaves of the others, and then of ours, the log takes over at once."""


@asynccontextmanager
async def living(store: EventStore, *, is_shared: bool, most_bundles: int = 2) -> AsyncIterator[World]:
    """A log in which the others are a platform, or the house."""
    custody, identity = SourceFeed("custody"), SourceFeed("identity")
    async with running(store, [custody, identity], most_bundles=most_bundles) as audit:
        tell_of_readers(identity)
        identity.add("KycChanged.v1", kyc_changed("owner-a", tenant=OURS))
        await audit.follow(identity)
        custody.add("AccountsCreated.v1", accounts_created("alice", "bob", owners=("owner-a", "owner-b")), OURS)
        if is_shared:
            custody.add("AccountsCreated.v1", accounts_created("carol"), THEIRS)
            custody.add("AccountsCreated.v1", accounts_created("dave", first_index=2), THEIRS)
        else:
            filled_by_the_house(custody, 2)
        await audit.follow(custody)
        for number, (others, ours) in enumerate(ROUNDS):
            moved(custody, OURS, f"a{number}", ours // 2)
            if is_shared:
                moved(custody, THEIRS, f"b{number}", others)
            else:
                filled_by_the_house(custody, others)
            moved(custody, OURS, f"c{number}", ours - ours // 2)
            await audit.follow(custody)
        # A bundle in which only identity names our platform.
        filled_by_the_house(custody, 300)
        await audit.follow(custody)
        identity.add("JurisdictionStated.v1", {"principal": OURS, "jurisdiction": "DE", "by": OTHER}, OURS)
        await audit.follow(identity)
        await audit.publish()
        made = World(audit)
        await looked_at(made)
        await audit.publish()
        # Nobody else projects: the proof shows all that there is.
        audit.proof.position = audit.store.head().position + 10_000
        yield made


async def looked_at(world: World) -> None:
    """Others read what is theirs, what both use, and everything; of ours one reads by a grant of it."""
    carol, alice = identifier("carol"), identifier("alice")
    for method, request, reader in (
        ("Search", audit_pb2.SearchRequest(subject_id=SHARED), OTHER),
        ("Search", audit_pb2.SearchRequest(from_ns=1), OTHER),
        ("Search", audit_pb2.SearchRequest(tenant_id=THEIRS), WHOLE),
        ("GetAnswer", audit_pb2.GetAnswerRequest(subject_id=carol), WHOLE),
        ("GetReceipt", audit_pb2.GetReceiptRequest(leaf_index=170), WHOLE),
        ("Search", audit_pb2.SearchRequest(subject_id=alice), WHOLE),
        ("Search", audit_pb2.SearchRequest(from_ns=1), WHOLE),
        ("Search", audit_pb2.SearchRequest(from_ns=1), BY_COUNTRY),
    ):
        await world.ask(method, request, reader)


def moved(custody: SourceFeed, book: bytes, name: str, count: int) -> None:
    """A platform moves money, in events of one transfer, by an id that the other one uses as well."""
    for number in range(count):
        event = transfers_created(f"{name}-{number}")
        custody.add("TransfersCreated.v1", event | {"user_data_128": SHARED}, book)


def filled_by_the_house(custody: SourceFeed, count: int) -> None:
    """The house opens business days."""
    for day in range(count):
        fields = {"calendar": "TARGET", "day": day, "previous_day": 0, "opened_ns": START_NS, "stepped": False}
        custody.add("BusinessDayOpened.v1", fields, HOUSE)
