"""A cent's way: back to the deposits that it came from, and forth to where it went, with what people decided on it.

Money is followed movement by movement: each account's money is divided by a rule (`attribution`), and of every share it
is known which minor units of the movement before it are. So shares are exact whole minor units: what goes into a node
comes out of it, and nothing appears or vanishes but at the edges, which say what they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from ringfence_desk.attribution import Rule, Share, proportional
from ringfence_desk.fact import Fact
from ringfence_desk.histories import FactsOf, Histories
from ringfence_desk.kinds import platform_of
from ringfence_desk.moves import Move
from ringfence_desk.safeguarding import BANK_MIRROR, OWN_CLASSES
from ringfence_desk.starting import Start, started, steps_of

DEPTH = 8
MOST_NODES = 20_000
"""Where a trace has so many nodes it follows no further account."""
BACK, FORTH = -1, 1


class NodeKind(StrEnum):
    """What money is at a node: with a bank, on an account, on its way, or at an edge of what is followed."""

    BANK_IN = "bank-in"
    ACCOUNT = "account"
    MOVE = "move"
    BANK_OUT = "bank-out"
    KEPT = "kept"
    """Still on the account."""
    ADVANCED = "advanced"
    """Went out before it was there, and was never made good."""
    OWN = "own"
    """The platform's own money, which is followed no further."""
    BEYOND = "beyond"
    """Deeper than was asked for."""


@dataclass(frozen=True)
class Node:
    """A place that traced money is at; `column` counts from where the trace starts, below 0 before it.

    `minor` is what of it is traced, minor units of `ledger`; a movement may have moved more (`move.minor`).
    `platform_id` is whose book it is in.
    """

    key: str
    kind: NodeKind
    column: int
    account_id: UUID
    move: Move | None
    minor: int
    ledger: int
    platform_id: UUID | None = None


@dataclass(frozen=True)
class Ribbon:
    """Traced money that goes from one node to another, minor units."""

    source: str
    target: str
    minor: int


@dataclass(frozen=True)
class Portion:
    """The smallest that a trace says: of an account's money what came by one movement and went by another.

    Without a source it was advanced, without a target it is still there.
    """

    account_id: UUID
    source: Move | None
    target: Move | None
    minor: int


@dataclass(frozen=True)
class Trace:
    """A trace: its nodes by column, ribbons, portions, and the story of what happened on the way.

    Without nodes no money has moved. `start` tells what the id was.
    """

    start: Start
    rule: Rule
    nodes: tuple[Node, ...]
    ribbons: tuple[Ribbon, ...]
    portions: tuple[Portion, ...]
    steps: tuple[Fact, ...]
    until_ns: int | None


Spans = list[tuple[int, int]]
"""Minor units of a movement: first one and how many, for each piece."""


def traced(
    facts_of: FactsOf,
    start: UUID,
    rule: Rule = Rule.FIRST_IN_FIRST_OUT,
    *,
    depth: int = DEPTH,
    until_ns: int | None = None,
    platform_id: UUID | None = None,
) -> Trace:
    """Traces a payment, a bank's entry, a transfer or an account, over at most `depth` accounts each way.

    Money never leaves a book: where several have the id it is the platform's, without one the first that has it. Raises
    TooManyParts where an account's money divides into more than can be followed.
    """
    histories = Histories(facts_of, rule, until_ns)
    found = started(histories, start, platform_id)
    graph = _Graph(histories, rule, depth)
    graph.follow(found.moves)
    nodes, ribbons = graph.drawn()
    steps = steps_of(histories, found, graph.moves())
    return Trace(found, rule, nodes, ribbons, tuple(graph.portions), tuple(steps), until_ns)


class _Graph:
    """Nodes and ribbons while they are found."""

    def __init__(self, histories: Histories, rule: Rule, depth: int) -> None:
        self.portions: list[Portion] = []
        self._histories, self._rule, self._depth = histories, rule, depth
        self._nodes: dict[str, Node] = {}
        self._ribbons: dict[tuple[str, str], int] = {}

    def follow(self, moves: Sequence[Move]) -> None:
        """Follows movements, whole, both ways."""
        for move in moves:
            self._move_node(move, 0)
        for way in (BACK, FORTH):
            level: _Level = {move.fact.index: (move, [(0, move.minor)]) for move in moves}
            hop = 0
            while level:
                level = self._next(level, way, hop)
                hop += 1

    def drawn(self) -> tuple[tuple[Node, ...], tuple[Ribbon, ...]]:
        """Gives what was found, by columns, and within one as the rule takes it."""
        into, out = Counter[str](), Counter[str]()
        for (source, target), minor in self._ribbons.items():
            out[source] += minor
            into[target] += minor
        order = {key: (node.column, place) for place, (key, node) in enumerate(self._nodes.items())}
        nodes = (
            replace(node, minor=max(into[key], out[key]) or node.minor)
            for key, node in sorted(self._nodes.items(), key=lambda each: order[each[0]])
        )
        ribbons = (Ribbon(*ends, minor) for ends, minor in self._ribbons.items())
        return tuple(nodes), tuple(sorted(ribbons, key=lambda each: (order[each.source], order[each.target])))

    def moves(self) -> list[Move]:
        """Gives all movements on the way, each once."""
        return list({node.move.fact.index: node.move for node in self._nodes.values() if node.move}.values())

    def _next(self, level: _Level, way: int, hop: int) -> _Level:
        """Draws what stands beside the movements of a level, and returns the movements behind that."""
        following: _Level = {}
        for move, spans in level.values():
            for other, piece in self._beside(move, spans, way, hop):
                following.setdefault(other.fact.index, (other, []))[1].append(piece)
        return following

    def _beside(self, move: Move, spans: Spans, way: int, hop: int) -> Iterator[tuple[Move, tuple[int, int]]]:
        """Draws the account beside a movement, and yields the movements on its other side with their pieces."""
        column, minor = 2 * hop * way, _sum(spans)
        here = self._move_node(move, column)
        account_id = move.to_account if way == FORTH else move.from_account
        kind = self._kind(account_id, hop)
        if kind is NodeKind.BANK_OUT and way == BACK:
            return  # the movement is where the money came in
        account = self._node(kind, column + way, account_id, move.ledger)
        self._join(here, account, minor, way)
        if kind is not NodeKind.ACCOUNT:
            return
        for share, piece in self._pieces(account_id, move, spans, way):
            self.portions.append(Portion(account_id, share.source, share.target, piece[1]))
            other = share.target if way == FORTH else share.source
            if other:
                beyond = self._move_node(other, column + 2 * way)
                yield other, piece
            else:
                edge = NodeKind.KEPT if way == FORTH else NodeKind.ADVANCED
                beyond = self._node(edge, column + 2 * way, account_id, move.ledger)
            self._join(account, beyond, piece[1], way)

    def _kind(self, account_id: UUID, hop: int) -> NodeKind:
        account = self._histories.account(account_id)
        if account and account.account_class == BANK_MIRROR:
            return NodeKind.BANK_OUT
        if account and account.account_class in OWN_CLASSES:
            return NodeKind.OWN
        return NodeKind.ACCOUNT if hop < self._depth and len(self._nodes) < MOST_NODES else NodeKind.BEYOND

    def _pieces(self, account_id: UUID, move: Move, spans: Spans, way: int) -> Iterator[tuple[Share, tuple[int, int]]]:
        """Yields the shares that pieces of a movement lie in, each with the piece of the movement on the other side."""
        history = self._histories.of(account_id)
        shares = (history.by_source if way == FORTH else history.by_target).get(move.fact.index, ())
        if self._rule is Rule.PRO_RATA:
            parts = proportional(_sum(spans), [share.minor for share in shares])
            yield from ((share, (0, part)) for share, part in zip(shares, parts, strict=True) if part)
            return
        for share in shares:
            near, far = share.source_start, share.target_start
            if way == BACK:
                near, far = far, near
            for start, minor in spans:
                low, high = max(start, near), min(start + minor, near + share.minor)
                if low < high:
                    yield share, (far + low - near, high - low)

    def _move_node(self, move: Move, column: int) -> Node:
        source = self._histories.account(move.from_account)
        is_deposit = source is not None and source.account_class == BANK_MIRROR
        kind = NodeKind.BANK_IN if is_deposit else NodeKind.MOVE
        key, platform = f"{column}:{move.fact.index}", platform_of(move.fact)
        node = Node(key, kind, column, move.to_account, move, move.minor, move.ledger, platform)
        return self._nodes.setdefault(node.key, node)

    def _node(self, kind: NodeKind, column: int, account_id: UUID, ledger: int) -> Node:
        key, platform = f"{column}:{kind}:{account_id}", self._histories.platform_id
        node = Node(key, kind, column, account_id, None, 0, ledger, platform)
        return self._nodes.setdefault(node.key, node)

    def _join(self, near: Node, far: Node, minor: int, way: int) -> None:
        ends = (near.key, far.key) if way == FORTH else (far.key, near.key)
        self._ribbons[ends] = self._ribbons.get(ends, 0) + minor


_Level = dict[int, tuple[Move, Spans]]
"""Movements by their facts, each with the pieces of it that are followed."""


def _sum(spans: Spans) -> int:
    return sum(minor for _, minor in spans)
