"""Events of submissions: frozen, packed, published by the feed (docs/formats.md).

Columns hold one value per row, big-endian (see `columns`). Every event names its tenant, and the ids of the
instructions it is about, so that a follower needs no other event to understand it. Personal data stands only in the
`sealed` columns: AES-256-GCM under the data key of the party it is about, or of the tenant for strangers; the
associated data are the event's stream and version, and a field name "debtor[i]", "creditor[i]" or "parties[i]".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

KIND_BATCH = 1
KIND_PAIN_001 = 2


@dataclass(frozen=True, slots=True)
class SubmissionReceived:
    """A batch or file was taken in; the rows follow in InstructionsReceived events of the same commit."""

    TOPIC: ClassVar[str] = "SubmissionReceived.v1"
    tenant: bytes
    submission_id: bytes
    kind: int
    instruction_count: int
    digest: bytes  # SHA-256 of the content
    maker: bytes
    authorisation: str  # signed by identity for this service alone, for one tenant
    authorisation_expires_ns: int
    message_id: str = ""  # MsgId of a file
    status_report: bytes = b""  # pain.002 that answered the file
    maker_hand: bytes = b""  # person (16 bytes), SHA-256 of key and of certificate (32 each) of the maker


@dataclass(frozen=True, slots=True)
class SubmissionRefused:
    """A file was refused whole; the answer is kept, so that the same bytes get it again."""

    TOPIC: ClassVar[str] = "SubmissionRefused.v1"
    tenant: bytes
    submission_id: bytes
    digest: bytes
    maker: bytes
    message_id: str
    reason: str
    iso_reason_code: str
    status_report: bytes


@dataclass(frozen=True, slots=True)
class InstructionsReceived:
    """Rows of a submission, from `first_index` on: each is now RECEIVED."""

    TOPIC: ClassVar[str] = "InstructionsReceived.v1"
    tenant: bytes
    submission_id: bytes
    first_index: int
    instruction_ids: bytes  # 16 bytes per row
    end_to_end_ids: tuple[str, ...]
    debtor_accounts: bytes  # 16 bytes per row; zero when the IBAN is no account of the tenant
    debtor_owners: bytes  # 16 bytes per row: whose key seals the debtor's data
    creditor_accounts: bytes  # 16 bytes per row; zero when the money leaves by the bank
    creditor_owners: bytes  # 16 bytes per row: whose key seals the creditor's data
    creditor_indexes: bytes  # 16 bytes per row: keyed blind index of the creditor's IBAN
    amounts_minor: bytes  # 8 bytes per row
    ledgers: bytes  # 2 bytes per row: ISO 4217 numeric code, 0 for an unknown currency
    execution_days: bytes  # 4 bytes per row, signed: days since 1970-01-01, 0 at once
    debtor_sealed: tuple[bytes, ...]
    creditor_sealed: tuple[bytes, ...]
    parties_sealed: dict[int, bytes] = field(default_factory=dict)  # row -> whom it names beside; tenant's key
    parties_rows: bytes = b""  # 2 bytes per row: the row of parties_sealed, from 1; empty means all 0
    purposes: bytes = b""  # 2 bytes per row: OrderPurpose; none at all where all are payments
    mandates: bytes = b""  # 16 bytes per row: what each rests on, zero for a payment; none at all as above
    fingerprints: bytes = b""  # 16 bytes per row: keyed hash of parties, amount, currency and text; or none at all
    uetrs: bytes = b""  # 16 bytes per row: UETR that the order came with, zero without; none at all where none has one
    instruction_identifications: tuple[str, ...] = ()  # InstrId per row, empty without; none at all where none has one


@dataclass(frozen=True, slots=True)
class InstructionsAdvanced:
    """Transitions decided together, in order; an instruction may take several steps at once."""

    TOPIC: ClassVar[str] = "InstructionsAdvanced.v1"
    tenant: bytes
    submission_id: bytes
    cause: str  # intake, screening, custody, rail, bank, decision, expiry, standing
    instruction_ids: bytes  # 16 bytes per row
    indexes: bytes  # 4 bytes per row: position in the submission, from 0
    statuses: bytes  # 1 byte per row: Status reached
    reasons: tuple[str, ...] = ("",)
    reason_rows: bytes = b""  # 1 byte per row into `reasons`; empty means all 0
    details: dict[int, str] = field(default_factory=dict)  # row -> sanctions reference, bank's code
    actor: bytes = b""  # principal behind it; empty for the service itself
    evidence: bytes = b""  # SHA-256 of what it rests on: screening lists used, bank's file
    reference: str = ""  # message id of the bank message
    note: str = ""
    mirror_accounts: bytes = (
        b""  # 16 bytes per row: mirror by which reserved money leaves, or zero; none at all for none
    )


@dataclass(frozen=True, slots=True)
class InstructionsDirected:
    """It was decided what happens next to instructions; no state changed yet."""

    TOPIC: ClassVar[str] = "InstructionsDirected.v1"
    tenant: bytes
    submission_id: bytes
    directive: int  # Directive
    instruction_ids: bytes
    indexes: bytes
    reason: str = ""
    details: dict[int, str] = field(default_factory=dict)
    actor: bytes = b""
    evidence: bytes = b""
    reference: str = ""
    note: str = ""
    actor_hand: bytes = b""  # as maker_hand, of the principal behind it


@dataclass(frozen=True, slots=True)
class SubmissionWaiting:
    """A lane's work on the submission cannot go on for a named reason; it does by itself once the reason is gone."""

    TOPIC: ClassVar[str] = "SubmissionWaiting.v1"
    tenant: bytes
    submission_id: bytes
    reason: str
    lane: str = ""


@dataclass(frozen=True, slots=True)
class InstructionsRescreened:
    """Instructions that the bank does not have were screened again: what hits goes no further until it is released."""

    TOPIC: ClassVar[str] = "InstructionsRescreened.v1"
    tenant: bytes
    submission_id: bytes
    instruction_ids: bytes
    indexes: bytes
    hits: dict[int, str]  # row -> list and the publisher's own number of the entry
    hit_digests: dict[int, bytes]  # row -> SHA-256 of the entry, zeros where the list has none
    evidence: bytes  # SHA-256 of the lists in force


@dataclass(frozen=True, slots=True)
class HitsReleased:
    """Two people have found that what hit names somebody else: these instructions go on."""

    TOPIC: ClassVar[str] = "HitsReleased.v1"
    tenant: bytes
    submission_id: bytes
    instruction_ids: bytes
    indexes: bytes
    actor: bytes  # the second person's principal
    note: str


EVENTS: tuple[type, ...] = (
    InstructionsRescreened,
    HitsReleased,
    SubmissionReceived,
    SubmissionRefused,
    InstructionsReceived,
    InstructionsAdvanced,
    InstructionsDirected,
    SubmissionWaiting,
)
