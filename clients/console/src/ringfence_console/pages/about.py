"""Everything about an id, by what kind of fact it is, with the proof that there is nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from ringfence_desk.fact import Fact
from ringfence_desk.kinds import ENTRY, INSTRUCTION, TRANSFER, platform_of
from ringfence_desk.language import Language
from ringfence_desk.names import Names, account_in
from ringfence_desk.sentences import Sentence, sentence
from ringfence_desk.story import ordered
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringfence_console.catalog import marked
from ringfence_console.disclosures import MOST_REASON, is_sealed
from ringfence_console.ports import View
from ringfence_console.preferences import Preferences
from ringfence_console.rendering import pages_of

_GROUPS = (
    (marked("Money"), ("custody.transfer", "payment-instruction.bank_entry", "payment-instruction.movement")),
    (marked("Payments"), ("payment-instruction.",)),
    (marked("People"), ("identity.",)),
    (marked("Accounts"), ("custody.",)),
    (marked("The log"), ("audit.",)),
)
"""What kinds of facts are called together, the first that fits."""
_OTHER = marked("Other")
MOST_SEALED = 25
MOST_ROWS = 100
"""So many are shown on a page; the rest by the page's number."""
_TRACED = frozenset({INSTRUCTION, ENTRY, TRANSFER})


@dataclass(frozen=True)
class Row:
    """A fact in the story."""

    fact: Fact
    said: Sentence


def routes() -> list[BaseRoute]:
    """Gives the route."""
    return [Route("/about/{identifier}", shown)]


def shown(request: Request) -> Response:
    """Shows it."""
    identifier = id_in(request)
    pages, language = pages_of(request), Preferences.of(request).language
    reading = pages.host.facts.reading(View("about", str(identifier)))
    facts = ordered(reading.facts_of(identifier))
    names, only, first = pages.host.facts.names(), request.query_params.get("only", ""), _first(request)
    chosen = [fact for fact in facts if not only or group_of(fact) == only]
    return pages.page(
        request,
        "about.html",
        id=identifier,
        called=called(identifier, facts, names, language),
        groups=counted(facts),
        only=only,
        count=len(facts),
        matching=len(chosen),
        first=first,
        most=MOST_ROWS,
        rows=[Row(fact, sentence(fact, names, language)) for fact in chosen[first : first + MOST_ROWS]],
        is_account=any(found.id == identifier for fact in facts if (found := account_in(fact))),
        is_traced=any(fact.kind in _TRACED and identifier in _ids(fact) for fact in facts),
        is_principal=any(fact.id("principal_id") == identifier for fact in facts),
        sealed=_sealed(facts, names, language) if pages.host.disclosing else (),
        has_dossiers=pages.host.dossiers is not None,
        most_reason=MOST_REASON,
        until_leaf=reading.until_leaf,
        seal=reading.seal,
    )


def id_in(request: Request) -> UUID:
    """Reads the id in the address; raises HTTPException where it is none."""
    try:
        return UUID(request.path_params["identifier"])
    except ValueError:
        raise HTTPException(400) from None


def platform_in(request: Request) -> UUID | None:
    """Reads in whose book an id is meant, where several have it; raises HTTPException where that is none."""
    text = request.query_params.get("of", "")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise HTTPException(400) from None


def group_of(fact: Fact) -> str:
    """Gives what a fact's kind is called together with, as a message."""
    return next((name for name, starts in _GROUPS if fact.kind.startswith(starts)), _OTHER)


def called(identifier: UUID, facts: Iterable[Fact], names: Names, language: Language) -> str:
    """Gives what an id is called, by what the facts about it say that it is."""
    roles = {"party_id": "party", "principal_id": "principal", "instruction_id": "payment", "account_id": "account"}
    for fact in facts:
        for name, role in roles.items():
            if fact.id(name) == identifier:
                return names.of_id(role, identifier, language, platform_of(fact))
    return names.of_id("id", identifier, language)


def counted(facts: Iterable[Fact]) -> Mapping[str, int]:
    """Gives how many facts there are of each group, in the order in which the groups appear."""
    found: dict[str, int] = {}
    for fact in facts:
        found[group_of(fact)] = found.get(group_of(fact), 0) + 1
    return found


def _sealed(facts: Iterable[Fact], names: Names, language: Language) -> list[Row]:
    """Gives the newest facts that have something sealed, the newest first."""
    found = sorted((fact for fact in facts if is_sealed(fact)), key=lambda fact: -fact.index)
    return [Row(fact, sentence(fact, names, language)) for fact in found[:MOST_SEALED]]


def _ids(fact: Fact) -> set[UUID | None]:
    return {fact.id(name) for name in ("instruction_id", "entry_id", "transfer_id")}


def _first(request: Request) -> int:
    text = request.query_params.get("from", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise HTTPException(400)
    return int(text)
