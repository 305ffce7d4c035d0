"""The custodian's pages of a host: those of the ports that it brings, and no others."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ringfence_console.acts import Acts
from ringfence_console.host import Host
from ringfence_console.pages import day, health, work
from ringfence_console.pages.day import DayPages
from ringfence_console.pages.health import HealthPages
from ringfence_console.pages.work import WorkPages
from ringfence_console.rendering import Section


def routes(host: Host) -> Iterator[BaseRoute]:
    """Yields the routes; without open work there is none that does anything."""
    if host.work is not None:
        yield from WorkPages(host.work, Acts(host.work)).routes()
        if not host.reads_log:
            yield Route("/", _to_work)
    if host.days is not None:
        yield from DayPages(host.days, may_act=host.work is not None).routes()
    if host.parts is not None:
        yield from HealthPages(host.parts).routes()


def sections(host: Host) -> Iterator[Section]:
    """Yields their entries of the navigation."""
    if host.work is not None:
        yield work.SECTION
    if host.days is not None:
        yield day.SECTION
    if host.parts is not None:
        yield health.SECTION


def _to_work(request: Request) -> Response:
    return RedirectResponse("/matters", 303)
