"""Books made up: accounts and movements as facts, and who is asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from hypothesis import strategies as st
from ringfence_desk.fact import Fact, Value

PLATFORM, OTHER = UUID(int=0xFACE), UUID(int=0xBEEF)
EURO = 978
MIRROR, ANNA, BERTA, CLARA, SUSPENSE, SHORTFALL, FEES = (UUID(int=0xA0 + place) for place in range(7))
CLASSES = {
    MIRROR: "BANK_MIRROR",
    ANNA: "CLIENT",
    BERTA: "CLIENT",
    CLARA: "CLIENT",
    SUSPENSE: "SUSPENSE",
    SHORTFALL: "SHORTFALL",
    FEES: "FEE",
}


@dataclass
class Book:
    """Facts of one platform, in order of the log; a movement's id is told by its number.

    Books that share `facts` are of one log.
    """

    facts: list[Fact] = field(default_factory=list)
    platform: UUID = PLATFORM
    asked: list[UUID] = field(default_factory=list)

    def __post_init__(self) -> None:
        for account, account_class in CLASSES.items():
            stated: dict[str, Value] = {"account_id": account.bytes, "account_class": account_class, "ledger": EURO}
            if account_class == "CLIENT":
                stated["owner_id"] = UUID(int=account.int + 0x1000).bytes
            self.add("custody.account.v1", stated)

    def add(self, kind: str, stated: dict[str, Value]) -> Fact:
        """Adds a fact of a source, at the position that its place in the log is."""
        place = len(self.facts)
        header: dict[str, Value] = {
            "tenant_id": self.platform.bytes,
            "position": place,
            "ordinal": 0,
            "time_ns": place * 10**9,
        }
        self.facts.append(Fact(place, kind, {**header, **stated}))
        return self.facts[-1]

    def move(
        self,
        source: UUID,
        target: UUID,
        minor: int,
        subject: UUID | None = None,
        code: int = 3,
        identifier: UUID | None = None,
    ) -> UUID:
        """Adds a movement, and gives its id."""
        identifier = identifier or UUID(int=0xB000 + len(self.facts))
        stated: dict[str, Value] = {
            "transfer_id": identifier.bytes,
            "debit_account_id": source.bytes,
            "credit_account_id": target.bytes,
            "ledger": EURO,
            "amount_minor": minor,
            "code": code,
            "flags": 0,
        }
        if subject:
            stated["user_data_128"] = subject.bytes
        self.add("custody.transfer.v1", stated)
        return identifier

    def facts_of(self, identifier: UUID) -> Sequence[Fact]:
        """Gives all facts with an id among their fields, as a complete answer has them."""
        self.asked.append(identifier)
        return [fact for fact in self.facts if identifier.bytes in fact.fields.values()]


ACCOUNTS = st.sampled_from([MIRROR, MIRROR, ANNA, BERTA, CLARA, SUSPENSE, SHORTFALL])
MOVES = st.lists(
    st.tuples(ACCOUNTS, ACCOUNTS, st.integers(1, 9)).filter(lambda move: move[0] != move[1]), min_size=1, max_size=14
)
"""Movements as source, target and minor units; accounts may be overdrawn."""
