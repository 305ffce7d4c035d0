"""Open work: one list, one item, an act reviewed as it is sent, and what it became."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs
from uuid import UUID

from ringfence_desk import money
from ringfence_desk.sought import iban
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ringfence_console.acts import Acts, Changed, FormUnknown, Unanswered, Unsure
from ringfence_console.catalog import marked, translations
from ringfence_console.pages.beside import Row, row, said, shown, worded
from ringfence_console.pages.wording import ACTS, FIELDS, ICONS, SUBJECTS, called
from ringfence_console.ports import NotThere, Refused
from ringfence_console.preferences import Preferences
from ringfence_console.rendering import Section, pages_of
from ringfence_console.work import Input, Kind, Matter, Offer, Subject, Words, Work

SECTION = Section("/matters", marked("Work"), ("/acts",))
MOST_FORM_BYTES = 4_096
MOST_NOTE = 280
_HASH_BYTES = 32
_AMOUNT = re.compile(r"(\d{1,15})(?:\.(\d{1,4}))?", re.ASCII)


@dataclass(frozen=True)
class WorkPages:
    """The pages of a host that may act."""

    work: Work
    acts: Acts

    def routes(self) -> list[BaseRoute]:
        """Gives the routes."""
        return [
            Route("/matters", self.waiting),
            Route("/matters/{subject}/{key}", self.opened),
            Route("/matters/{subject}/{key}/{act}", self.reviewed),
            Route("/matters/{subject}/{key}/{act}", self.signed, methods=["POST"]),
            Route("/acts/{id}", self.ended),
        ]

    def waiting(self, request: Request) -> Response:
        """Shows all that waits, the oldest first."""
        items, only = self.work.items(), request.query_params.get("only", "")
        counts = {each: sum(item.subject == each for item in items) for each in Subject}
        shown = [each for each in items if only in ("", each.subject)]
        return _page(request, "work.html", items=shown, counts=counts, only=only, now_ns=time.time_ns())

    def opened(self, request: Request) -> Response:
        """Shows one item, and what the reader may do about it."""
        return self._opened(request, self._matter(request))

    def reviewed(self, request: Request) -> Response:
        """Shows what would be sent, as it would be sent; the form that signs it is drawn here."""
        matter, act = self._matter(request), request.path_params["act"]
        offer = matter.offer(act)
        if offer is None:
            raise Refused(matter.objection or "NOT_OFFERED", "you cannot do this")
        words = _words(request, offer, matter)
        if words is None:
            return self._opened(request, matter, missing=act)
        command, language = self.work.command(matter, act, words), Preferences.of(request).language
        candidates = shown(matter.beside, language).candidates
        key = next((words.inputs[each.name] for each in offer.inputs if each.kind is Kind.CANDIDATE), "")
        return _page(
            request,
            "review.html",
            matter=matter,
            act=act,
            command=command,
            rows=_rows(request, matter),
            choice=next((each for each in candidates if each.key == key), None),
            form=self.acts.draw(matter, command, act),
        )

    async def signed(self, request: Request) -> Response:
        """Carries out what a form says, once, and leads to what it became."""
        form = await _form(request)
        return await run_in_threadpool(self._signed, request, form)

    def ended(self, request: Request) -> Response:
        """Shows what an act became."""
        try:
            drawn, done = self.acts.outcome(request.path_params["id"])
        except FormUnknown:
            raise NotThere("no act of this id was done here, or too long ago") from None
        except (Refused, Unsure) as refusal:
            return _refused(request, "/matters", refusal)
        rows = _rows(request, done.matter) if done.matter else []
        return _page(request, "done.html", drawn=drawn, done=done, rows=rows)

    def _signed(self, request: Request, form: Mapping[str, str]) -> Response:
        id_ = form.get("form", "")
        back = request.url.path.rpartition("/")[0]
        try:
            self.acts.carry_out(id_, _hash(form.get("sha256", "")))
        except FormUnknown:
            return _page(request, "changed.html", 409, back=back, changes=[], gone=False, unknown=True, was_sent=False)
        except Unanswered:
            return _page(request, "unanswered.html", 503, back=back, form=form)
        except (Refused, Unsure) as refusal:
            return _refused(request, back, refusal)
        except Changed as stale:
            return _changed(request, back, stale)
        return RedirectResponse(f"/acts/{id_}", 303)

    def _opened(self, request: Request, matter: Matter, missing: str = "") -> Response:
        rows, status = _rows(request, matter), 400 if missing else 200
        return _page(
            request,
            "matter.html",
            status,
            matter=matter,
            rows=rows,
            beside=shown(matter.beside, Preferences.of(request).language),
            missing=missing,
            given=request.query_params,
            plain=money.plain,
            most_note=MOST_NOTE,
            now_ns=time.time_ns(),
        )

    def _matter(self, request: Request) -> Matter:
        try:
            subject = Subject(request.path_params["subject"])
        except ValueError:
            raise NotThere("there is no such work") from None
        return self.work.matter(subject, request.path_params["key"])


def _page(request: Request, template: str, status: int = 200, **shown: object) -> Response:
    language = Preferences.of(request).language
    words = translations(language)
    naming = {
        "word": lambda each: worded(each, language),
        "icon_of": ICONS,
        "subject_name": lambda each: called(SUBJECTS, each, words),
        "act_name": lambda each: called(ACTS, each, words),
        "field_name": lambda each: called(FIELDS, each, words),
    }
    return pages_of(request).page(request, template, status, seal=None, **naming, **shown)


def _refused(request: Request, back: str, refusal: Refused | Unsure) -> Response:
    unsure = isinstance(refusal, Unsure)
    return _page(request, "refused.html", 409 if unsure else 403, back=back, refusal=refusal, unsure=unsure)


def _changed(request: Request, back: str, stale: Changed) -> Response:
    language = Preferences.of(request).language
    words, money_ = translations(language), stale.now.item.money if stale.now else None

    def told(name: str, text: str) -> str:
        if name == "lacking" and text and money_:
            return money.amount(int(text), money_.ledger, language)
        return said(name, text, language) if text else ""

    changes = [
        (called(FIELDS, name, words), told(name, was), told(name, now)) for name, (was, now) in stale.changes.items()
    ]
    shown = {"changes": changes, "gone": stale.now is None, "was_sent": stale.was_sent}
    return _page(request, "changed.html", 409, back=back, unknown=False, **shown)


def _rows(request: Request, matter: Matter) -> list[Row]:
    language = Preferences.of(request).language
    return [row(name, value, language) for name, value in matter.details.items() if value not in (None, "", b"")]


def _words(request: Request, offer: Offer, matter: Matter) -> Words | None:
    """Reads what was filled in; None where something that the act needs is missing, or is not what it should be."""
    note = request.query_params.get("note", "").strip()[:MOST_NOTE]
    inputs = {each.name: _input(request.query_params.get(each.name, "").strip(), each, matter) for each in offer.inputs}
    words = Words(note, _hash(request.query_params.get("document", "").strip()), inputs)
    lacks = (offer.needs_note and not note) or (offer.needs_document and not words.document_sha256)
    return None if lacks or not all(inputs.values()) else words


def _input(text: str, asked: Input, matter: Matter) -> str:
    """Gives a value as commands have it; empty for what is none."""
    if asked.kind is Kind.CANDIDATE:
        return text if text in {each.key for each in matter.beside.candidates if each.is_offered} else ""
    if asked.kind is Kind.AMOUNT:
        return _minor(text, money.decimals(asked.ledger))
    if asked.kind is Kind.IBAN:
        return iban(text)
    try:
        return str(UUID(text))
    except ValueError:
        return ""


def _minor(text: str, decimals: int) -> str:
    """Gives an amount above zero in minor units; empty for what is none, or has more decimals than its currency."""
    found = _AMOUNT.fullmatch(text)
    whole, part = found.groups(default="") if found else ("", "")
    digits = (whole + part.ljust(decimals, "0")).lstrip("0")
    return digits if found and len(part) <= decimals else ""


def _hash(text: str) -> bytes:
    """Reads a SHA-256 in hexadecimal; empty for what is none."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        return b""
    return found if len(found) == _HASH_BYTES else b""


async def _form(request: Request) -> Mapping[str, str]:
    """Reads what a form of ours has sent; of what is longer than any of them, or is none, nothing."""
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > MOST_FORM_BYTES:
            return {}
    try:
        return {name: values[-1] for name, values in parse_qs(content.decode("ascii")).items()}
    except ValueError:
        return {}
