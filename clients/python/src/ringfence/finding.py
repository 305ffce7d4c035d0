"""Finding facts by whatever a supervisor has of them, and opening what a fact has sealed; each with a reason.

A name, an identity number, an IBAN and a text are looked up, which gives ids; what is then said of these ids is a
complete answer, proven here. An id, an amount and a file are keys of the log's index: there the answer proves it all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from uuid import UUID

import grpc
from ringfence_desk.narrowing import Narrowing
from ringfence_desk.sought import Ground, Sought, Taken, together
from ringfence_protos.audit.v1 import disclosure_pb2 as pb
from ringfence_protos.audit.v1 import disclosure_pb2_grpc
from ringfence_verifier import Fact, KeySuccession, Opening, Policy, VerificationError, read_leaf, verify_receipt
from ringfence_verifier.index import FILES, amount_key, file_key

from ringfence.audit import Audit
from ringfence.errors import RingfenceError
from ringfence.transport import Connection

MOST_SUBJECTS = 25
"""Of one look-up, about which facts are asked for; the others are named."""
_PAGE = 100
_BY = {
    Taken.NAME: pb.LOOK_UP_BY_NAME,
    Taken.NUMBER: pb.LOOK_UP_BY_IDENTITY_NUMBER,
    Taken.IBAN: pb.LOOK_UP_BY_IBAN,
    Taken.TEXT: pb.LOOK_UP_BY_TEXT,
}
LOOKED_UP = frozenset(_BY)
"""What is found by a look-up, which takes a reason."""
_NARROW = "GRANT_TOO_NARROW"
_ENTRY = "entry"


@dataclass(frozen=True)
class LookedUp:
    """What a look-up has found: an id to ask about, by which field, of which platform; of a text the fact that has it.

    `account_id` is the account that an IBAN stands for.
    """

    subject_id: UUID | None
    subject_field: str
    tenant_id: UUID | None
    account_id: UUID | None
    found_by: str
    leaf_index: int = 0
    fact: Fact | None = None
    openings: tuple[Opening, ...] = ()


@dataclass(frozen=True)
class LookUp:
    """A look-up: what was found, and how far was looked.

    `until` is a number of facts whose texts were looked through, or the position of identity's feed. `read_indexes` are
    the facts that record it, one for each page, `salts` (16 bytes) open their commitments to what was sought.
    """

    found: list[LookedUp]
    until: int
    is_complete: bool
    has_more: bool
    read_indexes: list[int]
    salts: list[bytes]


@dataclass(frozen=True)
class DisclosedField:
    """A sealed field: the ciphertext that the fact commits to, its texts by name, or the reason why it is closed."""

    field: str
    sealed: bytes
    texts: tuple[tuple[str, str], ...]
    reason: str


@dataclass(frozen=True)
class Disclosed:
    """A fact with its receipt, its sealed fields opened, and the index of the fact that records the disclosure.

    That the fact commits to the ciphertexts was verified; that these say what `texts` say is identity's word.
    """

    leaf_index: int
    fact: Fact
    proof: str
    fields: list[DisclosedField]
    read_index: int


@dataclass(frozen=True)
class Way:
    """One way in which what was sought was taken: what it gave, on what it rests that this is all, and up to where.

    `until` is as `LookUp.until` where it rests on a look-up, else a number of facts. `others` is how many subjects more
    there are, at least, about whom no facts were asked for; `refused` why a look-up was, as docs/errors.md names it.
    """

    sought: Sought
    facts: list[tuple[int, Fact]]
    ground: Ground
    until: int
    found: list[LookedUp] = field(default_factory=list)
    others: int = 0
    refused: str = ""


class Finder:
    """Look-ups, disclosures, and what they make of the log together."""

    def __init__(self, channel: grpc.Channel, connection: Connection, audit: Audit) -> None:
        self._connection, self._audit = connection, audit
        self._stub = disclosure_pb2_grpc.DisclosureServiceStub(channel)

    def look_up(
        self, taken: Taken, sought: str, reason: str, *, tenant_id: UUID | None = None, most: int = 1_000
    ) -> LookUp:
        """Ids by a name, an identity number, an IBAN or a text, of any platform where none is given.

        Each page is a fact in the log, with the reason, before it is answered. Raises RingfenceError, SUBJECT_ERASED
        where an IBAN was somebody's who was erased.
        """
        found, reads, salts, token = list[LookedUp](), list[int](), list[bytes](), ""
        while True:
            request = pb.LookUpRequest(
                by=_BY[taken],
                sought=sought,
                reason=reason,
                tenant_id=tenant_id.bytes if tenant_id else b"",
                page_size=min(_PAGE, most),
                page_token=token,
            )
            page = self._connection.call(self._stub.LookUp, request)
            found += map(_looked_up, page.found)
            reads.append(page.read_index)
            salts.append(page.salt)
            token = page.next_page_token
            if not token or len(found) >= most:
                until = page.searched_leaves or page.identity_position
                return LookUp(found[:most], until, page.complete, bool(token) or len(found) > most, reads, salts)

    def disclose(
        self,
        leaf_index: int,
        reason: str,
        fields: Iterable[str] = (),
        *,
        key: str | KeySuccession | None = None,
        policy: Policy | None = None,
    ) -> Disclosed:
        """What a fact has sealed, all of it or some fields by their names without `_commitment`.

        The disclosure is a fact in the log, with the reason, before identity is asked. With the log's key the receipt
        is verified. Raises VerificationError where the fact does not commit to what was opened, RingfenceError with
        SUBJECT_ERASED once everybody whom it is about is erased.
        """
        request = pb.DiscloseRequest(leaf_index=leaf_index, fields=list(fields), reason=reason)
        reply = self._connection.call(self._stub.Disclose, request)
        if key is not None:
            proven = verify_receipt(reply.proof, key, leaf=reply.leaf, policy=policy)
            if proven.index != leaf_index:
                raise VerificationError("the log has answered another fact than it was asked for")
        fact = read_leaf(reply.leaf)
        for each in reply.fields:
            committed = fact.fields.get("commitment" if each.field == _ENTRY else f"{each.field}_commitment")
            if committed != sha256(b"ringfence/commitment/v1\0" + each.sealed).digest():
                raise VerificationError(f"the fact does not commit to what was opened as its {each.field}")
        opened = [
            DisclosedField(each.field, each.sealed, tuple((text.name, text.text) for text in each.texts), each.reason)
            for each in reply.fields
        ]
        return Disclosed(leaf_index, fact, reply.proof, opened, reply.read_index)

    def find(
        self,
        sought: Sequence[Sought],
        key: str | KeySuccession,
        *,
        reason: str = "",
        narrowing: Narrowing | None = None,
        policy: Policy | None = None,
        look: Audit | None = None,
    ) -> list[Way]:
        """Facts by each way in which something was taken, the newest first; a look-up needs the reason.

        All but look-ups is asked for as one look, which `look` goes on with (`Audit.looking`). Raises VerificationError
        where an answer does not hold.
        """
        wanted, found, audit = narrowing or Narrowing(), list[Way](), look or self._audit.looking("find")
        for each in sought:
            way = _Asking(self, audit, key, policy, reason, wanted).way(each)
            facts = sorted({index: fact for index, fact in way.facts if wanted.takes(fact)}.items(), reverse=True)
            found.append(replace(way, facts=facts))
        return found


@dataclass(frozen=True)
class _Asking:
    """One question, under one key."""

    finding: Finder
    audit: Audit
    key: str | KeySuccession
    policy: Policy | None
    reason: str
    wanted: Narrowing

    def way(self, sought: Sought) -> Way:
        """Asks in the way that something was taken."""
        if sought.taken in LOOKED_UP:
            return self._looked_up(sought)
        if sought.taken is Taken.FACT:
            proven = verify_receipt(self.audit.receipt(sought.index).proof, self.key, policy=self.policy)
            if proven.index != sought.index:
                raise VerificationError("the log has answered another fact than it was asked for")
            return Way(sought, [(proven.index, read_leaf(proven.leaf))], Ground.PROVEN, proven.index + 1)
        if sought.between_ns is not None:
            return self._between(sought, sought.between_ns)
        if sought.taken is Taken.FILE:
            way = self._about(sought, UUID(bytes=file_key(sought.sha256)))
            return _which(way, lambda fact: sought.sha256 in (fact.fields.get(name) for name in FILES))
        if sought.taken is Taken.AMOUNT:
            way = self._about(sought, UUID(bytes=amount_key(sought.ledger, sought.minor)))
            said = ("amount_minor", sought.minor), ("ledger", sought.ledger)
            return _which(way, lambda fact: all(fact.fields.get(name) == value for name, value in said))
        if sought.id is None:
            raise ValueError("nothing is sought")
        return self._about(sought, sought.id)

    def _about(self, sought: Sought, subject: UUID) -> Way:
        """All facts about a key, proven to be all; as the log's search shows them to who is granted some platforms."""
        try:
            answer = self.audit.answer(subject, self.key, policy=self.policy)
        except RingfenceError as error:
            if error.reason != _NARROW:
                raise
            shown = self.audit.search(subject, key=self.key, policy=self.policy)
            facts = [(leaf.index, read_leaf(leaf.content)) for leaf in shown]
            return Way(sought, facts, Ground.LOG, 0)
        return Way(sought, answer.facts, Ground.PROVEN, answer.until_leaf)

    def _between(self, sought: Sought, between_ns: tuple[int, int]) -> Way:
        from_ns, until_ns = between_ns
        leaves = self.audit.search(
            None, self.wanted.tenant_id, from_ns=from_ns, until_ns=until_ns, key=self.key, policy=self.policy
        )
        return Way(sought, [(each.index, read_leaf(each.content)) for each in leaves], Ground.LOG, 0)

    def _looked_up(self, sought: Sought) -> Way:
        own = Ground.BESIDE if sought.taken is Taken.TEXT else Ground.IDENTITY
        try:
            looked = self.finding.look_up(
                sought.taken, sought.text, self.reason, tenant_id=self.wanted.tenant_id, most=MOST_SUBJECTS + 1
            )
        except RingfenceError as error:
            if error.is_transient or error.reason not in ("SUBJECT_ERASED", "SOUGHT_INVALID"):
                raise
            return Way(sought, [], own, 0, refused=error.reason)
        subjects = list(dict.fromkeys(_subjects(looked.found)))
        facts = [(each.leaf_index, each.fact) for each in looked.found if each.fact is not None]
        grounds = [own]
        for subject in subjects[:MOST_SUBJECTS]:
            about = self._about(sought, subject)
            facts += about.facts
            grounds.append(about.ground)
        others = max(len(subjects) - MOST_SUBJECTS, int(looked.has_more))
        return Way(sought, facts, together(grounds), looked.until, looked.found, others)


def _which(way: Way, is_it: Callable[[Fact], bool]) -> Way:
    """Keeps what has the value itself: somebody may have chosen an id that is its key."""
    return replace(way, facts=[(index, fact) for index, fact in way.facts if is_it(fact)])


def _subjects(found: Iterable[LookedUp]) -> Iterator[UUID]:
    for each in found:
        yield from (id for id in (each.subject_id, each.account_id) if id is not None)


def _looked_up(read: pb.LookedUp) -> LookedUp:
    openings = tuple(
        Opening(each.field, each.salt, each.content.decode(errors="replace") if each.is_text else each.content)
        for each in read.openings
        if each.salt
    )
    return LookedUp(
        _id(read.subject_id),
        read.subject_field,
        _id(read.tenant_id),
        _id(read.account_id),
        read.found_by,
        read.leaf_index,
        read_leaf(read.leaf) if read.leaf else None,
        openings,
    )


def _id(read: bytes) -> UUID | None:
    return UUID(bytes=read) if read else None
