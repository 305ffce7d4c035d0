"""What a fact has sealed, opened for a reason: a fact of the log before anything is shown, and one each time.

What was opened has an address of its own, without the fact and the reason: there it is looked at again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ringfence_desk.sentences import sentence
from ringfence_desk.words import label
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ringfence_console.disclosures import LEAST_REASON, MOST_REASON, Disclosing, Disclosure
from ringfence_console.once import Once
from ringfence_console.ports import View
from ringfence_console.preferences import Preferences
from ringfence_console.rendering import pages_of

_DIGITS = 18


@dataclass(frozen=True)
class _Opened:
    """What was opened, and why."""

    found: Disclosure
    reason: str


@dataclass(frozen=True)
class DisclosedPage:
    """The page over a port, of one reader."""

    disclosing: Disclosing
    once: Once[_Opened] = field(default_factory=Once)

    def routes(self) -> list[BaseRoute]:
        """Gives the routes."""
        return [Route("/disclosed", self.asked), Route("/disclosed/{key}", self.shown)]

    def asked(self, request: Request) -> Response:
        """Opens a fact's sealed fields, once for each form, and leads to them; without a reason nothing is asked."""
        typed, reason = (request.query_params.get(name, "").strip() for name in ("fact", "reason"))
        is_index = typed.isascii() and typed.isdigit() and len(typed) <= _DIGITS
        if not (is_index and LEAST_REASON <= len(reason) <= MOST_REASON):
            raise HTTPException(400)

        def opened() -> _Opened:
            return _Opened(self.disclosing.disclose(int(typed), reason, View("disclosed", typed)), reason)

        key = self.once.done(request.query_params.get("form", ""), f"{int(typed)} {reason}", opened)
        return RedirectResponse(f"/disclosed/{key}", 303)

    def shown(self, request: Request) -> Response:
        """Shows what was opened; the log is not asked again."""
        opened = self.once.outcome(request.path_params["key"])
        found = opened.found
        pages, language = pages_of(request), Preferences.of(request).language
        return pages.page(
            request,
            "disclosed.html",
            fact=found.fact,
            said=sentence(found.fact, pages.host.facts.names(), language),
            reason=opened.reason,
            read_index=found.read_index,
            rows=[(label(each.name, language), each) for each in found.fields],
            label_of=lambda name: label(name, language),
            is_proven=found.is_proven,
            seal=None,
        )
