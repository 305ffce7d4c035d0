"""The places of a trace in sentences, as facts have them."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from ringfence_desk.fact import Fact, Value
from ringfence_desk.kinds import INSTRUCTION
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.sentences import Sentence, sentence
from ringfence_desk.trace import Node, NodeKind, Trace


def place(node: Node, payments: Collection[UUID], names: Names, language: Language) -> Sentence:
    """Tells where traced money is at a node, with so much of it as the sentence's amount.

    `payments` are those of the trace, by which a movement is called.
    """
    stated: dict[str, Value] = {
        "account_id": node.account_id.bytes,
        "ledger": node.ledger,
        "amount_minor": node.minor,
    }
    if node.platform_id:
        stated["tenant_id"] = node.platform_id.bytes
    if node.move and node.move.minor != node.minor:
        stated["whole_minor"] = node.move.minor
    if node.kind is NodeKind.MOVE and node.move:
        stated = {**node.move.fact.fields, **stated}
        if node.move.subject_id and node.move.subject_id in payments:
            stated["instruction_id"] = node.move.subject_id.bytes
    return sentence(Fact(node.move.fact.index if node.move else -1, f"trace.{node.kind}", stated), names, language)


def payments_of(trace: Trace) -> frozenset[UUID]:
    """Gives the payments of which a trace tells."""
    found = (fact.id("instruction_id") for fact in trace.steps if fact.kind == INSTRUCTION)
    return frozenset(each for each in found if each)
