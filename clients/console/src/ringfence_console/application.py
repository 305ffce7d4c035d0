"""Makes the console of a host: its routes are those of the ports that it brings."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ringfence_console.assets import PREFIX, Assets
from ringfence_console.guard import Admission, Guard
from ringfence_console.host import Host
from ringfence_console.pages import (
    about,
    access,
    account,
    books,
    custodian,
    fact,
    find,
    log,
    overview,
    people,
    reports,
    trace,
    trouble,
)
from ringfence_console.pages.access import AccessPage
from ringfence_console.pages.balance import BalancePage
from ringfence_console.pages.books import BookPage
from ringfence_console.pages.disclosed import DisclosedPage
from ringfence_console.pages.dossiers import SECTION as DOSSIERS
from ringfence_console.pages.dossiers import DossierPages
from ringfence_console.pages.find import FindPage
from ringfence_console.pages.reports import ReportPages
from ringfence_console.ports import Forked
from ringfence_console.preferences import PATH as PREFER
from ringfence_console.preferences import prefer
from ringfence_console.rendering import Pages, Section

_LEAST_BYTES_TO_PACK = 500


def console(host: Host, admission: Admission, hosts: Iterable[str], *, scheme: str = "http") -> Starlette:
    """Makes the application; `hosts` are the values of `Host`, with port, under which it is reached."""
    assets = Assets.read()
    routes = [
        Route(f"{PREFIX}{{path:path}}", assets.answer),
        Route(PREFER, prefer),
        *(_of_the_log(host) if host.reads_log else ()),
        *(FindPage(host.finding).routes() if host.finding else ()),
        *(BookPage(host.books).routes() if host.books else ()),
        *(BalancePage(host.balances).routes() if host.balances else ()),
        *(AccessPage(host.access).routes() if host.access else ()),
        *(ReportPages(host.reports).routes() if host.reports else ()),
        *(DisclosedPage(host.disclosing).routes() if host.disclosing else ()),
        *(DossierPages(host.dossiers).routes() if host.dossiers else ()),
        *custodian.routes(host),
    ]
    made = Starlette(
        routes=routes,
        middleware=[
            Middleware(
                Guard,
                hosts=frozenset(hosts),
                scheme=scheme,
                admission=admission,
                is_public=lambda path: path.startswith(PREFIX),
            ),
            Middleware(GZipMiddleware, minimum_size=_LEAST_BYTES_TO_PACK),
        ],
        exception_handlers=_handlers(),
    )
    made.state.pages = Pages(host, assets, _sections(host))
    return made


def _sections(host: Host) -> tuple[Section, ...]:
    return (
        *((overview.SECTION,) if host.reads_log and host.has_overview else ()),
        *((find.SECTION,) if host.finding else ()),
        *((books.SECTION,) if host.books else ()),
        *((access.SECTION,) if host.access else ()),
        *((reports.SECTION,) if host.reports else ()),
        *((DOSSIERS,) if host.dossiers else ()),
        *((log.SECTION,) if host.reads_log else ()),
        *custodian.sections(host),
    )


def _of_the_log(host: Host) -> list[BaseRoute]:
    first = overview.routes() if host.has_overview else [Route("/", _to_the_log)]
    return [*first, *(route for each in (fact, about, trace, account, people, log) for route in each.routes())]


def _to_the_log(request: Request) -> Response:
    return RedirectResponse(log.SECTION.path, 303)


def _handlers() -> dict[type[Exception] | int, Callable[[Request, Exception], Response]]:
    return {HTTPException: trouble.of_http, **dict.fromkeys(trouble.KINDS, trouble.of_port), Forked: trouble.of_fork}
