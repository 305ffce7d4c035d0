"""The log as it stands: whether it goes on from where its reader left it, who has signed it, what it is behind with."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringfence_console.catalog import marked
from ringfence_console.ports import View
from ringfence_console.rendering import Section, pages_of

SECTION = Section("/log", marked("Log"))


def routes() -> list[BaseRoute]:
    """Gives the route."""
    return [Route("/log", shown)]


def shown(request: Request) -> Response:
    """Shows it."""
    pages = pages_of(request)
    standing = pages.host.facts.standing(View("log"))
    return pages.page(request, "log.html", standing=standing, seal=standing.seal)
