"""`ringfence trace` and `about`: where a cent came from and went, and all that the log knows of an id, in sentences."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from ringfence_desk import money, times
from ringfence_desk.attribution import Rule, TooManyParts
from ringfence_desk.fact import Fact
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.places import payments_of, place
from ringfence_desk.story import ordered
from ringfence_desk.trace import DEPTH, Node, Trace, traced
from ringfence_desk.words import phrases
from ringfence_verifier import VerifierKey

from ringfence.client import Client
from ringfence.commands import told
from ringfence.commands.complete import memory_of, sandbox_key
from ringfence.commands.connect import As, client_as
from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.person import as_json, facts_beside, person_in, show_person
from ringfence.commands.terminal import note, say, show, show_whole
from ringfence.commands.told import InLanguage
from ringfence.commands.trusted import LogKey, PolicyFile, demanded, key_of
from ringfence.commands.typed import TIMES, time_ns
from ringfence.proven import ProvenFacts


def _rule(text: str | Rule) -> Rule:
    try:
        return Rule(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(Rule)}") from None


def trace(
    principal: As,
    what: Annotated[UUID, typer.Argument(help="Payment, bank's entry, transfer or account.")],
    key: LogKey = "",
    policy: PolicyFile = None,
    rule: Annotated[
        Rule, typer.Option(parser=_rule, metavar="|".join(Rule), help="How mixed money is told apart.")
    ] = Rule.FIRST_IN_FIRST_OUT,
    depth: Annotated[int, typer.Option(min=1, max=32, help="Over how many accounts each way.")] = DEPTH,
    as_of: Annotated[datetime | None, typer.Option("--as-of", formats=TIMES, help="As of then, UTC.")] = None,
    platform: Annotated[UUID | None, typer.Option(help="In whose book, where several have the id.")] = None,
    language: InLanguage = Language.ENGLISH,
) -> None:
    """Follows money back to the deposits that it came from and forth to where it went, with what was decided on it.

    Every fact is proven to be in the log, and that there are no others about what is followed. Shares are exact: by the
    rule, but what the log itself names goes first.
    """
    with _proven(principal, key, policy, "trace") as facts:
        try:
            until_ns = time_ns(as_of) if as_of else None
            made = traced(facts.facts_of, what, rule, depth=depth, until_ns=until_ns, platform_id=platform)
        except TooManyParts as error:
            raise CommandFailed("an account's money divides into too many parts; try --rule fifo") from error
        if made.start.fact is None:
            raise CommandFailed(f"the log knows no payment, entry, transfer or account {what}", ExitCode.REFUSED)
        names = facts.names([*made.steps, *(node.move.fact for node in made.nodes if node.move)])
        if show_whole(lambda: _as_json(made, made.steps, names, language, facts)):
            return
        _seal(facts)
        if others := [str(each) for each in made.start.platforms if each != made.start.platform_id]:
            note(f"in the book of {made.start.platform_id}; the id is in those of {', '.join(others)} too")
        called = names.of_id(made.start.kind, what, language, made.start.platform_id)
        say(f"{called}: {phrases()[f'rule {rule}'][language]}")
        if made.nodes:
            _show_money(made, names, language)
        else:
            say("no money has moved by it")
        columns = ["time", "what", "amount", "index"]
        rows = [[when, gist, amount, index] for index, when, _, amount, gist in told.rows(made.steps, names, language)]
        show("Steps and decisions", columns, rows, right=["amount", "index"])


def about(
    principal: As,
    what: Annotated[UUID, typer.Argument(help="Party, account, payment, bank's entry, transfer or principal.")],
    key: LogKey = "",
    policy: PolicyFile = None,
    kind: Annotated[str, typer.Option(help="Only kinds with this in their name: transfer, instruction.")] = "",
    ids: Annotated[
        bool, typer.Option("--ids", help="Instead of the facts, shows the ids that they name, whole.")
    ] = False,
    language: InLanguage = Language.ENGLISH,
) -> None:
    """Shows everything that the log knows of an id, by kind and as a story, and proves that it is everything."""
    with _proven(principal, key, policy, "about") as facts:
        found = facts.facts_of(what)
        chosen = ordered(fact for fact in found if kind in fact.kind)
        person = person_in(what, found, facts.facts_of)
        names = facts.names([*chosen, *(facts_beside(person) if person else ())])
        if ids:
            show("Ids", told.IDS, told.id_rows(chosen, names, language))
            return
        counts = sorted(Counter(fact.kind for fact in found).items())
        document = {
            "id": str(what),
            "kinds": dict(counts),
            "facts": [_fact_as_json(fact, names, language) for fact in chosen],
            **({"principal": as_json(person, names, language, time.time_ns())} if person else {}),
        }
        if show_whole(lambda: {**document, "proven": _proof_as_json(facts)}):
            return
        _seal(facts)
        say(f"{len(found)} facts about {what}, and there are no others" if found else f"There is no fact about {what}")
        show("Kinds", ["kind", "facts"], [[name, str(count)] for name, count in counts], right=["facts"])
        show("Facts", told.COLUMNS, told.rows(chosen, names, language), right=told.RIGHT)
        if person:
            show_person(person, names, language, time.time_ns())


@contextmanager
def _proven(principal: str, key: str, policy: PolicyFile, page: str) -> Iterator[ProvenFacts]:
    """Gives proven facts of the log, which has to extend what was seen of it with these credentials before."""
    vkey = key_of(key) if key else sandbox_key()
    with client_as(principal) as client:
        facts = _facts(client, vkey, policy, page)
        yield facts


def _facts(client: Client, vkey: str, policy: PolicyFile, page: str) -> ProvenFacts:
    audit = client.audit.looking(page)
    remembered = memory_of(client)
    wanted = demanded(policy, remembered, vkey)
    if remembered is None:
        return ProvenFacts(audit, vkey, wanted)
    client.audit.verified_checkpoint(vkey, remembered, wanted)
    return ProvenFacts(audit, remembered.keys(VerifierKey.parse(vkey).name, vkey), wanted)


def _show_money(made: Trace, names: Names, language: Language) -> None:
    payments = payments_of(made)
    rows = []
    for node in made.nodes:
        said = place(node, payments, names, language)
        rows.append([f"{node.column:+d}", "".join(part.text for part in said.parts), str(said.amount)])
    show("Where the money was", ["step", "what", "amount"], rows, right=["step", "amount"])


def _seal(facts: ProvenFacts) -> None:
    """Says what is proven, and as of when."""
    if newest := facts.newest:
        moment = times.moment(newest.state.time_ns, Language.ENGLISH)
        say(f"proven for facts 0 to {facts.until_leaf - 1} in {newest.checkpoint.origin}, as of {moment}")
    note("that it was looked at is itself a fact in the log")


def _as_json(
    made: Trace, steps: Sequence[Fact], names: Names, language: Language, facts: ProvenFacts
) -> Mapping[str, Any]:
    payments = payments_of(made)
    return {
        "start": {"id": str(made.start.id), "kind": made.start.kind.value},
        "rule": made.rule.value,
        "nodes": [_node_as_json(node, str(place(node, payments, names, language))) for node in made.nodes],
        "ribbons": [{"from": each.source, "to": each.target, "minor": each.minor} for each in made.ribbons],
        "portions": [
            {
                "account_id": str(each.account_id),
                "came_by": str(each.source.id) if each.source else None,
                "went_by": str(each.target.id) if each.target else None,
                "minor": each.minor,
            }
            for each in made.portions
        ],
        "steps": [_fact_as_json(fact, names, language) for fact in steps],
        "proven": _proof_as_json(facts),
    }


def _node_as_json(node: Node, said: str) -> Mapping[str, Any]:
    return {
        "key": node.key,
        "kind": node.kind.value,
        "column": node.column,
        "account_id": str(node.account_id),
        "transfer_id": str(node.move.id) if node.move else None,
        "minor": node.minor,
        "currency": money.currency(node.ledger),
        "what": said,
    }


def _fact_as_json(fact: Fact, names: Names, language: Language) -> Mapping[str, Any]:
    return {
        "index": fact.index,
        "time": times.iso(fact.time_ns) if fact.time_ns is not None else None,
        "kind": fact.kind,
        "amount": told.amount(fact, names, language),
        "what": told.gist(fact, names, language),
    }


def _proof_as_json(facts: ProvenFacts) -> Mapping[str, Any]:
    newest = facts.newest
    if newest is None:
        return {}
    checkpoint = newest.checkpoint
    return {
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "until_leaf": facts.until_leaf,
    }
