"""A cent's way from deposit to payout and back: ribbons as wide as the money, people on them, and each step below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from ringfence_desk import money, times
from ringfence_desk.attribution import Rule, TooManyParts
from ringfence_desk.external import transfers_of
from ringfence_desk.fact import Fact
from ringfence_desk.kinds import platform_of
from ringfence_desk.language import Language
from ringfence_desk.moves import Move
from ringfence_desk.names import Names
from ringfence_desk.roles import Role
from ringfence_desk.sentences import Sentence, sentence
from ringfence_desk.starting import StartKind
from ringfence_desk.trace import Node, NodeKind, Trace, traced
from ringfence_desk.visible import visible
from ringfence_desk.words import code
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringfence_console.catalog import marked, translations
from ringfence_console.drawing.flow import Band, Gate, Knot, fitted, flow, folded, letters_across, with_amounts
from ringfence_console.pages.about import id_in, platform_in
from ringfence_console.pages.books import instant
from ringfence_console.ports import NotThere, View
from ringfence_console.preferences import Preferences
from ringfence_console.rendering import pages_of

DEPTHS = (1, 2, 3, 5, 8)
DEPTH = 2
MOST_ACROSS, MOST_DOWN = 7, 3
"""So many knots of a column are drawn; the table has all."""
LETTERS_DOWN = 30
_READ, _STEP, _HELD = "audit.read.v1", "payment-instruction.step.v1", "HELD"
_EDGES = {
    NodeKind.BANK_IN: marked("came in at the bank"),
    NodeKind.BANK_OUT: marked("paid out by the bank"),
    NodeKind.KEPT: marked("still on the account"),
    NodeKind.ADVANCED: marked("advanced, not made good"),
    NodeKind.OWN: marked("the platform's own"),
    NodeKind.BEYOND: marked("followed no further"),
}
_CLASSES = {
    NodeKind.BANK_IN: "bank",
    NodeKind.BANK_OUT: "bank",
    NodeKind.MOVE: "traced",
    NodeKind.OWN: "own",
    NodeKind.ADVANCED: "suspense",
    NodeKind.BEYOND: "own",
}


@dataclass(frozen=True)
class Step:
    """A fact on the way: how long after the first, and what a person wrote about it."""

    fact: Fact
    said: Sentence
    after: str
    note: str


@dataclass(frozen=True)
class Asked:
    """How a way is to be shown: by which rule, over how many accounts, and as of when, as typed and in UTC ns."""

    rule: Rule
    depth: int
    as_of: str
    as_of_ns: int

    @classmethod
    def of(cls, request: Request) -> Asked:
        """Reads it; raises HTTPException."""
        query = request.query_params
        as_of = query.get("as_of", "").strip()
        try:
            rule, depth = Rule(query.get("rule", Rule.FIRST_IN_FIRST_OUT)), int(query.get("depth", str(DEPTH)))
            found = cls(rule, depth, as_of, instant(as_of))
        except (ValueError, OverflowError):
            raise HTTPException(400) from None
        if depth not in DEPTHS:
            raise HTTPException(400)
        return found


@dataclass(frozen=True)
class Way:
    """A ribbon as a row: from where to where, and how much."""

    source: str
    target: str
    minor: int


def routes() -> list[BaseRoute]:
    """Gives the route."""
    return [Route("/trace/{identifier}", shown)]


def shown(request: Request) -> Response:
    """Shows a trace."""
    identifier = id_in(request)
    pages, language = pages_of(request), Preferences.of(request).language
    asked, platform = Asked.of(request), platform_in(request)
    rule, depth, options = asked.rule, asked.depth, f"{asked.rule} {asked.depth} {platform or ''} {asked.as_of}"
    reading = pages.host.facts.reading(View("trace", str(identifier), options))
    try:
        trace = traced(
            reading.facts_of, identifier, rule, depth=depth, until_ns=asked.as_of_ns or None, platform_id=platform
        )
    except TooManyParts:
        raise HTTPException(400) from None
    if not trace.steps:
        raise NotThere("nothing has happened by this id that can be traced")
    names = pages.host.facts.names()
    drawing, steps = _Drawing(trace, names, language), list(_steps(trace, names, language))
    return pages.page(
        request,
        "trace.html",
        trace=trace,
        start=trace.start,
        called=names.of_id(trace.start.kind, identifier, language, trace.start.platform_id),
        books=[(each, names.of_id("platform", each, language)) for each in trace.start.platforms],
        moved=sum(move.minor for move in trace.start.moves),
        ledger=trace.nodes[0].ledger if trace.nodes else None,
        pictures=drawing.pictures() if trace.nodes else (),
        ways=list(drawing.ways()),
        steps=steps,
        rule=rule,
        rules=list(Rule),
        depth=depth,
        depths=DEPTHS,
        asked=asked,
        stands=_status(trace.steps, language),
        tone=next((step.said.tone for step in reversed(steps) if step.fact.kind == _STEP), ""),
        seal=reading.seal,
        until_leaf=reading.until_leaf,
    )


class _Drawing:
    """A trace as knots and bands, with words."""

    def __init__(self, trace: Trace, names: Names, language: Language) -> None:
        self._trace, self._names, self._language = trace, names, language
        self._gettext = translations(language).gettext
        self._nodes = {node.key: node for node in trace.nodes}
        self._columns = sorted({node.column for node in trace.nodes})

    def pictures(self) -> tuple[Markup, Markup]:
        """Draws it across and down."""
        gettext = self._gettext
        colon = gettext(": ")
        told = gettext("; ").join(f"{way.source} → {way.target}{colon}{self._amount(way.minor)}" for way in self.ways())
        drawn = []
        for is_down in (False, True):
            knots, bands = folded(
                [self._knot(node, is_down) for node in self._trace.nodes],
                [self._band(ribbon.source, ribbon.target, ribbon.minor) for ribbon in self._trace.ribbons],
                MOST_DOWN if is_down else MOST_ACROSS,
                {"knots": gettext("%(num)s others")},
            )
            amounts = {each.key: self._amount(each.minor) for each in knots}
            gates = list(self._gates())
            drawn.append(flow(with_amounts(knots, amounts), bands, gates, told, is_down=is_down))
        return drawn[0], drawn[1]

    def ways(self) -> Iterator[Way]:
        """Yields each ribbon in words."""
        for ribbon in self._trace.ribbons:
            yield Way(self._told(ribbon.source), self._told(ribbon.target), ribbon.minor)

    def _told(self, key: str) -> str:
        lines = self._lines(self._nodes[key])
        return " · ".join(line for line in lines if line)

    def _knot(self, node: Node, is_down: bool) -> Knot:
        place = self._columns.index(node.column)
        letters = LETTERS_DOWN if is_down else letters_across(place, len(self._columns))
        of = f"?of={node.platform_id}" if node.platform_id else ""
        href = f"/fact/{node.move.fact.index}" if node.move else f"/account/{node.account_id}{of}"
        return Knot(
            node.key, node.column, node.minor, self._class(node), ("", *fitted(self._lines(node), letters)), href
        )

    def _lines(self, node: Node) -> tuple[str, ...]:
        account = visible(self._names.account(node.account_id, self._language, node.platform_id))
        if node.move is None:
            edge = _EDGES.get(node.kind)
            return (self._gettext(edge), account) if edge else (account,)
        known = code(node.move.fact.kind, "code", node.move.code)
        purpose = known.words[self._language] if known else str(node.move.code)
        reference = self._reference(node.move)
        at = times.clock(node.move.time_ns)
        if node.kind is NodeKind.BANK_IN:
            return self._gettext(_EDGES[node.kind]), f"{purpose} · {at}"
        return visible(reference or purpose), f"{purpose} · {at}" if reference else at

    def _reference(self, move: Move) -> str | None:
        """Gives what the payment is called that a movement is of."""
        platform, subject = platform_of(move.fact), move.subject_id
        if platform and subject and move.id in transfers_of(platform, subject):
            return self._names.name(Role.PAYMENT, subject, platform)
        return None

    def _class(self, node: Node) -> str:
        account = self._names.found(node.account_id, node.platform_id)
        if node.kind in (NodeKind.ACCOUNT, NodeKind.KEPT):
            return "suspense" if account and account.account_class == "SUSPENSE" else "client"
        return _CLASSES[node.kind]

    def _band(self, source: str, target: str, minor: int) -> Band:
        one, other = self._nodes[source], self._nodes[target]
        name = self._class(one) if one.kind in (NodeKind.BANK_IN, NodeKind.MOVE) else self._class(other)
        return Band(source, target, minor, name)

    def _gates(self) -> Iterator[Gate]:
        """Yields what people decided on the payment that is traced, and where it was held, on the ribbon into it."""
        moves = {move.fact.index for move in self._trace.start.moves}
        into = next((node.key for node in self._trace.nodes if node.move and node.move.fact.index in moves), None)
        if into is None or self._trace.start.kind is not StartKind.PAYMENT:
            return
        for fact in self._trace.steps:
            if fact.id("instruction_id") != self._trace.start.id:
                continue
            said, actor = sentence(fact, self._names, self._language), fact.id("actor_id")
            if said.is_decision and actor:
                yield Gate(into, visible(self._names.of_id("principal", actor, self._language)), f"/fact/{fact.index}")
            elif fact.kind == _STEP and fact.text("status") == _HELD:
                yield Gate(into, visible(self._why(fact)), f"/fact/{fact.index}", is_hold=True)

    def _why(self, fact: Fact) -> str:
        """Gives why a payment was held, as facts say it."""
        for name in ("reason", "status"):
            if known := code(fact.kind, name, fact.text(name)):
                return known.words[self._language]
        return fact.text("reason") or fact.text("status")

    def _amount(self, minor: int) -> str:
        return money.amount(minor, self._trace.nodes[0].ledger, self._language)


def _steps(trace: Trace, names: Names, language: Language) -> Iterator[Step]:
    first = next((fact.time_ns for fact in trace.steps if fact.time_ns is not None), 0)
    for fact in trace.steps:
        if fact.kind == _READ:
            continue  # who has looked at it since is no step of the money
        after = f"+{(fact.time_ns - first) / 1e9:,.3f} s" if fact.time_ns is not None else ""
        said, note = sentence(fact, names, language), visible(fact.text("note"))
        is_said = any(note in part.text for part in said.parts)
        yield Step(fact, said, after.replace("+-", "\N{MINUS SIGN}"), "" if is_said else note)


def _status(steps: Sequence[Fact], language: Language) -> str:
    last = next((fact for fact in reversed(steps) if fact.kind == _STEP), None)
    known = last and code(last.kind, "status", last.text("status"))
    return known.words[language] if known else ""
