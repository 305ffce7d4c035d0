"""What is kept of parties: one row each, without the sealed personal data, which is read from the store when asked for.

No decision needs personal data; a hash keyed by the party's data key tells whether a command brings the same. Of KYC
decisions with an id the newest are here; all of them stand in a table that is written with their events.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from struct import Struct
from typing import ClassVar

from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID, external_id
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.packed_map import PackedMap, ids_to_ids
from ringfence_kernel.writing.recent import LookedUp, Recent

from ringfence_identity.parties.domain import events
from ringfence_identity.parties.domain.events import (
    KycChanged,
    KycReleaseProposed,
    LegalHoldLifted,
    LegalHoldPlaced,
    OwnersRecorded,
    PartyAmended,
    PartyBlocked,
    PartyErased,
    PartyRegistered,
)
from ringfence_identity.parties.domain.kyc import KycState, PartyKind

PARTIES = "parties, format 1"
NUMBERS = "identity numbers, format 1"
DECISIONS = "recent decisions, format 1"
ERASED = "erased, format 1"
OWNERS = "owners, format 1"
LEGAL_HOLDS = "legal holds, format 1"
FINDINGS = "findings, format 1"
KINDS = tuple(PartyKind)
KYC_STATES = tuple(KycState)
"""Rows hold places in these: a new one goes to the end."""
RECENT_DECISIONS = 16_384
"""What a look-up may be behind; a batch has fewer, or it would be out of date by itself."""


@dataclass(frozen=True, slots=True)
class Party:
    """A client of a platform. Its sealed personal data stands at `personal_version` of its stream.

    `id` is its subject: the stream of its events and the name of its data key.
    """

    id: bytes
    tenant: bytes
    kind: PartyKind
    personal_version: int
    identity_index: bytes
    digest: bytes
    version: int
    kyc: KycState = KycState.NOT_STARTED
    release_proposed_by: bytes = b""
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Owners:
    """A company's owners as recorded for the `number`th time; sealed at `version` of its stream."""

    number: int = 0
    version: int = 0
    digest: bytes = ZERO_ID


@dataclass(frozen=True, slots=True)
class Decided:
    """What an operator's decision with an id was about."""

    party: bytes
    to: KycState


@dataclass(slots=True)
class State:
    """All parties by subject, by identity number (its index), and the newest decisions on them by theirs."""

    EVENTS: ClassVar[tuple[type, ...]] = events.EVENTS

    parties: PackedMap[Party] = field(
        default_factory=lambda: PackedMap(Struct("<16s16s16s16sIIBBB"), _party_fields, _party)
    )
    identity_numbers: PackedMap[bytes] = field(default_factory=ids_to_ids)
    kyc_decisions: Recent[Decided] = field(default_factory=lambda: Recent(Decided, RECENT_DECISIONS))
    erased: dict[bytes, bool] = field(default_factory=dict)
    """Those whose data key is destroyed, found without going through all."""
    owners: PackedMap[Owners] = field(default_factory=lambda: PackedMap(Struct("<II16s"), _owners_fields, _owners))
    legal_holds: dict[bytes, tuple[str, ...]] = field(default_factory=dict)
    """References of the orders that hold a party, oldest first."""
    findings: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    """What lists have named blocked parties by, SHA-256 each, in the order in which it was told."""

    def subject_of(self, tenant: bytes, party: bytes, *, taken: bool = False) -> bytes:
        """Returns the subject that a tenant's party has, or would have: its id, unless another had it before.

        So no tenant learns of another's ids: what is taken (also, with `taken`, by a principal) is free for it.
        """
        row = self.parties.get(party)
        if row is not None and row.tenant == tenant:
            return party
        _, own = self.streams_of(tenant, party)
        return own if row is not None or taken or own in self.parties else party

    @staticmethod
    def streams_of(tenant: bytes, party: bytes) -> tuple[bytes, bytes]:
        """Returns the streams of which one is, or would be, that of a tenant's party: its id, and one of its own."""
        return party, external_id("identity.party", tenant, party.hex())

    def decision(self, key: bytes, table: LookedUp[Decided]) -> Decided | None:
        """Returns what a decision with an id was about when it was made first, or None."""
        return table.found.get(key) or self.kyc_decisions.get(key)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event; every change goes through the journal.

        The version of a party's stream stands in its row: the writer need not keep it.
        """
        self._appliers[type(recorded.event)](self, recorded, journal)
        journal.end(recorded.stream)

    def _register(self, recorded: Recorded, journal: Journal) -> None:
        event: PartyRegistered = recorded.event
        subject, version = recorded.stream, recorded.version
        party = Party(subject, event.tenant, event.kind, version, event.identity_index, event.digest, version)
        journal.put(self.parties, subject, party)
        journal.put(self.identity_numbers, event.identity_index, subject)

    def _amend(self, recorded: Recorded, journal: Journal) -> None:
        """Replaces the personal data."""
        event: PartyAmended = recorded.event
        party, version = self.parties[recorded.stream], recorded.version
        journal.remove(self.identity_numbers, party.identity_index)
        journal.put(self.identity_numbers, event.identity_index, recorded.stream)
        amended = replace(
            party,
            kind=event.kind,
            personal_version=version,
            identity_index=event.identity_index,
            digest=event.digest,
            version=version,
        )
        journal.put(self.parties, recorded.stream, amended)

    def _change_kyc(self, recorded: Recorded, journal: Journal) -> None:
        """Moves the party, and drops a proposal that was confirmed or overtaken."""
        event: KycChanged = recorded.event
        party = self.parties[recorded.stream]
        moved = replace(party, kyc=event.after, release_proposed_by=b"", version=recorded.version)
        journal.put(self.parties, recorded.stream, moved)
        if event.after is not KycState.BLOCKED and recorded.stream in self.findings:
            journal.remove(self.findings, recorded.stream)
        self._remember(recorded, journal)

    def _propose_release(self, recorded: Recorded, journal: Journal) -> None:
        """Remembers who proposed."""
        event: KycReleaseProposed = recorded.event
        party = self.parties[recorded.stream]
        proposed = replace(party, release_proposed_by=event.by, version=recorded.version)
        journal.put(self.parties, recorded.stream, proposed)
        self._remember(recorded, journal)

    def _erase(self, recorded: Recorded, journal: Journal) -> None:
        """Keeps the id and the state, and forgets everything that comes from personal data."""
        subject = recorded.stream
        party = self.parties[subject]
        journal.remove(self.identity_numbers, party.identity_index)
        erased = replace(party, identity_index=b"", digest=b"", version=recorded.version, erased=True)
        journal.put(self.parties, subject, erased)
        journal.put(self.erased, subject, True)
        for kept in (self.owners, self.findings):
            if subject in kept:
                journal.remove(kept, subject)

    def _record_owners(self, recorded: Recorded, journal: Journal) -> None:
        event: OwnersRecorded = recorded.event
        self._went_on(recorded, journal)
        journal.put(self.owners, recorded.stream, Owners(event.number, recorded.version, event.digest))

    def _block(self, recorded: Recorded, journal: Journal) -> None:
        """Drops a release that was proposed before this was known; the state itself changes by KycChanged."""
        event: PartyBlocked = recorded.event
        party = replace(self.parties[recorded.stream], release_proposed_by=b"", version=recorded.version)
        journal.put(self.parties, recorded.stream, party)
        found = self.findings.get(recorded.stream, ())
        if event.finding not in found:
            journal.put(self.findings, recorded.stream, (*found, event.finding))

    def _hold(self, recorded: Recorded, journal: Journal) -> None:
        event: LegalHoldPlaced = recorded.event
        self._went_on(recorded, journal)
        held = self.legal_holds.get(recorded.stream, ())
        journal.put(self.legal_holds, recorded.stream, (*held, event.order_reference))

    def _lift_hold(self, recorded: Recorded, journal: Journal) -> None:
        event: LegalHoldLifted = recorded.event
        self._went_on(recorded, journal)
        left = tuple(each for each in self.legal_holds[recorded.stream] if each != event.order_reference)
        if left:
            journal.put(self.legal_holds, recorded.stream, left)
        else:
            journal.remove(self.legal_holds, recorded.stream)

    def _went_on(self, recorded: Recorded, journal: Journal) -> None:
        party = replace(self.parties[recorded.stream], version=recorded.version)
        journal.put(self.parties, recorded.stream, party)

    def _remember(self, recorded: Recorded, journal: Journal) -> None:
        made = decided_by(recorded.event)
        if made is not None and self.kyc_decisions.get(made[0]) is None:
            self.kyc_decisions.put(*made, recorded.position, journal)

    _appliers: ClassVar[Mapping[type, Callable[["State", Recorded, Journal], None]]] = {
        PartyRegistered: _register,
        PartyAmended: _amend,
        KycChanged: _change_kyc,
        KycReleaseProposed: _propose_release,
        OwnersRecorded: _record_owners,
        PartyBlocked: _block,
        LegalHoldPlaced: _hold,
        LegalHoldLifted: _lift_hold,
        PartyErased: _erase,
    }

    def digest(self) -> bytes:
        """Returns SHA-256 over everything, in the order of its keys."""
        content = self.parties.digest() + self.identity_numbers.digest() + self.kyc_decisions.digest()
        return sha256(content + self.owners.digest() + self._holds() + self._findings()).digest()

    def save(self) -> Sections:
        """Returns everything."""
        return [
            *self.parties.save(PARTIES),
            *self.identity_numbers.save(NUMBERS),
            (DECISIONS, self.kyc_decisions.save()),
            (ERASED, b"".join(self.erased)),
            *self.owners.save(OWNERS),
            (LEGAL_HOLDS, self._holds()),
            (FINDINGS, self._findings()),
        ]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned."""
        holds = plain.decode(sections[LEGAL_HOLDS], list[tuple[bytes, tuple[str, ...]]])
        self.parties.restore(PARTIES, sections)
        self.identity_numbers.restore(NUMBERS, sections)
        self.kyc_decisions.restore(sections[DECISIONS])
        erased = bytes(sections[ERASED])
        if len(erased) % ID_BYTES:
            raise ValueError(f"{ERASED}: no whole ids")
        self.erased = {erased[at : at + ID_BYTES]: True for at in range(0, len(erased), ID_BYTES)}
        self.owners.restore(OWNERS, sections)
        self.legal_holds = dict(holds)
        self.findings = dict(plain.decode(sections[FINDINGS], list[tuple[bytes, tuple[bytes, ...]]]))

    def _holds(self) -> bytes:
        return plain.encode(sorted(self.legal_holds.items()))

    def _findings(self) -> bytes:
        return plain.encode(sorted(self.findings.items()))


def _party_fields(party: Party) -> tuple[object, ...]:
    return (
        party.tenant,
        party.identity_index,
        party.digest,
        party.release_proposed_by,
        party.personal_version,
        party.version,
        KINDS.index(party.kind),
        KYC_STATES.index(party.kyc),
        party.erased,
    )


def _party(
    key: bytes,
    tenant: bytes,
    index: bytes,
    digest: bytes,
    proposer: bytes,
    personal_version: int,
    version: int,
    kind: int,
    kyc: int,
    erased: int,
) -> Party:
    return Party(
        id=key,
        tenant=tenant,
        kind=KINDS[kind],
        personal_version=personal_version,
        identity_index=_or_none(index),
        digest=_or_none(digest),
        version=version,
        kyc=KYC_STATES[kyc],
        release_proposed_by=_or_none(proposer),
        erased=bool(erased),
    )


def _owners_fields(owners: Owners) -> tuple[object, ...]:
    return owners.number, owners.version, owners.digest


def _owners(key: bytes, number: int, version: int, digest: bytes) -> Owners:
    return Owners(number, version, digest)


def _or_none(identifier: bytes) -> bytes:
    return b"" if identifier == ZERO_ID else identifier


def decision_key(tenant: bytes, decision: bytes) -> bytes:
    """Returns what an operator's decision with an id is known by, 32 bytes."""
    return tenant + decision


def decided_by(event: object) -> tuple[bytes, Decided] | None:
    """Returns the key and the contents of the decision that an event is of, None where it has no id."""
    if not isinstance(event, KycChanged | KycReleaseProposed) or not event.decision:
        return None
    to = event.after if isinstance(event, KycChanged) else KycState.REVIEW
    return decision_key(event.tenant, event.decision), Decided(event.party, to)
