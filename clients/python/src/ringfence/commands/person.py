"""A principal as commands tell it: its role, its certificates, and its acts with the second person beside each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from ringfence_desk.fact import Fact
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.people import MOST_PROPOSALS, REGISTERED, Act, Principal, State, principal_in, proposals_of
from ringfence_desk.words import code

from ringfence.commands import told
from ringfence.commands.outcome import moment
from ringfence.commands.terminal import show

_STATES = {State.ACTIVE: "active", State.STOPPED: "stopped, or not confirmed yet", State.ENDED: "ended"}
_DIGITS = 16
_COLUMNS = ["index", "time", "what", "second person", "certificate"]


def person_in(identifier: UUID, facts: Sequence[Fact], facts_of: Callable[[UUID], Sequence[Fact]]) -> Principal | None:
    """Gives the principal by all facts about it, None where none registers it; `facts_of` proves proposals."""
    if not any(fact.kind == REGISTERED and fact.id("principal_id") == identifier for fact in facts):
        return None
    return principal_in(
        identifier, facts, {each: facts_of(each) for each in proposals_of(identifier, facts, MOST_PROPOSALS)}
    )


def facts_beside(found: Principal) -> list[Fact]:
    """Gives the facts whose people have to be called by their names."""
    return [each.fact for each in (*found.acts, *found.decided)]


def show_person(found: Principal, names: Names, language: Language, now_ns: int) -> None:
    """Prints what it is, what it may show, and what it did; whether it is let in, as of now (UTC nanoseconds)."""
    rows = [
        ["role", _role(found, language)],
        ["state", _STATES[found.state(now_ns)]],
    ]
    if found.platform_id:
        rows.append(["platform", names.of_id("platform", found.platform_id, language)])
    if found.until_ns:
        rows.append(["role ends", moment(found.until_ns)])
    for each in found.certificates:
        ends = f", until {moment(each.until_ns)}" if each.until_ns else ""
        rows.append(["certificate", f"{each.sha256.hex()}{ends}; used {each.used} times in facts"])
    show("Principal", ["what", "is"], rows)
    acts = [_row(each, names, language) for each in found.acts]
    show("What it did", _COLUMNS, acts, right=["index"])


def as_json(found: Principal, names: Names, language: Language, now_ns: int) -> Mapping[str, Any]:
    """Gives the same for programs; times in UTC nanoseconds, 0 where a role does not end."""
    return {
        "role": found.kind,
        "is_active": found.state(now_ns) is State.ACTIVE,
        "platform_id": str(found.platform_id) if found.platform_id else None,
        "until_ns": found.until_ns,
        "certificates": [
            {"sha256": each.sha256.hex(), "until_ns": each.until_ns, "index": each.index, "used": each.used}
            for each in found.certificates
        ],
        "acts": [
            {
                "index": each.fact.index,
                "what": told.gist(each.fact, names, language),
                "certificate_sha256": each.certificate_sha256.hex(),
                "second_persons": [str(other) for other in each.others],
            }
            for each in found.acts
        ],
    }


def _role(found: Principal, language: Language) -> str:
    known = code(REGISTERED, "kind", found.kind)
    return known.words[language] if known else found.kind


def _row(act: Act, names: Names, language: Language) -> list[str]:
    others = ", ".join(names.of_id("principal", each, language) for each in act.others)
    shown = act.certificate_sha256.hex()[:_DIGITS]
    return [str(act.fact.index), told.when(act.fact), told.gist(act.fact, names, language), others, shown]
