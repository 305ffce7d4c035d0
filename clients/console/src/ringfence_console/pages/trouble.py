"""What is shown instead of a page: why there is none, and what to do about it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ringfence_console.catalog import marked
from ringfence_console.ports import Forked, NotGiven, NotProven, NotThere, Refused, Unavailable
from ringfence_console.rendering import pages_of


@dataclass(frozen=True)
class _Told:
    status: int
    title: str
    advice: str


_MALFORMED = _Told(
    400, marked("This cannot be read"), marked("Look at what was typed: an id, a day or a number is wrong.")
)
_NOT_THERE = _Told(404, marked("There is nothing here"), marked("Or your rights do not reach it: both look the same."))
KINDS: dict[type[Exception], _Told] = {
    NotThere: _NOT_THERE,
    Refused: _Told(403, marked("The log does not answer this"), marked("What follows is the reason that it gives.")),
    NotGiven: _Told(
        422,
        marked("This cannot be given"),
        marked("The program that shows this page says why; nobody has refused it."),
    ),
    Unavailable: _Told(
        503, marked("Nobody answers at present"), marked("Nothing is lost. Load the page again in a while.")
    ),
    NotProven: _Told(
        502,
        marked("NOT PROVEN: this answer is not shown"),
        marked("What was sent does not hold against the log's key. Keep this text and tell the auditor."),
    ),
}
_BY_STATUS = {400: _MALFORMED, 404: _NOT_THERE}


def of_port(request: Request, error: Exception) -> Response:
    """Tells what a port has raised."""
    return _told(request, KINDS[type(error)], str(error), getattr(error, "reason", ""))


def of_fork(request: Request, error: Exception) -> Response:
    """Raises the alarm that the log has signed two histories, and gives both notes along: who has them can show it."""
    assert isinstance(error, Forked)
    notes = [(name, text, _as_file(text)) for name, text in (("remembered", error.remembered), ("shown", error.shown))]
    return pages_of(request).page(request, "forked.html", 502, detail=str(error), notes=notes, seal=None)


def _as_file(text: str) -> str:
    """Gives a note as an address that has it itself: what is shown is what is kept, whoever answers next."""
    return f"data:text/plain;base64,{b64encode(text.encode()).decode()}"


def of_http(request: Request, error: Exception) -> Response:
    """Tells what the router has raised."""
    assert isinstance(error, HTTPException)
    if error.status_code not in _BY_STATUS:
        return Response(status_code=error.status_code, headers=error.headers)
    return _told(request, _BY_STATUS[error.status_code], "", "")


def _told(request: Request, told: _Told, detail: str, reason: str) -> Response:
    shown = {"told": told, "detail": detail, "reason": reason, "seal": None}
    return pages_of(request).page(request, "trouble.html", told.status, **shown)
