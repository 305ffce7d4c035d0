"""docs/ledger.md agrees with the code."""

from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path

import pytest
from ringfence_custody.ledger.domain.lifecycle import BY_DECISION
from ringfence_custody.ledger.domain.purposes import PERMITTED_FLAGS, PURPOSES, AccountClass
from ringfence_custody.ledger.domain.result_codes import (
    TRANSIENT,
    AccountFlag,
    CreateAccountStatus,
    CreateTransferStatus,
    TransferFlag,
)
from ringfence_custody.ledger.domain.rule_packs import document, parsed
from ringfence_kernel.feed.published import described
from ringfence_protos.custody.v1 import events_pb2

DOCS = Path(__file__).parents[3] / "docs"
DOCUMENT = DOCS / "ledger.md"


def rows_after(heading: str, document: Path = DOCUMENT) -> list[list[str]]:
    """Returns the cells of the first table after a heading, without its head."""
    text = document.read_text().split(f"{heading}\n", 1)[1]
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]


@pytest.mark.parametrize(
    ("heading", "codes"),
    [("### Result codes of accounts", CreateAccountStatus), ("### Result codes of transfers", CreateTransferStatus)],
)
def test_the_result_codes_stand_in_order_of_precedence(heading: str, codes: type[IntEnum]) -> None:
    """Number, name and order of every result code are those of the code."""
    assert [(int(row[0]), row[1]) for row in rows_after(heading)] == [(int(c), c.name.lower()) for c in codes]


def test_the_codes_that_burn_are_marked() -> None:
    """Exactly the transient refusals are marked as burning the id."""
    marked = {int(row[0]) for row in rows_after("### Result codes of transfers") if row[2] == "yes"}
    assert marked == set(TRANSIENT)


def test_the_purposes_are_those_of_the_code() -> None:
    """The table of purposes has the codes, names, pairs of classes and mandates that are enforced."""
    for row, purpose in zip(rows_after("### Purposes: who may pay whom"), PURPOSES, strict=True):
        assert (int(row[0]), row[1], row[3]) == (purpose.code, purpose.name, purpose.mandate.name.lower())
        pairs, debit = set(), ""
        if purpose.closing_only:
            assert row[2].startswith("any → any")
            continue
        for part in row[2].split(", "):
            debit, credit = part.split(" → ") if "→" in part else (debit, part)
            pairs.add((AccountClass[debit], AccountClass[credit]))
        assert pairs == purpose.pairs


@pytest.mark.parametrize(("kind", "flags"), [("account", AccountFlag), ("transfer", TransferFlag)])
def test_the_flags_are_those_of_the_code(kind: str, flags: type[AccountFlag] | type[TransferFlag]) -> None:
    """Bits and names of the flags are those of the code."""
    table = DOCUMENT.read_text().split(f"| bit | {kind} flag | meaning |", 1)[1]
    rows = re.findall(r"^\| (\d+) \| ([a-z_]+) \|", table, re.MULTILINE)
    assert [(int(bit), name) for bit, name in rows[: len(flags)]] == [(int(f), str(f.name).lower()) for f in flags]


def test_every_class_has_its_limit() -> None:
    """The table of classes has every class, with the limit that its accounts get."""
    for row, account_class in zip(rows_after("of what is posted."), AccountClass, strict=True):
        assert row[0] == f"{int(account_class)} {account_class.name}"
        limit = 4 if row[3].startswith("credits must not") else 2
        assert PERMITTED_FLAGS[account_class] & 6 == limit


def test_the_decisions_are_those_of_the_code() -> None:
    """The table of decisions has every state that one may bring about, each with the states it may follow."""
    documented = {row[0]: {each.split()[0] for each in row[1].split(", ")} for row in rows_after("back too:")}
    assert documented == {after.name: {each.name for each in before} for after, before in BY_DECISION.items()}


def test_the_canonical_text_of_rules_is_as_shown() -> None:
    """The example of a book's rules is what the code writes for them."""
    example = re.search(r"```\n(ringfence-rules/1\n.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert example is not None
    assert document(*parsed(example[1])) == example[1]


@pytest.mark.parametrize(
    ("name", "heading", "streams"),
    [
        ("ledger.md", "tests compare this table, the proto and the code.", {"book"}),
        ("registers.md", "## Events", {"bank", "letter", "appointment"}),
        ("formats.md", "each calendar's, big-endian ([ADR 34](adr/0034-days-are-facts.md)):", {"calendar"}),
    ],
)
def test_the_table_of_events_is_the_description_of_them(name: str, heading: str, streams: set[str]) -> None:
    """Topics and fields in a table of events are those of the events of its streams in the proto."""
    documented = {}
    for row in rows_after(heading, DOCS / name):
        for topic in re.findall(r"`(\w+\.v\d+)`", row[0]):
            documented[topic] = set(re.findall(r"`([a-z_0-9]+)`", row[2]))
    of_streams = {topic: each for topic, each in described(events_pb2.DESCRIPTOR).items() if each.stream in streams}
    assert documented == {topic: set(each.fields) for topic, each in of_streams.items()}
