"""Rules that a book adopts: stricter than the minimum, in force from the next decision on, the same after a replay."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_custody.ledger.domain.digest import digest
from ringfence_custody.ledger.domain.errors import RulesBelowMinimum, RulesVersionTaken
from ringfence_custody.ledger.domain.events import RulesAdopted
from ringfence_custody.ledger.domain.purposes import MINIMUM, NO_MAXIMUM, PURPOSES, AccountClass, RulePack
from ringfence_custody.ledger.domain.result_codes import AMOUNT_MAX, TransferFlag
from ringfence_custody.ledger.domain.rule_packs import PurposeRule, compiled, document, document_of, parsed, rules_of

from .ledger import DEPOSIT, EUR, FEE, GRANT, MANDATE, PAYMENT, WITHDRAWAL, Ledger, Row

C = AccountClass
F = TransferFlag
LEAST = {rule.code: rule for rule in rules_of(MINIMUM)}
ARRIVALS, PAYMENTS, GRANTS = LEAST[DEPOSIT], LEAST[PAYMENT], LEAST[GRANT]


@pytest.fixture
def ledger() -> Ledger:
    """Clients with 1,000 each, the platform with as much, and a fee account."""
    ledger = Ledger()
    for name in ("alice", "bob"):
        ledger.account(name)
        ledger.fund(name, 1_000)
    ledger.account("platform", C.PLATFORM)
    ledger.account("fees", C.FEE)
    ledger.fund("platform", 1_000)
    return ledger


TOO_LOOSE = {
    "an unknown purpose": (PurposeRule(999, frozenset({(C.CLIENT, C.CLIENT)}), True), "purpose_unknown"),
    "another pair": (replace(PAYMENTS, pairs=PAYMENTS.pairs | {(C.CLIENT, C.PLATFORM)}), "pair_not_permitted"),
    "an unknown class": (replace(PAYMENTS, pairs=frozenset({(0, 9)})), "pair_not_permitted"),
    "a mandate less": (replace(PAYMENTS, mandate_required=False), "mandate_dropped"),
    "a bound on arrivals": (replace(LEAST[15], maximum_minor=5), "arrivals_refused"),
}


@pytest.mark.parametrize("how", TOO_LOOSE)
def test_rules_looser_than_the_minimum_are_refused(ledger: Ledger, how: str) -> None:
    """Whatever would widen the minimum, or keep money that has arrived out of the books, has its name."""
    rule, because = TOO_LOOSE[how]
    with pytest.raises(RulesBelowMinimum) as refused:
        ledger.adopt("v1", ARRIVALS, rule)
    assert refused.value.metadata == {"purpose": str(rule.code), "because": because}
    assert ledger.book.rules is MINIMUM


def test_money_that_arrives_has_a_place(ledger: Ledger) -> None:
    """Deposits into suspense cannot be taken away, neither the pair nor the purpose."""
    for rules in ([PAYMENTS], [replace(ARRIVALS, pairs=frozenset({(C.BANK_MIRROR, C.CLIENT)}))]):
        with pytest.raises(RulesBelowMinimum) as refused:
            ledger.adopt("v1", *rules)
        assert refused.value.metadata["because"] == "arrivals_refused"


def test_a_stricter_pack_narrows_purposes_classes_and_mandates(ledger: Ledger) -> None:
    """What the pack leaves out is refused by the names that the minimum uses, and the ids are burnt."""
    suspense_only = replace(ARRIVALS, pairs=frozenset({(C.BANK_MIRROR, C.SUSPENSE)}))
    ledger.adopt("strict", suspense_only, PAYMENTS, replace(GRANTS, mandate_required=True))
    rows = (
        Row("fee", "alice", "fees", 1, code=FEE),
        Row("in", "bank 978", "alice", 1, code=DEPOSIT),
        Row("grant", "platform", "alice", 1, code=GRANT, user_data_128=bytes(16)),
        Row("named", "platform", "alice", 1, code=GRANT),
        Row("pay", "alice", "bob", 1),
    )
    refusals = ["purpose_unknown", "account_class_mismatch", "mandate_missing"]
    assert ledger.send(*rows) == [*refusals, "created", "created"]
    ledger.adopt(MINIMUM.version, *LEAST.values())
    assert ledger.send(*rows) == ["id_already_failed"] * 3 + ["exists"] * 2


OTHERS = [
    (),
    (Row("other", "alice", "fees", 7, code=FEE),),
    tuple(Row(f"other {number}", "bob", "alice", 1) for number in range(12)),
]


@pytest.mark.parametrize("flags", [0, F.PENDING, F.LINKED])
@pytest.mark.parametrize("others", OTHERS, ids=["alone", "beside another purpose", "among rows that pass at once"])
def test_a_transfer_has_at_most_the_maximum(ledger: Ledger, flags: int, others: tuple[Row, ...]) -> None:
    """The maximum is allowed, a unit more is not, on the short way and on the long one, beside other purposes."""
    ledger.adopt("capped", *[replace(rule, maximum_minor=100 if rule is PAYMENTS else None) for rule in LEAST.values()])
    last = (Row("last", "alice", "bob", 1),)
    within, beyond = Row("a", "alice", "bob", 100, flags), Row("b", "alice", "bob", 101, flags)
    assert ledger.send(*others, within, *last)[-2:] == ["created", "created"]
    first = "linked_event_failed" if flags == F.LINKED else "created"
    others = tuple(replace(row, id=f"{row.id} again") for row in others)
    results = ledger.send(*others, beyond, Row("c", "alice", "bob", 1))
    assert results[-2:] == ["exceeds_purpose_maximum", first]
    assert ledger.send(beyond) == ["id_already_failed" if flags != F.LINKED else "linked_event_chain_open"]


def test_a_balancing_transfer_is_held_to_the_maximum_as_clipped(ledger: Ledger) -> None:
    """What counts is what would move, not what was asked for."""
    capped = replace(PAYMENTS, maximum_minor=500)
    ledger.adopt("capped", ARRIVALS, capped)
    sweep = Row("sweep", "alice", "bob", AMOUNT_MAX, F.BALANCING_DEBIT)
    assert ledger.send(sweep) == ["exceeds_purpose_maximum"]
    rest = [Row("a", "alice", "bob", 499), Row("b", "alice", "bob", 2), replace(sweep, id="sweep 2")]
    assert ledger.send(*rest) == ["created"] * 3


def test_without_a_maximum_the_ledgers_own_bound_answers(ledger: Ledger) -> None:
    """The minimum bounds no amount: beyond 2^63 - 1 the sums overflow."""
    assert MINIMUM.maximum_minor(PAYMENT) == MINIMUM.maximum_minor(999) == NO_MAXIMUM
    assert ledger.send(Row("x", "alice", "bob", AMOUNT_MAX)) == ["overflows_debits_posted"]


def test_what_was_reserved_before_can_still_be_posted_or_voided(ledger: Ledger) -> None:
    """New rules are for transfers that begin under them; a reservation ends as it could have before."""
    reserve = Row("r", "alice", "bob", 300, F.PENDING)
    assert ledger.send(reserve, replace(reserve, id="s")) == ["created", "created"]
    ledger.adopt("arrivals only", ARRIVALS)
    post = Row("p", flags=F.POST_PENDING_TRANSFER, amount=AMOUNT_MAX, pending_id="r", code=0, ledger=0)
    void = Row("v", flags=F.VOID_PENDING_TRANSFER, pending_id="s", code=0, ledger=0)
    assert ledger.send(replace(reserve, id="t"), post, void) == ["purpose_unknown", "created", "created"]


def test_a_resent_transfer_is_compared_whatever_the_rules(ledger: Ledger) -> None:
    """The duplicate check comes before the rules: what was created exists."""
    row = Row("a", "alice", "bob", 5)
    assert ledger.send(row) == ["created"]
    ledger.adopt("arrivals only", ARRIVALS)
    assert ledger.send(row) == ["exists"]


def test_a_version_names_the_same_rules_for_ever(ledger: Ledger) -> None:
    """Adopting again changes nothing, other rules under a used version are refused, and old ones may come back."""
    ledger.adopt("v1", ARRIVALS)
    events = len(ledger.events)
    ledger.adopt("v1", ARRIVALS)
    assert len(ledger.events) == events
    ledger.adopt("v2", ARRIVALS, PAYMENTS)
    for version in ("v1", MINIMUM.version):
        with pytest.raises(RulesVersionTaken):
            ledger.adopt(version, ARRIVALS, PAYMENTS)
    ledger.adopt("v1", ARRIVALS)
    assert ledger.book.rules.version == "v1"


def test_the_event_carries_the_rules_whole_and_a_replay_obeys_them(ledger: Ledger) -> None:
    """The event has the canonical text and its SHA-256; a rebuilt book has the same digest and refuses the same."""
    before = digest(ledger.book)
    ledger.adopt("v1", ARRIVALS, replace(PAYMENTS, maximum_minor=10))
    event = ledger.events[-1]
    assert isinstance(event, RulesAdopted)
    assert event.document == (
        "ringfence-rules/1\n"
        "version v1\n"
        "1 BANK_MIRROR>CLIENT,BANK_MIRROR>PLATFORM,BANK_MIRROR>SUSPENSE mandate=required maximum=none\n"
        "3 CLIENT>CLIENT mandate=required maximum=10\n"
    )
    assert event.sha256 == sha256(event.document.encode()).digest()
    assert event.adopted_by == MANDATE
    rebuilt = ledger.replayed()
    assert digest(rebuilt) == digest(ledger.book) != before
    assert document_of(rebuilt.rules) == event.document
    ledger.book = rebuilt
    assert ledger.send(Row("a", "alice", "bob", 11)) == ["exceeds_purpose_maximum"]
    assert ledger.send(Row("b", "alice", "bank 978", 1, code=WITHDRAWAL)) == ["purpose_unknown"]


def test_rules_whose_commit_fails_are_taken_back(ledger: Ledger) -> None:
    """The book has the rules, versions and time that it had."""
    from ringfence_custody.ledger.domain.apply import apply
    from ringfence_custody.ledger.domain.rule_packs import decide_rules

    before = digest(ledger.book)
    apply(ledger.book, decide_rules(ledger.book, "v1", [ARRIVALS], MANDATE, ledger.now_ns), ledger.journal)
    assert digest(ledger.book) != before
    ledger.journal.rollback()
    assert digest(ledger.book) == before


def test_rules_adopted_before_the_minimum_was_raised_do_not_widen_it() -> None:
    """What an old event allows beyond the minimum has no effect: the pack enforced is the stricter of both."""
    loose = PurposeRule(PAYMENT, frozenset({(C.CLIENT, C.CLIENT), (C.CLIENT, C.PLATFORM)}), False)
    pack = compiled("old", [loose, PurposeRule(999, loose.pairs, False)])
    assert rules_of(pack) == [PAYMENTS]


packs = st.lists(
    st.builds(
        lambda rule, keep, named, maximum: replace(
            rule,
            pairs=frozenset(sorted(rule.pairs)[: max(1, keep)]),
            mandate_required=rule.mandate_required or named,
            maximum_minor=maximum,
        ),
        st.sampled_from(list(LEAST.values())),
        st.integers(1, 9),
        st.booleans(),
        st.none() | st.integers(1, 2**63 - 1),
    ),
    unique_by=lambda rule: rule.code,
)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]).filter(str.isprintable), min_size=1), packs)
def test_the_canonical_text_says_all_and_only_the_rules(version: str, rules: list[PurposeRule]) -> None:
    """Text and rules become each other, in whatever order the rules are given."""
    text = document(version, rules)
    assert document(version, reversed(rules)) == text
    assert parsed(text) == (version, sorted(rules, key=lambda rule: rule.code))
    assert document_of(compiled(*parsed(text))) == text


def test_what_callers_name_does_not_fill_memory() -> None:
    """Lanes are kept for purposes and currencies that exist; any other code or ledger leaves nothing behind."""
    pack = RulePack(PURPOSES)
    for number in range(100):
        assert not pack.lanes(1_000 + number, EUR, mandated=True)
        assert not pack.lanes(PAYMENT, 10_000 + number, mandated=True)
    assert pack.lanes(PAYMENT, EUR, mandated=True)
    assert len(pack._lanes) == 1
