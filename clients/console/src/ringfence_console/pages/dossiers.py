"""Dossiers: made of subjects or a period, listed with size and hash, taken along with a page that verifies them."""

from __future__ import annotations

import re
from uuid import UUID

from ringfence_desk import times
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ringfence_console.catalog import marked
from ringfence_console.dossiers import MOST_SUBJECTS, Bundle, Dossiers, Wanted
from ringfence_console.once import Once
from ringfence_console.ports import View
from ringfence_console.rendering import Section, pages_of

SECTION = Section("/dossiers", marked("Dossiers"))
_SHA256 = re.compile(r"[0-9a-f]{64}")


class DossierPages:
    """The pages over a port, of one reader."""

    def __init__(self, dossiers: Dossiers) -> None:
        self._dossiers = dossiers
        self._once = Once[Bundle]()

    def routes(self) -> list[BaseRoute]:
        """Gives the routes."""
        return [
            Route("/dossiers", self.shown),
            Route("/dossiers/make", self.make),
            Route("/dossiers/made/{key}", self.ended),
            Route("/dossiers/verify.html", self.verifier),
            Route("/dossiers/{sha256}", self.file),
        ]

    def shown(self, request: Request) -> Response:
        """Lists those that were made here, and asks what another is to be of; asks the log nothing."""
        asked = {name: request.query_params.get(name, "") for name in ("about", "from", "to")}
        return pages_of(request).page(
            request, "dossiers.html", asked=asked, bundles=self._dossiers.made(), most=MOST_SUBJECTS, seal=None
        )

    def make(self, request: Request) -> Response:
        """Makes one, once for each form, and leads to what became of it."""
        wanted = _wanted(request.query_params)
        subject = str(wanted.subjects[0]) if len(wanted.subjects) == 1 else ""
        view = View("dossiers", subject, str(wanted))
        form = request.query_params.get("form", "")
        key = self._once.done(form, str(wanted), lambda: self._dossiers.make(wanted, view))
        return RedirectResponse(f"{SECTION.path}/made/{key}", 303)

    def ended(self, request: Request) -> Response:
        """Leads to the list of those that were made; raises what the making was refused with."""
        self._once.outcome(request.path_params["key"])
        return RedirectResponse(SECTION.path, 303)

    def file(self, request: Request) -> Response:
        """Sends one as a file."""
        name = request.path_params["sha256"]
        if not _SHA256.fullmatch(name):
            raise HTTPException(404)
        return _sent(self._dossiers.content(bytes.fromhex(name)), f"dossier-{name[:12]}.zip", "application/zip")

    def verifier(self, request: Request) -> Response:
        """Sends the page that verifies dossiers, as a file: it has its own script, which runs in no page of ours."""
        return _sent(self._dossiers.verifier(), "verify.html", "application/octet-stream")


def _sent(content: bytes, name: str, media_type: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(content, headers=headers, media_type=media_type)


def _wanted(given: QueryParams) -> Wanted:
    """Reads what is asked for: subjects, or days of which the last is meant whole; raises HTTPException."""
    typed = given.get("about", "").replace(",", " ").split()
    first, last = (given.get(name, "").strip() for name in ("from", "to"))
    try:
        subjects = tuple(dict.fromkeys(map(UUID, typed)))
        days = [times.begins_ns(times.day_typed(each)) for each in (first, last)] if first or last else None
        between = (days[0], days[1] + times.DAY_NS) if days else None
    except ValueError:
        raise HTTPException(400) from None
    is_one = bool(subjects) is not bool(between)
    if not is_one or len(subjects) > MOST_SUBJECTS or (between and between[0] >= between[1]):
        raise HTTPException(400)
    return Wanted(subjects=subjects, between_ns=between, is_linked="linked" in given, has_texts="texts" in given)
