"""Finding: by whatever is known; how that was taken, all that there is, and on what it rests that this is all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ringfence_desk import times
from ringfence_desk.fact import Fact
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.sentences import Sentence, sentence
from ringfence_desk.sought import Ground, Taken, grounded, said
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ringfence_console.catalog import marked, translations
from ringfence_console.disclosures import LEAST_REASON, MOST_REASON
from ringfence_console.once import Once
from ringfence_console.pages.about import counted
from ringfence_console.pages.narrowed import MOST_ROWS, Choices, Narrowed, as_csv, of_dossier
from ringfence_console.ports import Finding, View, Way
from ringfence_console.preferences import Preferences
from ringfence_console.rendering import Section, pages_of

SECTION = Section("/find", marked("Find"), ("/about", "/fact", "/trace", "/account", "/people", "/disclosed"))
READ = "audit.read.v1"


@dataclass(frozen=True)
class Row:
    """A fact that was found."""

    fact: Fact
    said: Sentence


@dataclass(frozen=True)
class Told:
    """A way in words: how it was taken, how many facts it gave, and on what that rests."""

    way: Way
    taken: str
    ground: str
    is_proven: bool


@dataclass(frozen=True)
class _Found:
    """What was found, by what was typed, and why it was looked up."""

    typed: str
    reason: str
    ways: Sequence[Way]


@dataclass(frozen=True)
class FindPage:
    """The page over a port, of one reader."""

    finding: Finding
    once: Once[_Found] = field(default_factory=Once)

    def routes(self) -> list[BaseRoute]:
        """Gives the routes."""
        return [Route("/find", self.asked), Route("/find/{key}", self.kept)]

    def asked(self, request: Request) -> Response:
        """Shows what is found; what is looked up for a reason is looked up once for each form, and led to."""
        typed, reason = (request.query_params.get(name, "").strip() for name in ("q", "reason"))

        def found() -> _Found:
            return _Found(typed, reason, self.finding.find(typed, reason, View("find", typed)))

        if typed and reason:
            key = self.once.done(request.query_params.get("form", ""), f"{reason} {typed}", found)
            return RedirectResponse(f"/find/{key}", 303)
        return self._shown(request, found() if typed else _Found("", "", ()))

    def kept(self, request: Request) -> Response:
        """Shows what was looked up; nobody is asked again."""
        return self._shown(request, self.once.outcome(request.path_params["key"]))

    def _shown(self, request: Request, found: _Found) -> Response:
        """Shows what was found; an id, and a fact's number, lead to their own pages."""
        pages, language = pages_of(request), Preferences.of(request).language
        asked, ways = Narrowed.of(request.query_params), found.ways
        if len(ways) == 1 and (place := _own_page(ways[0])):
            return RedirectResponse(place, 303)
        names = pages.host.facts.names()
        facts = newest_first(fact for way in ways for fact in way.facts)
        chosen = asked.chosen(facts)
        if request.query_params.get("as") == "csv":
            return _file(as_csv(chosen, names, language, list(_lacking(ways, language))), is_whole=_is_whole(ways))
        return pages.page(
            request,
            "find.html",
            typed=found.typed,
            reason=found.reason,
            asked=asked,
            kept=asked.query("" if found.reason else found.typed),
            every=replace(asked, only="").query("" if found.reason else found.typed),
            choices=Choices.of(facts, names, language),
            dossier=_dossier(found, facts, chosen) if pages.host.dossiers else {},
            ways=list(_told(ways, language)),
            needs_reason=any(way.needs_reason for way in ways),
            is_refused=any(way.refused for way in ways),
            groups=counted(facts),
            count=len(facts),
            matching=len(chosen),
            rows=[_row(fact, names, language) for fact in chosen[asked.first : asked.first + MOST_ROWS]],
            most=MOST_ROWS,
            least_reason=LEAST_REASON,
            most_reason=MOST_REASON,
            seal=None,
        )


def newest_first(facts: Iterable[Fact]) -> list[Fact]:
    """Gives facts each once, the newest first; that somebody has looked comes after what there is to see."""
    found = {fact.index: fact for fact in facts}.values()
    return sorted(found, key=lambda fact: (fact.kind == READ, -fact.index))


def _dossier(found: _Found, facts: Sequence[Fact], chosen: Sequence[Fact]) -> Mapping[str, str]:
    """Gives of what a dossier is to be, as the form has it: of a day that is not narrowed, else of each fact's subject.

    Nothing where a fact has no subject, or these are too many for one.
    """
    between_ns = next((way.sought.between_ns for way in found.ways if way.sought.between_ns), None)
    if between_ns and len(chosen) == len(facts):
        day = times.iso(between_ns[0])[: len("2026-01-31")]
        return {"from": day, "to": day}
    return {"about": " ".join(map(str, subjects))} if (subjects := of_dossier(chosen)) else {}


def _is_whole(ways: Iterable[Way]) -> bool:
    """Tells whether each way was gone to its end."""
    return not any(way.is_cut or way.refused or way.needs_reason or way.others for way in ways)


def _lacking(ways: Iterable[Way], language: Language) -> Iterator[str]:
    """Says of each way that was not gone to its end why, for a file that is read without the page."""
    words = translations(language)
    not_all = words.gettext("Not all")
    for way in ways:
        if _is_whole([way]):
            continue
        why = [way.refused] if way.refused else []
        if way.needs_reason:
            why.append(words.gettext("waits for a reason"))
        if way.is_cut:
            why.append(words.gettext("there are later ones of this time, which are not shown"))
        if way.others:
            alike = words.ngettext(
                "%(num)s other subject is named alike", "%(num)s other subjects are named alike", way.others
            )
            why.append(alike % {"num": way.others})
        taken = words.gettext("taken as %(what)s") % {"what": said(way.sought, language)}
        yield words.gettext(": ").join([not_all, taken, words.gettext("; ").join(why)])


def _file(content: str, *, is_whole: bool) -> Response:
    headers = {"content-disposition": f'attachment; filename="{"found" if is_whole else "found-not-all"}.csv"'}
    return Response(content, headers=headers, media_type="text/csv")


def _own_page(way: Way) -> str:
    if way.sought.taken is Taken.FACT:
        return f"/fact/{way.sought.index}"
    return f"/about/{way.sought.id}" if way.sought.taken is Taken.ID else ""


def _told(ways: Iterable[Way], language: Language) -> Iterator[Told]:
    for way in ways:
        ground = "" if way.refused or way.needs_reason else grounded(way.ground, way.until, language)
        yield Told(way, said(way.sought, language), ground, way.ground is Ground.PROVEN)


def _row(fact: Fact, names: Names, language: Language) -> Row:
    return Row(fact, sentence(fact, names, language))
