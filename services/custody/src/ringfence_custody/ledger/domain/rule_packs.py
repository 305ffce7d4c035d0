"""Rules that a book adopts: as strict as the built-in minimum, or stricter, never looser.

A pack says which purposes a book knows, between which classes each lets money pass, whether transfers must name their
mandate, and how much one transfer may move. Its canonical text is what the event carries and what its hash is of:

    ringfence-rules/1
    version <text>
    <code> <DEBIT>><CREDIT>[,...] mandate=<required|optional> maximum=<minor units|none>

with one line per purpose in order of code, and pairs in order of class numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from ringfence_kernel.writing.journal import Journal

from ringfence_custody.ledger.domain.book import Book
from ringfence_custody.ledger.domain.errors import RulesBelowMinimum, RulesVersionTaken
from ringfence_custody.ledger.domain.events import RulesAdopted
from ringfence_custody.ledger.domain.purposes import (
    MINIMUM,
    NO_MAXIMUM,
    OF_FACTS,
    AccountClass,
    Mandate,
    Purpose,
    RulePack,
)

FORMAT = "ringfence-rules/1"
ARRIVAL = (1, (AccountClass.BANK_MIRROR, AccountClass.SUSPENSE))
"""The purpose and classes that no pack may take away: money that has arrived at a bank is booked somewhere."""


@dataclass(frozen=True, slots=True)
class PurposeRule:
    """What a pack lets one purpose do; amounts in minor units of the transfer's currency, None for no maximum."""

    code: int
    pairs: frozenset[tuple[int, int]]
    mandate_required: bool
    maximum_minor: int | None = None


def rules_of(pack: RulePack) -> list[PurposeRule]:
    """Returns what a pack says, in order of code; what a bank does is outside of rules."""
    return [
        PurposeRule(
            code,
            frozenset(purpose.pairs),
            purpose.mandate_required,
            None if purpose.maximum_minor == NO_MAXIMUM else purpose.maximum_minor,
        )
        for code, purpose in sorted(pack.purposes.items())
        if code not in OF_FACTS
    ]


def document_of(pack: RulePack) -> str:
    """Returns the canonical text of a pack."""
    return document(pack.version, rules_of(pack))


def document(version: str, rules: Iterable[PurposeRule]) -> str:
    """Returns the canonical text of rules."""
    lines = [FORMAT, f"version {version}"]
    for rule in sorted(rules, key=lambda each: each.code):
        pairs = _named(rule.pairs)
        mandate = "required" if rule.mandate_required else "optional"
        maximum = "none" if rule.maximum_minor is None else rule.maximum_minor
        lines.append(f"{rule.code} {pairs} mandate={mandate} maximum={maximum}")
    return "\n".join(lines) + "\n"


def permissions_gained(before: Iterable[PurposeRule], after: Iterable[PurposeRule]) -> list[str]:
    """Returns in words what passes by the rules `after` and did not before, in order of code."""
    known = {rule.code: rule for rule in before}
    return [
        f"purpose {rule.code}, {what}"
        for rule in sorted(after, key=lambda each: each.code)
        for what in _gained(known.get(rule.code), rule)
    ]


def _gained(before: PurposeRule | None, after: PurposeRule) -> Iterator[str]:
    if pairs := after.pairs - (before.pairs if before else frozenset()):
        yield _named(pairs)
    if before is None:
        return
    if before.mandate_required and not after.mandate_required:
        yield "without a mandate"
    least = before.maximum_minor
    if least is not None and (after.maximum_minor is None or after.maximum_minor > least):
        yield f"above {least} minor units, up to {'any amount' if after.maximum_minor is None else after.maximum_minor}"


def _named(pairs: Iterable[tuple[int, int]]) -> str:
    return ",".join(f"{AccountClass(debit).name}>{AccountClass(credit).name}" for debit, credit in sorted(pairs))


MINIMUM_SHA256 = sha256(document_of(MINIMUM).encode()).digest()


def parsed(text: str) -> tuple[str, list[PurposeRule]]:
    """Returns the version and rules of a canonical text that `document` wrote."""
    _, version, *lines = text.splitlines()
    rules = []
    for line in lines:
        code, pairs, mandate, maximum = line.split(" ")
        limit = maximum.removeprefix("maximum=")
        rules.append(
            PurposeRule(
                int(code),
                frozenset(_pair(pair) for pair in pairs.split(",")),
                mandate == "mandate=required",
                None if limit == "none" else int(limit),
            )
        )
    return version.removeprefix("version "), rules


def compiled(version: str, rules: Iterable[PurposeRule]) -> RulePack:
    """Returns the pack that enforces rules, and beside them the minimum: what is looser than that has no effect.

    So a book keeps the minimum even when a later release raises it above a pack adopted before. What a bank does to
    money that it has brought is booked whatever rules say.
    """
    purposes = [MINIMUM.purposes[code] for code in sorted(OF_FACTS)]
    for rule in rules:
        least = MINIMUM.purposes.get(rule.code)
        if least is not None and rule.code not in OF_FACTS:
            purposes.append(
                replace(
                    least,
                    pairs=frozenset(pair for pair in least.pairs if pair in rule.pairs),
                    mandate_required=least.mandate_required or rule.mandate_required,
                    maximum_minor=NO_MAXIMUM if rule.maximum_minor is None else rule.maximum_minor,
                )
            )
    return RulePack(purposes, version)


def decide_rules(
    book: Book, version: str, rules: Sequence[PurposeRule], adopted_by: bytes, now_ns: int
) -> RulesAdopted | None:
    """Returns the event that makes these the book's rules, or None when they are already.

    Raises RulesBelowMinimum for rules looser than the minimum or without a place for money that arrives, and
    RulesVersionTaken when the version stood for other rules before.
    """
    for rule in rules:
        if because := _looser(rule):
            raise RulesBelowMinimum(because.replace("_", " "), purpose=str(rule.code), because=because)
    code, pair = ARRIVAL
    if not any(rule.code == code and pair in rule.pairs for rule in rules):
        raise RulesBelowMinimum("money that arrives must be booked", purpose=str(code), because="arrivals_refused")
    text = document(version, rules)
    digest = sha256(text.encode()).digest()
    stood_for = book.rule_versions.get(version) or (MINIMUM_SHA256 if version == MINIMUM.version else digest)
    if stood_for != digest:
        raise RulesVersionTaken(version=version)
    if book.rules.version == version:
        return None
    return RulesAdopted(max(now_ns, book.last_timestamp + 1), version, text, digest, adopted_by)


def apply_rules(book: Book, event: RulesAdopted, journal: Journal) -> None:
    """Puts rules in force: from the next decision on, for transfers that begin then."""
    journal.call(setattr, book, "rules", book.rules)
    book.rules = compiled(*parsed(event.document))
    journal.put(book.rule_versions, event.version, event.sha256)
    journal.call(setattr, book, "last_timestamp", book.last_timestamp)
    book.last_timestamp = max(book.last_timestamp, event.timestamp_ns)


def _looser(rule: PurposeRule) -> str:
    """Returns in what a rule is looser than the minimum, empty when it is not."""
    least: Purpose | None = MINIMUM.purposes.get(rule.code)
    if least is None:
        return "purpose_unknown"
    if not rule.pairs <= least.pairs:
        return "pair_not_permitted"
    if least.mandate_required and not rule.mandate_required:
        return "mandate_dropped"
    if rule.code in OF_FACTS:
        return "outside_rules"
    # What the bank reports has happened: an amount cannot be refused any more.
    if least.mandate is Mandate.BANK and rule.maximum_minor is not None:
        return "arrivals_refused"
    return ""


def _pair(text: str) -> tuple[int, int]:
    debit, credit = text.split(">")
    return AccountClass[debit], AccountClass[credit]
