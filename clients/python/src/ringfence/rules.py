"""Rules of a book: what the purposes of its transfers allow (docs/ledger.md, rules of a book)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ringfence_protos.custody.v1 import custody_pb2 as pb

from ringfence.ledger import AccountClass, Purpose

_FORMAT, _VERSION = "ringfence-rules/1", "version "
_LINE = re.compile(r"([0-9]{1,5}) ([A-Z_>,]+) mandate=(required|optional) maximum=(none|[1-9][0-9]{0,18})")
MINIMUM = "minimum"
"""The version of the built-in rules, which hold where a book has adopted none."""


@dataclass(frozen=True)
class PurposeRule:
    """What one purpose may do: the pairs (debit class, credit class) between which money may pass, and its bounds.

    `mandate_required` says that a transfer must name its mandate in `user_data_128`. `maximum_minor` bounds one
    transfer, in minor units of its currency; None is no bound.
    """

    purpose: Purpose
    pairs: frozenset[tuple[AccountClass, AccountClass]]
    mandate_required: bool = True
    maximum_minor: int | None = None


@dataclass(frozen=True)
class Rules:
    """Rules in force; `document` is their canonical text, `sha256` its hash in hexadecimal."""

    version: str
    purposes: tuple[PurposeRule, ...]
    document: str
    sha256: str


def messages(rules: Iterable[PurposeRule]) -> list[pb.PurposeRule]:
    """The rules as they travel."""
    return [
        pb.PurposeRule(
            code=rule.purpose,
            pairs=[_pair(debit, credit) for debit, credit in sorted(rule.pairs)],
            mandate_required=rule.mandate_required,
            maximum_minor=rule.maximum_minor or 0,
        )
        for rule in rules
    ]


def rules(message: pb.Rules) -> Rules:
    """The rules as they were answered."""
    purposes = tuple(
        PurposeRule(
            Purpose(each.code),
            frozenset((AccountClass(pair.debit_class), AccountClass(pair.credit_class)) for pair in each.pairs),
            each.mandate_required,
            each.maximum_minor or None,
        )
        for each in message.purposes
    )
    return Rules(message.version, purposes, message.document, message.sha256.hex())


def parsed(document: str) -> tuple[str, list[PurposeRule]]:
    """The version and rules of a canonical text; raises ValueError, naming the first line that is none."""
    lines = document.splitlines()
    if lines[:1] != [_FORMAT] or not lines[1:] or not (version := lines[1].removeprefix(_VERSION)) != lines[1]:
        raise ValueError(f"the first two lines are not {_FORMAT!r} and the version")
    return version, [_parsed_line(line) for line in lines[2:]]


def _parsed_line(line: str) -> PurposeRule:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"{line[:60]!r} is no rule")
    code, pairs, mandate, maximum = found.groups()
    try:
        sides = [pair.split(">") for pair in pairs.split(",")]
        classes = frozenset((AccountClass[debit], AccountClass[credit]) for debit, credit in sides)
        limit = None if maximum == "none" else int(maximum)
        return PurposeRule(Purpose(int(code)), classes, mandate == "required", limit)
    except (LookupError, ValueError):
        raise ValueError(f"{line[:60]!r} names no purpose or class") from None


def _pair(debit: AccountClass, credit: AccountClass) -> pb.ClassPair:
    return pb.ClassPair(debit_class=pb.AccountClass.ValueType(debit), credit_class=pb.AccountClass.ValueType(credit))
