"""Who may say what, and what an identifier may be."""

from __future__ import annotations

from ringfence.errors import RingfenceError
from ringfence.identity import Alias, ItemResult, NewParty, PartyKind, PrincipalKind
from ringfence.ids import new_id
from ringfence.ledger import AccountClass
from ringfence.money import to_minor
from ringfence_local_stack.scenario import Scenario, fresh, new_iban, same_remainder

from .registry import Finding, case


@case()
def iban_look_alikes(scenario: Scenario, need: Finding) -> None:
    """Check digits 00, 01 and 99 leave the right remainder, and are never given: no such IBAN is taken."""
    platform = scenario.platform("Nora Vale")
    nora = platform.customer("Nora Vale")
    platform.bank.deposit(nora, 10_00)
    for digits in ("97", "98", "02"):
        look_alike = same_remainder(new_iban(digits))
        ended = platform.pay(nora, look_alike, "Alpha Teal", 10).outcome()
        need(ended == ("REJECTED", "CREDITOR_IBAN_INVALID"), f"a payment to {look_alike[:4]}…: {ended}")
        (result,) = platform.client.identity.register_aliases([Alias(look_alike, nora.account.id, nora.party.id)])
        need(result.reason == "IBAN_INVALID", f"{look_alike[:4]}… as an alias: {result.reason or 'registered'}")


@case()
def one_person_one_number(scenario: Scenario, need: Finding) -> None:
    """A country is one of ISO 3166-1, so that a number under another spelling of it is the same person's."""
    platform, number = scenario.platform(banked=False), fresh("ID")

    def reason(country: str) -> str:
        twin = NewParty(id=new_id(), kind=PartyKind.PERSON, name="Twin", identity_number=number, country=country)
        try:
            return platform.client.identity.register_parties([twin])[0].reason
        except RingfenceError as refusal:
            return refusal.reason

    need(not (first := reason("GB")), f"GB is refused with {first}")
    for country in ("UK", "XX", "QQ"):
        need(reason(country), f"the number is registered again under {country}")


@case()
def amounts_as_people_type_them(scenario: Scenario, need: Finding) -> None:
    """An amount is digits and at most as many decimals as its currency has; what only a computer reads is refused."""
    need(to_minor("12.50", "EUR") == 12_50, "12.50 is not taken")
    for text in ("1e1", "1_0.00", "\uff11\uff12.50", f"12.5{'0' * 28}1"):
        try:
            need(False, f"{text[:12]!r} is taken as {to_minor(text, 'EUR')} minor units")
        except ValueError:
            continue


@case()
def alias_of_another(scenario: Scenario, need: Finding) -> None:
    """An IBAN's owner is the owner of its account: neither another client, nor any client for the platform's own."""
    platform = scenario.platform("Nora Vale", "Ivo Marsh")
    nora, ivo = platform.customers("Nora Vale", "Ivo Marsh")
    own = platform.account(AccountClass.PLATFORM)
    for what, account in (("Ivo's account", ivo.account), ("the platform's own", own)):
        (result,) = platform.client.identity.register_aliases([Alias(new_iban(), account.id, nora.party.id)])
        need(result.reason, f"an IBAN of Nora's stands for {what}")


def _tried(act: list[ItemResult]) -> str:
    return act[0].reason


@case()
def refused_proposal(scenario: Scenario, need: Finding) -> None:
    """A proposal that the second person refused is void: its proposer cannot confirm it."""
    proposer, refuser = scenario.operators
    newcomer = scenario.newcomer(PrincipalKind.OPERATOR)
    (proposed,) = proposer.identity.register_principals([newcomer])
    assert proposed.proposal_id is not None
    refuser.identity.suspend_principals([newcomer.id], "I do not know this person")
    try:
        reason = _tried(proposer.proposals["identity"].confirm([proposed.proposal_id]))
    except RingfenceError as refusal:
        reason = refusal.reason
    need(reason, "the proposer confirms what the other refused: a new operator is active")


@case()
def erasure_of_who_holds_money(scenario: Scenario, need: Finding) -> None:
    """Nobody is erased while money is held for him, and the answer says what stands against it."""
    platform = scenario.platform("Nora Vale")
    nora = platform.customer("Nora Vale")
    platform.bank.deposit(nora, 10_00)
    try:
        reason = _tried(scenario.operators[0].identity.erase_parties(platform.id, [nora.party.id]))
    except RingfenceError as refusal:
        reason = refusal.reason
    need(reason, "one operator erases a client for whom 10.00 are held")


@case()
def payment_to_who_was_erased(scenario: Scenario, need: Finding) -> None:
    """Two people erase a client, and nothing is paid to his IBAN: neither in the book nor by the bank."""
    platform = scenario.platform("Nora Vale", "Ivo Marsh")
    nora, ivo = platform.customers("Nora Vale", "Ivo Marsh")
    platform.bank.deposit(nora, 10_00)
    first, second = scenario.operators
    (proposed,) = first.identity.erase_parties(platform.id, [ivo.party.id])
    need(not platform.client.identity.parties([ivo.party.id])[0].erased, "one operator erases a client")
    assert proposed.proposal_id is not None
    need(second.proposals["identity"].confirm([proposed.proposal_id])[0].done, "two operators do not erase him")
    ended = platform.pay(nora, ivo.iban, ivo.name, 1_00).outcome()
    need(ended == ("REJECTED", "SUBJECT_ERASED"), f"a payment to his IBAN: {ended}")
