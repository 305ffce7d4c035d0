"""Who stands on a list is found: as party to a payment, as client, and under every name the list gives."""

from __future__ import annotations

import time
from xml.etree import ElementTree

from ringfence.errors import RingfenceError
from ringfence.identity import KycStatus
from ringfence.payments import ListFormat
from ringfence_local_stack.scenario import Scenario, fresh, new_iban
from ringfence_local_stack.scenario.messages import element, entry, order, order_file

from .registry import Finding, case

HIT = ("REJECTED", "SANCTIONS_HIT")
STALE = ("AUTHENTICATED", "SCREENING_LIST_STALE")
SCREENING = "payment-instruction"
SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS
EDITIONS = (400, 300, 160)
"""Sizes of three editions, none of which is less than half of the one before."""


@case()
def ultimate_parties(scenario: Scenario, need: Finding) -> None:
    """Ultimate parties are parties: who pays through another, or is paid through one, is looked up."""
    platform, listed = scenario.platform("Nora Vale"), f"Harbour {fresh()} Holdings"
    nora = platform.customer("Nora Vale")
    platform.bank.deposit(nora, 10_00)
    scenario.import_list([listed])
    for role in ("ultimate_creditor", "ultimate_debtor"):
        line = order(1_00, new_iban(), "Alpha Teal", **{role: listed})
        _, payments = platform.submit_file(order_file(nora.iban, [line]))
        need((ended := payments[0].outcome()) == HIT, f"{role} is listed: {ended}")
    before = nora.account.posted_minor
    platform.bank.tell(entry(2_00, nora.iban, reference=fresh("R"), ultimate_payer=listed))
    need(nora.account.posted_minor == before, "a deposit from a listed ultimate payer is credited")


@case()
def registered_owner(scenario: Scenario, need: Finding) -> None:
    """A client who is put on a list neither pays nor is paid nor credited, whatever name is typed, and is blocked."""
    name = f"Petra {fresh()}"
    platform = scenario.platform("Nora Vale", name)
    nora, petra = platform.customers("Nora Vale", name)
    for each in (nora, petra):
        platform.bank.deposit(each, 10_00)
    scenario.import_list([name])
    need((ended := platform.pay(nora, petra.iban, "P. Typed", 1_00).outcome()) == HIT, f"paid to her: {ended}")
    need((ended := platform.pay(petra, nora.iban, "Nora Vale", 1_00).outcome()) == HIT, f"paid by her: {ended}")
    before = petra.account.posted_minor
    platform.bank.deposit(petra, 2_00)
    need(petra.account.posted_minor == before, "a deposit is credited to her")
    (party,) = scenario.operators[0].identity.parties([petra.party.id], platform.id)
    need(party.kyc_status is KycStatus.BLOCKED, f"her KYC is {party.kyc_status.name}")


def _un_list(surname: str, aliases: str, *, with_note: bool) -> bytes:
    """Returns a list of the United Nations' form with one person on it."""
    person = element(
        "INDIVIDUAL",
        element("FIRST_NAME", "Oskar"),
        element("SECOND_NAME", surname),
        element("REFERENCE_NUMBER", "XXi.001"),
        element("INDIVIDUAL_ALIAS", element("QUALITY", "Good"), element("ALIAS_NAME", aliases)),
    )
    if with_note:
        person.insert(1, ElementTree.ProcessingInstruction("editor", "was here"))
    return ElementTree.tostring(element("CONSOLIDATED_LIST", element("INDIVIDUALS", person)))


@case()
def un_aliases(scenario: Scenario, need: Finding) -> None:
    """Every name in a field of several is listed, and what an editor left in the file is read past."""
    platform, word = scenario.platform("Nora Vale", "Ivo Marsh"), fresh()
    nora, ivo = platform.customers("Nora Vale", "Ivo Marsh")
    platform.bank.deposit(nora, 10_00)
    aliases = f"Grey {word}; Tarn {word}"
    try:
        scenario.import_list_file(_un_list(word, aliases, with_note=True), ListFormat.UN_XML)
    except RingfenceError as refusal:
        need(False, f"a processing instruction: {refusal.reason or refusal.code}")
        scenario.import_list_file(_un_list(word, aliases, with_note=False), ListFormat.UN_XML)
    for name in (f"Oskar {word}", f"Grey {word}", f"Tarn {word}"):
        need((ended := platform.pay(nora, ivo.iban, name, 10).outcome()) == HIT, f"{name.split()[0]} …: {ended}")


@case()
def shrunken_list(scenario: Scenario, need: Finding) -> None:
    """Editions that lose a good part of a list, one after the other, are not in force by the word of one operator."""
    platform, word = scenario.platform("Nora Vale", "Ivo Marsh"), fresh()
    nora, ivo = platform.customers("Nora Vale", "Ivo Marsh")
    platform.bank.deposit(nora, 10_00)
    names = [f"{fresh().capitalize()} {word}" for _ in range(EDITIONS[0])]
    for age, size in zip((3, 2, 1), EDITIONS, strict=True):
        published_ns = time.time_ns() - age * SECOND_NS
        try:
            read = scenario.read_list(names[:size], f"list-{word}", published_ns=published_ns)
        except RingfenceError as refusal:
            need(refusal.code != "INTERNAL", f"an edition is refused with {refusal.code}")
        else:
            gone = (EDITIONS[0] - size, EDITIONS[0] - size)
            told = (read.entries_removed, read.names_removed)
            need(told == gone, f"an edition of {size} answers {told} entries and names gone")
    ended = platform.pay(nora, ivo.iban, names[-1], 10).outcome()
    need(ended == HIT, f"{EDITIONS} names by one operator's word, and one who is gone is paid: {ended}")


@case()
def quiet_list(scenario: Scenario, need: Finding) -> None:
    """A list whose publisher is quiet for too long stops payments until two people confirm or retire it, not one."""
    platform = scenario.platform("Nora Vale", "Ivo Marsh")
    nora, ivo = platform.customers("Nora Vale", "Ivo Marsh")
    platform.bank.deposit(nora, 10_00)
    first, second = scenario.operators
    acts = {"confirmed": first.payments.confirm_sanctions_list, "retired": first.payments.retire_sanctions_list}
    for end, act in acts.items():
        name = fresh("quiet-")
        scenario.import_list([fresh("Quiet ")], name, published_ns=time.time_ns() - 8 * DAY_NS)
        payment = platform.pay(nora, ivo.iban, ivo.name, 10)
        try:
            need((stopped := payment.outcome(1.0)) == STALE, f"a list of 8 days: {stopped}")
            proposal = act(name, "seen at the publisher's")
            (alone,) = first.proposals[SCREENING].confirm([proposal])
            need(alone.reason and payment.outcome(0.0) == STALE, f"it is {end} by one person")
            need(second.proposals[SCREENING].confirm([proposal])[0].done, f"it is not {end} by two")
            need((ended := payment.outcome()[0]) == "SETTLED", f"it is {end}, and the payment {ended}")
        finally:
            _retire(scenario, name)


def _retire(scenario: Scenario, name: str) -> None:
    """Leaves the list behind by the word of two, so that it stops nobody else's payments."""
    first, second = scenario.operators
    if name in {each.list_name for each in first.payments.sanctions_lists()}:
        second.proposals[SCREENING].confirm([first.payments.retire_sanctions_list(name, "the case is over")])


@case()
def names_that_people_bear(scenario: Scenario, need: Finding) -> None:
    """A name may hold joiners, spaces that do not break, and the newest characters of its script."""
    platform = scenario.platform("Nora Vale", "Ivo Marsh")
    nora, ivo = platform.customers("Nora Vale", "Ivo Marsh")
    platform.bank.deposit(nora, 10_00)
    names = {
        "a non-joiner": "علی\u200cرضا",
        "a joiner": "ක්\u200dෂමා",
        "a space that does not break": "Ivo\u00a0Marsh",
        "a Han character of Unicode 15": "王\U00031350",
    }
    for what, name in names.items():
        ended = platform.pay(nora, ivo.iban, name, 10).outcome()
        need(ended[0] == "SETTLED", f"{what}: {ended[0]} {ended[1]}")
