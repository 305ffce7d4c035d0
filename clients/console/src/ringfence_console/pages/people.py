"""A principal: its role, its certificates, what it did, by which of them, and who was the second person."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.people import MOST_PROPOSALS, REGISTERED, Act, State, principal_in, proposals_of
from ringfence_desk.sentences import Sentence, sentence
from ringfence_desk.words import code
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringfence_console.catalog import marked
from ringfence_console.pages.about import id_in
from ringfence_console.ports import View
from ringfence_console.preferences import Preferences
from ringfence_console.rendering import pages_of

MOST_ROWS = 100
_STATES = {
    State.ACTIVE: marked("active"),
    State.STOPPED: marked("stopped, or not confirmed yet"),
    State.ENDED: marked("ended"),
}
_DIGITS = 12


@dataclass(frozen=True)
class Row:
    """An act in words: by which certificate, its first digits, and who else had a hand in it."""

    act: Act
    said: Sentence
    certificate: str
    others: Sequence[tuple[UUID, str]]


def routes() -> list[BaseRoute]:
    """Gives the route."""
    return [Route("/people/{identifier}", shown)]


def shown(request: Request) -> Response:
    """Shows a principal; the view is one, whatever it asks for."""
    identifier = id_in(request)
    pages, language = pages_of(request), Preferences.of(request).language
    reading = pages.host.facts.reading(View("people", str(identifier)))
    facts = reading.facts_of(identifier)
    of_proposals = {each: reading.facts_of(each) for each in proposals_of(identifier, facts, MOST_PROPOSALS)}
    found = principal_in(identifier, facts, of_proposals)
    names = pages.host.facts.names()
    state = found.state(time.time_ns())
    known = code(REGISTERED, "kind", found.kind)
    return pages.page(
        request,
        "people.html",
        id=identifier,
        called=names.of_id("principal", identifier, language),
        principal=found,
        state=_STATES[state],
        is_active=state is State.ACTIVE,
        role_name=known.words[language] if known else found.kind,
        platform=names.of_id("platform", found.platform_id, language) if found.platform_id else "",
        person=names.of_id("principal", found.person_id, language) if found.person_id else "",
        count=len(facts),
        acts=_rows(found.acts, names, language),
        decided=_rows(found.decided, names, language),
        most=MOST_ROWS,
        until_leaf=reading.until_leaf,
        seal=reading.seal,
    )


def _rows(acts: Sequence[Act], names: Names, language: Language) -> list[Row]:
    """Gives the newest, the newest first."""
    return [
        Row(
            each,
            sentence(each.fact, names, language),
            each.certificate_sha256.hex()[:_DIGITS],
            [(other, names.of_id("principal", other, language)) for other in each.others],
        )
        for each in acts[::-1][:MOST_ROWS]
    ]
