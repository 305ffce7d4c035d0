"""D6, audit export: every fact about a platform that its sources date on a day, with who and what proves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ringfence_desk import fact as desk
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.sentences import sentence

from ringfence_audit.log.domain.merkle import leaf_hash
from ringfence_audit.reports.domain.facts import Fact
from ringfence_audit.reports.domain.report import Cell, Kind, Report, Said, Under, table

NAME = "D6"
ACTORS = (
    *("actor_id", "principal_id", "decided_by_id", "ordered_by_id", "adopted_by_id", "confirmer_id", "proposer_id"),
    *("submitter_id", "by_id", "handed_in_by_id", "reader_id"),
)
"""Fields that say who did it; the first that a fact has."""
AGGREGATES = (
    *("instruction_id", "transfer_id", "entry_id", "account_id", "party_id", "day_id", "break_id", "letter_id"),
    *("submission_id", "evidence_id", "stream_id", "subject_id"),
)
CORRELATIONS = ("submission_id", "evidence_id", "user_data_128", "pending_id", "window_id")
NOT_KEPT, NOBODY, BY_RECEIPT, IN_PAGE = "not_kept_here", "nobody_named", "by_receipt", "in_page"
FACTS = (
    ("leaf", Kind.CODE),
    ("time", Kind.TIME),
    ("source", Kind.CODE),
    ("sequence", Kind.CODE),
    ("ordinal", Kind.COUNT),
    ("event", Kind.CODE),
    ("what", Kind.SENTENCE),
    ("aggregate", Kind.ID),
    ("actor", Kind.ID),
    ("role", Kind.CODE),
    ("device", Kind.DIGEST),
    ("correlation", Kind.ID),
    ("causation", Kind.ID),
    ("payload_hash", Kind.DIGEST),
    ("previous_hash", Kind.DIGEST),
    ("proof", Kind.TEXT),
)


def export(
    leaves: Sequence[bytes],
    facts: Sequence[Fact],
    principals: Mapping[bytes, Fact],
    tenant: bytes,
    day: int,
    under: Under,
) -> Report:
    """Returns the report of a day (UTC), given its facts and their leaves, and what identity says of who acted.

    Each fact is told in a sentence that names who acted, and no text of a client's: a file outlives their erasure.
    """
    names = Names.of(map(_told, (*principals.values(), *facts)))
    rows = [_row(leaf, fact, principals, names) for leaf, fact in zip(leaves, facts, strict=True)]
    return Report(NAME, tenant, day, day, (table("facts", FACTS, rows),), under)


def actor_of(fact: Fact) -> bytes:
    """Returns who did it, empty where the fact says nothing of that."""
    return _first(fact, ACTORS)


def _row(leaf: bytes, fact: Fact, principals: Mapping[bytes, Fact], names: Names) -> list[Cell]:
    at, actor = (fact.index,), actor_of(fact)
    principal = principals.get(actor)
    source, _, event = fact.kind.partition(".")
    device = fact.bytes_of("certificate_sha256") or fact.bytes_of("key_sha256")
    return [
        Cell(str(fact.index), at),
        fact.cell("time_ns"),
        Cell(source, at),
        Cell(str(fact.number("position")), at) if "position" in fact.fields else Cell(None, (), "none"),
        fact.cell("ordinal"),
        Cell(event, at),
        Cell(_said(fact, names), at),
        _id(_first(fact, AGGREGATES), at, NOT_KEPT),
        _id(actor, at, NOBODY),
        Cell(principal.text("kind"), (principal.index,)) if principal else Cell(None, (), NOT_KEPT),
        Cell(device, at) if device else Cell(None, (), NOT_KEPT),
        _id(_first(fact, CORRELATIONS), at, NOT_KEPT),
        Cell(None, (), NOT_KEPT),
        Cell(leaf_hash(leaf), at),
        Cell(None, (), IN_PAGE),
        Cell(None, (), BY_RECEIPT),
    ]


def _said(fact: Fact, names: Names) -> Said:
    return Said(*(str(sentence(_told(fact), names, each)) for each in (Language.ENGLISH, Language.CHINESE)))


def _told(fact: Fact) -> desk.Fact:
    return desk.Fact(fact.index, fact.kind, fact.fields)


def _id(value: bytes, leaves: tuple[int, ...], why: str) -> Cell:
    return Cell(value, leaves) if value else Cell(None, (), why)


def _first(fact: Fact, names: Sequence[str]) -> bytes:
    found = (fact.bytes_of(name) for name in names)
    return next((value for value in found if len(value) == 16 and value.strip(b"\0")), b"")
