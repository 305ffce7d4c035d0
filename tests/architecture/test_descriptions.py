"""Whoever confirms an act of two people reads all of it: every field of what was proposed, what is dangerous first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ringfence_custody.calendars.application.years import LIST_YEAR, Years
from ringfence_custody.calendars.domain.events import CalendarYear
from ringfence_custody.calendars.domain.state import State as CalendarState
from ringfence_custody.ledger.application import acts as custody_acts
from ringfence_custody.ledger.application.adopting import ADOPT as ADOPT_RULES
from ringfence_custody.ledger.application.adopting import RuleCommands
from ringfence_custody.ledger.application.state import State as BooksState
from ringfence_custody.ledger.domain.book import Book
from ringfence_custody.ledger.domain.lifecycle import AccountStatus
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.rule_packs import PurposeRule, compiled, document
from ringfence_custody.reconciliation.application import correcting
from ringfence_custody.reconciliation.domain.state import State as ReconciliationState
from ringfence_custody.registers.application import acts as register_acts
from ringfence_custody.registers.domain import commands as c
from ringfence_custody.registers.domain.records import (
    Appointment,
    AppointmentKind,
    Bank,
    Letter,
    LetterKind,
    LetterState,
    bank_id,
)
from ringfence_custody.registers.domain.state import State as RegisterState
from ringfence_custody.safeguarding.application import commands as days
from ringfence_custody.safeguarding.domain.state import Component
from ringfence_custody.safeguarding.domain.state import State as DaysState
from ringfence_identity.aliases.application import two_people as aliases
from ringfence_identity.aliases.domain.aliases import Action, Change
from ringfence_identity.aliases.domain.events import AliasRegistered
from ringfence_identity.aliases.domain.state import State as AliasState
from ringfence_identity.parties.application import erasing, holding, releases
from ringfence_identity.parties.domain.kyc import KycState
from ringfence_identity.parties.domain.parties import KycDecision
from ringfence_identity.parties.domain.state import State as PartyState
from ringfence_identity.principals.application import acts as principals
from ringfence_identity.principals.application import granting
from ringfence_identity.principals.domain.grants import NewGrant
from ringfence_identity.principals.domain.principals import NewPin, NewPrincipal
from ringfence_identity.principals.domain.roles import Kind
from ringfence_identity.principals.domain.state import State as PrincipalState
from ringfence_identity.principals.queries import PrincipalQueries
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.business_days import year_list
from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.ids import show
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal
from ringfence_payment_instruction.deposits.application import releasing as suspense
from ringfence_payment_instruction.limits.application import setting
from ringfence_payment_instruction.limits.domain.bounds import Bounds, InstallationLimits, PlatformLimits
from ringfence_payment_instruction.limits.domain.state import State as LimitsState
from ringfence_payment_instruction.limits.domain.state import event_of
from ringfence_payment_instruction.rail.application import working_off as answers
from ringfence_payment_instruction.rail.domain.state import Outcome
from ringfence_payment_instruction.screening.application import acting, releasing
from ringfence_payment_instruction.screening.domain import acts as lists
from ringfence_payment_instruction.screening.domain.acts import Adoption, Statement
from ringfence_payment_instruction.statements.application import decisions as told

SOURCES = sorted(Path(__file__).parents[2].glob("services/*/src/**/*.py"))
NAMED = re.compile(r'"((?:custody|identity|payment-instruction)\.[A-Z][A-Za-z]+)"')
NOBODY = cast("Any", None)
"""Stands for a part of the service that no description asks."""
TENANT, ONE, TWO, THREE = (bytes([number]) * 16 for number in (1, 2, 3, 4))
DIGEST, OTHER_DIGEST = b"\x0d" * 32, b"\x0e" * 32
PUBLIC_KEY = Ed25519PrivateKey.from_private_bytes(DIGEST).public_key().public_bytes_raw()
EUR, USD = 978, 840
NOT_SHOWN = {"set_by", "by", "iban", "TOPIC"}
"""Fields that no description shows: the proposer, whom every proposal names, and what is sealed."""
C = AccountClass


@dataclass(frozen=True)
class Act:
    """What is proposed, as the record that it is made of, its bytes, what tells it, and how the telling begins."""

    effect: Effect
    content: Any
    payload: bytes
    begins: str
    subject: bytes = TENANT

    def described(self) -> str:
        """Returns what the second person reads."""
        hand = Hand(ONE, ONE, DIGEST, DIGEST)
        proposal = Proposal(THREE, self.effect.name, self.subject, TENANT, self.payload, b"", hand, 1, 2)
        return self.effect.describe(proposal)


def custody() -> Iterator[tuple[str, Act]]:
    """Yields the acts of custody, on a book with frozen accounts."""
    state = BooksState(lambda: NOBODY)
    book = Book(NOBODY)
    accounts = book.accounts
    for number, (account, status, orders) in enumerate(
        [(ONE, AccountStatus.RESTRICTED, ("ORDER-7",)), (TWO, AccountStatus.ACTIVE, ("ORDER-7",)), (THREE, 2, ())], 1
    ):
        accounts.index[account] = number
        accounts.status.append(int(status))
        accounts.holds.append(0)
        accounts.orders[number] = orders
    rules = [PurposeRule(3, frozenset({(C.CLIENT, C.CLIENT)}), True, 70), PurposeRule(4, frozenset(), True)]
    book.rules = compiled("before", rules)
    state.books[TENANT] = book
    effects = {each.name: each for each in custody_acts.Acts(state, NOBODY).effects()}
    for name, content, begins in (
        (custody_acts.LIFT, custody_acts.Lifting([ONE, TWO, THREE], "ORDER-7"), "free from order 'ORDER-7'"),
        (custody_acts.MOVE, custody_acts.Moving([ONE, TWO], AccountStatus.ACTIVE, "case 9"), "let money through"),
        (custody_acts.OPEN, custody_acts.Opening(ONE, 777, "moving in"), "let the importer post"),
        (custody_acts.CLOSE, custody_acts.Closing(ONE, "moved in"), "close the migration window"),
    ):
        yield name, Act(effects[name], content, msgspec.msgpack.encode(content), begins)
    after = [PurposeRule(3, frozenset({(C.CLIENT, C.CLIENT)}), True, 90)]
    text = document("v-2", after)
    begins = f"rules of book {show(TENANT)}\nlets pass: purpose 3, above 70 minor units, up to 90"
    adopting = RuleCommands(NOBODY, state, NOBODY)
    listed = year_list("CN", 2027, [20819], [20821])
    closed, working = pack("i", listed.closed), pack("i", listed.working)
    year = CalendarYear(listed.calendar, listed.year, closed, working, listed.document_sha256(), b"", b"")
    shown = [listed.calendar, 2027, "closed 2027-01-01", "working 2027-01-03", listed.document_sha256()]
    listing = Years(NOBODY, CalendarState(), NOBODY).effect()
    yield LIST_YEAR, Act(listing, shown, plain.encode(year), "ringfence calendar CN 2027")
    yield ADOPT_RULES, Act(adopting.effect(), text.splitlines(), text.encode(), begins)
    entries = [correcting.Entry(TWO, THREE, 88), correcting.Entry(THREE, TWO, 99)]
    correction = correcting.Correction(ONE, entries, "case 12")
    begins, content = "correct a break", msgspec.msgpack.encode(correction)
    corrections = correcting.Corrections(ReconciliationState(), NOBODY, NOBODY).effect()
    yield correcting.CORRECT, Act(corrections, correction, content, begins, ONE)


def safeguarding() -> Iterator[tuple[str, Act]]:
    """Yields the acts of safeguarding, before any of them."""
    effects = {each.name: each for each in days.RegisteredFacts(NOBODY, DaysState(), NOBODY).effects()}
    resource = days.Registering("e-money", 978, Component.INSURANCE, 70_000, 20_001, 20_364, DIGEST)
    pool = days.Assigning(77, "e-money")
    yield days.REGISTER, Act(effects[days.REGISTER], resource, msgspec.msgpack.encode(resource), "registers INSURANCE")
    yield days.ASSIGN, Act(effects[days.ASSIGN], pool, msgspec.msgpack.encode(pool), "accounts of code 77")


def registers() -> Iterator[tuple[str, Act]]:
    """Yields the acts on custody's registers, where a letter about one account is known, and one appointment."""
    bank = bank_id("SANDDEFFXXX")
    state = RegisterState(
        banks={bank: Bank(bank, "SANDDEFFXXX", "A bank", "DE", 1, 2, 3, DIGEST)},
        letters={ONE: Letter(ONE, TENANT, TWO, bank, LetterKind.LETTER, LetterState.SENT)},
        appointments={ONE: Appointment(ONE, AppointmentKind.AGENT, b"", TWO, "AGENT", DIGEST, 1, 0)},
    )
    effects = {each.name: each for each in register_acts.Acts(NOBODY, state, NOBODY, NOBODY).effects()}
    appointed = c.Appoint(ONE, AppointmentKind.KEY_PERSON, TENANT, TWO, "SMF16", DIGEST, 19_001, 19_002)
    for content, subject in (
        (c.RegisterBank("SANDDEFFXXX", "Another", "FR", 19_001, 19_002, 777, OTHER_DIGEST), bank),
        (c.SendLetter(ONE, TENANT, TWO, "SANDDEFFXXX", "v1", OTHER_DIGEST, 19_003), TWO),
        (c.CountersignLetter(ONE, 19_004, DIGEST, 19_005), TWO),
        (c.ExemptMirror(ONE, TENANT, TWO, "SANDDEFFXXX", "central bank", DIGEST, 19_006), TWO),
        (c.ReviewLetter(ONE, 19_007, DIGEST, 19_008), TWO),
        (c.EndLetter(ONE, 19_009, "account moved"), TWO),
        (appointed, ONE),
        (c.EndAppointment(ONE, 19_010, "left"), ONE),
    ):
        name, begins = register_acts.SAYS[type(content)]
        yield name, Act(effects[name], content, plain.encode(content), begins, subject)


def identity() -> Iterator[tuple[str, Act]]:
    """Yields the acts of identity, about people and platforms that it does not know yet."""
    state, parties, known = PrincipalState(), PartyState(), AliasState()
    queries = PrincipalQueries(state)
    of_people = {each.name: each for each in principals.PrincipalActs(state, NOBODY).effects()}
    of_ibans = {each.name: each for each in aliases.AliasActs(known, queries, NOBODY).effects()}
    new = NewPrincipal(ONE, Kind.PLATFORM_APPROVER, "somebody", TENANT, PUBLIC_KEY, person=TWO, until_ns=1_900_000_000)
    new = replace(new, certificate_sha256=OTHER_DIGEST)
    pin = NewPin(ONE, OTHER_DIGEST, PUBLIC_KEY)
    mirrors = [AliasRegistered(TENANT, ONE, OTHER_DIGEST, TWO, True, b"sealed", ONE, bank_feed=THREE)]
    changes = [Change(Action.REMOVE, TENANT, ONE, OTHER_DIGEST, DIGEST)]
    decision = KycDecision(TENANT, ONE, KycState.REVIEW, "not the one", id=TWO)
    lifts = [holding.Lift(TENANT, ONE, "ORDER-8"), holding.Lift(TENANT, TWO, "ORDER-8")]
    gone = [erasing.Erasure(TENANT, ONE), erasing.Erasure(TENANT, TWO)]
    until = (1_900_000_001).to_bytes(8, "big")
    (lifting,) = holding.LegalHolds(NOBODY, parties, queries, NOBODY).effects()
    (erased,) = erasing.Erasing(NOBODY, parties, queries, NOBODY, NOBODY, NOBODY, NOBODY).effects()
    released = releases.release_effect(parties, queries)
    yield principals.REGISTER, Act(of_people[principals.REGISTER], new, plain.encode(new), "register", ONE)
    yield principals.ACTIVATE, Act(of_people[principals.ACTIVATE], ONE, b"", "make active again", ONE)
    yield principals.RENEW, Act(of_people[principals.RENEW], 1_900_000_001, until, "until", ONE)
    yield principals.PIN, Act(of_people[principals.PIN], pin, plain.encode(pin), "act by certificate", ONE)
    read = NewGrant((ONE, TWO), ("DE", "FR"), 1_900_000_002, 1_900_000_003, "case 7")
    of_grants = {each.name: each for each in granting.GrantActs(state).effects()}
    yield granting.GRANT, Act(of_grants[granting.GRANT], read, plain.encode(read), "read the facts of", ONE)
    yield granting.JURISDICTION, Act(of_grants[granting.JURISDICTION], "DE", b"DE", "supervised in DE", ONE)
    yield releases.RELEASE, Act(released, decision, plain.encode(decision), "lead party", ONE)
    yield holding.LIFT, Act(lifting, lifts, plain.encode(lifts), "let go of")
    yield erasing.ERASE, Act(erased, gone, plain.encode(gone), "erase for good")
    yield aliases.MIRRORS, Act(of_ibans[aliases.MIRRORS], mirrors, plain.encode(mirrors), "register")
    yield aliases.CHANGES, Act(of_ibans[aliases.CHANGES], changes, plain.encode(changes), "remove")


def payments() -> Iterator[tuple[str, Act]]:
    """Yields the acts of payment-instruction."""
    state = LimitsState()
    before = PlatformLimits(4, {EUR: Bounds(111, 222, 333, 444), USD: Bounds(900, 900, 900, 900)}, {(TWO, EUR): 303})
    state.apply(Recorded(1, TENANT, 1, event_of(TENANT, before, ONE), 1, ""), Journal())
    approvers = {(ONE, EUR): 205, (TWO, EUR): 404, (TWO, USD): 806}
    after = PlatformLimits(5, {EUR: Bounds(110, 221, 332, 443), USD: Bounds(901, 902, 903, 904)}, approvers)
    after = replace(after, time_zone="Asia/Tokyo")
    loosen = setting.Limits(NOBODY, NOBODY, state, InstallationLimits(), NOBODY, NOBODY).effect()
    limits = plain.encode(event_of(TENANT, after, ONE))
    begins = f"limits of platform {show(TENANT)}, version 5, in minor units; USD: payment 900 -> 901"
    shown = [*after.by_ledger.values(), *(approver for approver, _ in approvers), *approvers.values(), "EUR", "USD"]
    shown.append(after.time_zone)
    release = releasing._Release([ONE, TWO], "another of that name")
    hits = releasing.HitReleases(NOBODY, NOBODY).effect()
    freed = suspense._Release([DIGEST, OTHER_DIGEST], b"\x0f" * 32, "another of that name")
    money = suspense.SuspenseReleases(NOBODY, NOBODY, NOBODY, NOBODY).effect()
    adoption, statement = Adoption("eu", DIGEST, 51, 52), Statement("eu", DIGEST, "as published")
    of_lists = {each.name: each for each in acting.ListActs(NOBODY, NOBODY, NOBODY).effects()}
    applied = answers.Working(Outcome.APPLIED, TWO, b"\x0f" * 32, "the bank has called")
    worked_off = answers.WorkingOff(NOBODY, NOBODY, NOBODY).effect()
    yield answers.WORK_OFF, Act(worked_off, applied, plain.encode(applied), "apply the bank's answer", ONE)
    yield setting.LOOSEN, Act(loosen, shown, limits, begins)
    yield releasing.RELEASE, Act(hits, release, plain.encode(release), "let 2 payment(s)")
    yield suspense.RELEASE, Act(money, freed, plain.encode(freed), "release the money", ONE)
    yield lists.ADOPT, Act(of_lists[lists.ADOPT], adoption, adoption.payload(), "put the edition")
    why = told.Why(DIGEST, "told by the bank's desk")
    work_off = told._WorkOff(TWO, 3, "its sums do not agree", why)
    decision = told._Decision(TWO, 978, THREE, 12_345, why)
    excepted, doubt = told.StatementDecisions(NOBODY, NOBODY, NOBODY, NOBODY).effects()
    yield told.WORK_OFF, Act(excepted, work_off, plain.encode(work_off), "void", ONE)
    yield told.DECIDE, Act(doubt, decision, plain.encode(decision), "the bank's entry", ONE)
    for name in (lists.CONFIRM, lists.RETIRE):
        yield name, Act(of_lists[name], statement, statement.payload(), "edition")


ACTS = dict([*custody(), *registers(), *safeguarding(), *identity(), *payments()])


def values(content: Any) -> Iterator[str]:
    """Yields every value of a record as a description would show it: ids as UUIDs, other bytes in hexadecimal."""
    match content:
        case Enum():
            yield content.name if isinstance(content, int) else str(content.value)
        case bytes() if len(content) == 16:
            yield show(content)
        case bytes():
            yield content.hex()
        case bool() | None:
            return
        case int() | str():
            yield str(content)
        case Mapping():
            yield from values([*content.items()])
        case _ if is_dataclass(content):
            for each in fields(content):
                if each.name not in NOT_SHOWN:
                    yield from values(getattr(content, each.name))
        case msgspec.Struct():
            yield from values(msgspec.structs.astuple(content))
        case _:
            for each in content:
                yield from values(each)


def test_every_effect_has_an_act() -> None:
    """An effect is named by a constant of its service; a new one is told here before anybody confirms it."""
    assert {name for path in SOURCES for name in NAMED.findall(path.read_text())} == set(ACTS)
    assert all(name == each.effect.name for name, each in ACTS.items())


@pytest.mark.parametrize("name", ACTS)
def test_nothing_that_is_proposed_is_left_out(name: str) -> None:
    """Every field stands in the description, with what it is about, and the worst of it comes first."""
    act = ACTS[name]
    text = act.described()
    missing = [value for value in values(act.content) if value.lower() not in text.lower()]
    assert missing == []
    assert text.startswith(act.begins)
    # Lists and years are named, and their subjects made of the names.
    if name != LIST_YEAR and not isinstance(act.content, Adoption | Statement):
        assert show(act.subject) in text


def test_what_opens_is_told_before_what_stays_closed() -> None:
    """Of accounts that an order frees, those that pay again; of limits, what rises, an approver's own among it."""
    lifted = ACTS[custody_acts.LIFT].described()
    assert [lifted.index(show(each)) for each in (TWO, ONE, THREE)] == sorted(
        lifted.index(show(each)) for each in (ONE, TWO, THREE)
    )
    assert "ACTIVE: " + show(TWO) in lifted
    assert "RESTRICTED: " + show(ONE) in lifted
    assert "not held by it: " + show(THREE) in lifted
    loosened = ACTS[setting.LOOSEN].described()
    rises = f"approver {show(TWO)} alone in EUR: 303 -> 404"
    falls = ("EUR: payment 111 -> 110", f"approver {show(ONE)} alone in EUR: none -> 205")
    assert all(loosened.index("; " + rises) < loosened.index("; " + each) for each in falls)
