"""`ringfence search` and `disclose`: facts by whatever is known of them, and what they have sealed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
from ringfence_desk.fact import Fact
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.narrowing import Narrowing
from ringfence_desk.sought import Ground, Sought, Taken, grounded, said, taken, taken_as
from ringfence_verifier import KeySuccession, Policy, VerifierKey

from ringfence.client import Client
from ringfence.commands import told
from ringfence.commands.complete import memory_of, sandbox_key
from ringfence.commands.connect import As, client_as
from ringfence.commands.errors import CommandFailed
from ringfence.commands.terminal import note, show
from ringfence.commands.told import InLanguage, InZone
from ringfence.commands.trusted import LogKey, PolicyFile, demanded, key_of
from ringfence.commands.typed import TIMES, Why, time_ns
from ringfence.finding import LOOKED_UP, Way
from ringfence.proven import fact_of

OF_A_PARTY = ("identity.party_registered.v1", "identity.party_amended.v1")
OF_ITS_OWNERS = ("identity.owners_recorded.v1",)
OF_ITS_IBANS = ("identity.alias_claimed.v1", "identity.alias_registered.v1")
_KINDS = "|".join(each.value for each in Taken)


def search(
    principal: As,
    sought: Annotated[
        str, typer.Argument(help="An id, name, reference, IBAN, amount (12.34 EUR), day, SHA-256 of a file, or #index.")
    ] = "",
    taken_for: Annotated[str, typer.Option("--by", metavar=_KINDS, help="Takes it as this alone.")] = "",
    reason: Annotated[str, typer.Option(help="Why; for a name, number, IBAN or text, which are looked up.")] = "",
    subject: Annotated[
        UUID | None, typer.Option(help="Party, account, instruction, transfer, submission or principal.")
    ] = None,
    platform: Annotated[UUID | None, typer.Option(help="Platform.")] = None,
    from_time: Annotated[datetime | None, typer.Option("--from", formats=TIMES, help="Not before, UTC.")] = None,
    until_time: Annotated[datetime | None, typer.Option("--until", formats=TIMES, help="Before, UTC.")] = None,
    kind: Annotated[str, typer.Option(help="Only kinds with this in their name: transfer, instruction.")] = "",
    status: Annotated[str, typer.Option(help="Only facts that say this status: SETTLED.")] = "",
    amount: Annotated[str, typer.Option(help="Only facts of this amount, as they show it: 12.34 EUR.")] = "",
    ids: Annotated[
        bool, typer.Option("--ids", help="Instead of the facts, shows the ids that they name, whole.")
    ] = False,
    most: Annotated[int, typer.Option("--most", min=1, max=100_000, help="At most so many, the newest.")] = 1_000,
    key: LogKey = "",
    policy: PolicyFile = None,
    language: InLanguage = Language.ENGLISH,
    zone: InZone = "",
) -> None:
    """Finds facts in the log, as a regulator, the newest first: by what is typed, or by platform, subject and time.

    It says how what is typed was taken, how far was looked, and whether it is proven that there are no others.
    """
    clocks = told.zone_of(zone)
    narrowing = Narrowing(platform, time_ns(from_time), time_ns(until_time), kind, status)
    if sought:
        ways = _ways(sought, taken_for, reason)
        with client_as(principal) as client:
            known, wanted = _known(client, key, policy)
            found = client.finding.find(ways, known, reason=reason, narrowing=narrowing, policy=wanted)
        _tell(found, Told(most, amount, ids, language, clocks))
        return
    if not any((subject, platform, from_time, until_time)):
        raise typer.BadParameter("type what is sought, or give at least one of --subject, --platform, --from, --until")
    shown: deque[Fact] = deque(maxlen=most)
    names = Names()
    with client_as(principal) as client:
        from_ns, until_ns = narrowing.from_ns, narrowing.until_ns
        for leaf in client.audit.search(subject, platform, from_ns=from_ns, until_ns=until_ns):
            fact = fact_of(leaf.index, leaf.content, leaf.openings)
            names = names.learned([fact])
            if Narrowing(kind=kind, status=status).takes(fact) and _is_of(fact, names, amount):
                shown.append(fact)
    if len(shown) == most:
        note(f"the newest {most} are shown; there may be more")
    note(grounded(Ground.LOG, 0, language))
    _show(list(reversed(shown)), names, Told(most, amount, ids, language, clocks))


def disclose(
    principal: As,
    what: Annotated[str, typer.Argument(help="Index of a fact in the log, or the id of a party.")],
    reason: Why,
    fields: Annotated[
        list[str] | None, typer.Option("--field", help="Only this field, by its name without _commitment; again.")
    ] = None,
    key: LogKey = "",
) -> None:
    """Opens what a fact has sealed, or a party's data and IBANs, as a regulator with a reason, which is logged first.

    The fact and the ciphertext are proven; that the ciphertext says this is identity's word. Nobody who was erased can
    be disclosed.
    """
    rows: list[list[str]] = []
    with client_as(principal) as client:
        known, wanted = _known(client, key)
        for index in _facts_of(client, what, known, wanted):
            got = client.finding.disclose(index, reason, fields or (), key=known, policy=wanted)
            note(f"recorded as fact {got.read_index} before it was opened")
            for each in got.fields:
                texts = each.texts or (("", ""),)
                rows += [[str(index), each.field, name, text, each.reason] for name, text in texts]
    show("Disclosed", ["fact", "field", "what", "text", "closed because"], rows, right=["fact"])


def _ways(sought: str, taken_for: str, reason: str) -> list[Sought]:
    """Takes what was typed; without a reason only what needs none."""
    if taken_for and taken_for not in list(Taken):
        raise typer.BadParameter(f"--by is one of {_KINDS}")
    one = taken_as(sought, Taken(taken_for)) if taken_for else None
    if taken_for and one is None:
        raise typer.BadParameter(f"{sought!r} has not the form of: {taken_for}")
    ways = [one] if one else taken(sought)
    if not reason and any(each.taken in LOOKED_UP for each in ways):
        raise typer.BadParameter(f"give --reason: {said(ways[0], Language.ENGLISH)} is looked up, and the log says why")
    return ways


def _known(client: Client, key: str, policy: PolicyFile = None) -> tuple[str | KeySuccession, Policy | None]:
    """Gives the keys and the policy that every answer is held to."""
    vkey = key_of(key) if key else sandbox_key()
    remembered = memory_of(client)
    wanted = demanded(policy, remembered, vkey)
    if remembered is None:
        return vkey, wanted
    # What is proven next stands in a log that goes on from the newest one that was seen.
    client.audit.verified_checkpoint(vkey, remembered, wanted)
    return remembered.keys(VerifierKey.parse(vkey).name, vkey), wanted


def _facts_of(client: Client, what: str, known: str | KeySuccession, policy: Policy | None) -> list[int]:
    """Gives the facts that have a party's data, its owners' and its IBANs as they are now, or the one that is named."""
    if what.removeprefix("#").isdigit():
        return [int(what.removeprefix("#"))]
    party = taken_as(what, Taken.ID)
    if party is None or party.id is None:
        raise typer.BadParameter(f"{what!r} is neither the index of a fact nor an id")
    [way] = client.finding.find([party], known, policy=policy)
    newest = [
        next((index for index, fact in way.facts if fact.kind in kinds), None) for kinds in (OF_A_PARTY, OF_ITS_OWNERS)
    ]
    ibans = [index for index, fact in way.facts if fact.kind in OF_ITS_IBANS]
    found = [index for index in newest if index is not None] + ibans
    if not found:
        raise CommandFailed(f"no fact about {what} has sealed data of a party")
    return found


@dataclass(frozen=True)
class Told:
    """How what is found is told: at most so many facts, of an amount alone where one is given, or the ids in them.

    Times are in UTC, and by the clocks of a zone where there is one.
    """

    most: int
    amount: str
    ids: bool
    language: Language
    zone: ZoneInfo | None


def _tell(found: list[Way], how: Told) -> None:
    """Says of each way how it was taken and on what it rests, then shows all facts together, each once."""
    facts: dict[int, Fact] = {}
    names, language = Names(), how.language
    for way in found:
        of_way = [Fact(index, fact.kind, fact.fields) for index, fact in way.facts]
        names = names.learned(of_way)
        wanted = {each.index: each for each in of_way if _is_of(each, names, how.amount)}
        facts |= wanted
        if way.refused:
            note(f"{said(way.sought, language)}: {way.refused}")
            continue
        note(f"{said(way.sought, language)}: {len(wanted)}")
        note(grounded(way.ground, way.until, language))
        if way.others:
            note(f"facts about {way.others} more, at least, were not asked for: narrow it by --platform")
    newest = sorted(facts.values(), key=lambda each: each.index, reverse=True)
    if len(newest) > how.most:
        note(f"the newest {how.most} are shown, of {len(newest)}")
    _show(newest[: how.most], names, how)


def _show(facts: list[Fact], names: Names, how: Told) -> None:
    if how.ids:
        show("Ids", told.IDS, told.id_rows(facts, names, how.language))
    else:
        rows = told.rows(facts, names, how.language, how.zone)
        show("Facts", told.columns(how.zone), rows, right=told.RIGHT)


def _is_of(fact: Fact, names: Names, amount: str) -> bool:
    return not amount or told.amount(fact, names, Language.ENGLISH).replace(",", "") == amount.replace(",", "")
