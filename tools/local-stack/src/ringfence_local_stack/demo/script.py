"""The example input: who takes part, what money comes in, what is ordered, and how all of it must end."""

import json
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from typing import Any
from uuid import UUID

from ringfence.identity import NewParty, PartyKind
from ringfence.ids import external_id
from ringfence.ledger import AccountClass
from ringfence.money import to_minor
from ringfence.payments import InstructionStatus, NewInstruction

CURRENCY = "EUR"
OWN_CLASSES = {
    "bank": AccountClass.BANK_MIRROR,
    "suspense": AccountClass.SUSPENSE,
    "fee": AccountClass.FEE,
    "platform": AccountClass.PLATFORM,
}


@dataclass(frozen=True, kw_only=True)
class DemoClient:
    """A client of a platform; one that is not verified may receive nothing."""

    name: str
    kind: str
    identity_number: str
    country: str
    date_of_birth: str
    iban: str
    verified: bool

    def party(self, book_id: UUID) -> NewParty:
        """The client as a party of the platform."""
        return NewParty(
            id=external_id("demo.party", book_id, self.name),
            kind=PartyKind[self.kind],
            name=self.name,
            identity_number=self.identity_number,
            country=self.country,
            date_of_birth=self.date_of_birth,
        )


@dataclass(frozen=True, kw_only=True)
class DemoPlatform:
    """A platform: names of its principals, its account at the bank, its clients, and what the bank receives for them.

    At the end custody must hold so many `transfers`, and accounts have these `balances`, in minor units by the name of
    a client or of an own account.
    """

    name: str
    approver: str
    safeguarding_iban: str
    transfers: int
    clients: list[DemoClient]
    deposits: list[dict[str, str]]
    balances: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Listed:
    """The client whom a list names, what is paid from his account and to it then, and why he is released."""

    client: str
    batch: list[dict[str, str]]
    deposits: list[dict[str, str]]
    reason: str


@dataclass(frozen=True)
class Expected:
    """How an instruction must end; `decision` is what the second person decides where one is asked."""

    status: InstructionStatus
    reason: str
    meaning: str
    decision: str


def platforms() -> list[DemoPlatform]:
    """The platforms, the first of which sends a file and the second a batch."""
    return [_platform(fields) for fields in _json("platforms.json")]


def expectations() -> dict[str, Expected]:
    """How each instruction must end, by its end-to-end identification."""
    return {
        name: Expected(InstructionStatus[each["status"]], each["reason"], each["meaning"], each.get("decision", ""))
        for name, each in _json("payments.json")["expected"].items()
    }


def listed() -> Listed:
    """The second platform's client who is on a list for a while."""
    fields = _json("listed.json")
    return Listed(**{**fields, "deposits": _deposits(fields)})


def batch(book_id: UUID) -> list[NewInstruction]:
    """The batch of the second platform."""
    return orders(book_id, _json("payments.json")["batch"])


def orders(book_id: UUID, rows: list[dict[str, str]]) -> list[NewInstruction]:
    """Rows of a batch as orders, with the same ids in every run."""
    return [
        NewInstruction(
            id=external_id("demo.instruction", book_id, each["end_to_end_id"]),
            end_to_end_id=each["end_to_end_id"],
            debtor_iban=each["debtor_iban"],
            creditor_iban=each["creditor_iban"],
            creditor_name=each["creditor_name"],
            amount_minor=to_minor(each["amount"], CURRENCY),
            currency=CURRENCY,
            remittance=each["remittance"],
        )
        for each in rows
    ]


def refused_amounts() -> list[str]:
    """Amounts whose payment the simulated bank refuses."""
    return [str(each) for each in _json("payments.json")["bank_refuses_amounts"]]


def content(name: str) -> bytes:
    """A file of the example input."""
    return files("ringfence_local_stack.demo").joinpath("data", name).read_bytes()


def _platform(fields: dict[str, Any]) -> DemoPlatform:
    parts = {
        "clients": [DemoClient(**each) for each in fields["clients"]],
        "deposits": _deposits(fields),
        "balances": {name: to_minor(Decimal(text), CURRENCY) for name, text in fields["balances"].items()},
    }
    return DemoPlatform(**{**fields, **parts})


def _deposits(fields: dict[str, Any]) -> list[dict[str, str]]:
    return [{**each, "currency": CURRENCY} for each in fields["deposits"]]


def _json(name: str) -> Any:
    return json.loads(content(name))
