"""An act is done once, as it was reviewed, and not where things have changed since its form was drawn."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import Event

import pytest
from ringfence_console import acts
from ringfence_console.acts import Acts, Changed, FormUnknown, Unanswered, Unsure
from ringfence_console.ports import NotThere, Refused, Unavailable
from ringfence_console.work import Command, Done, Subject, Words

from .desks import KEY, FakeWork, Payment


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def drawn(work: FakeWork, forms: Acts, act: str = "approve", note: str = "") -> tuple[str, Command]:
    """Draws a form."""
    matter = work.matter(Subject.PAYMENT, KEY)
    command = work.command(matter, act, Words(note))
    return forms.draw(matter, command, act), command


def test_the_hash_is_of_the_text_that_is_shown() -> None:
    """Whoever has the text computes it again, whatever order the fields were given in."""
    command = Command("a.B/C", {"note": "fällt \u202e aus", "ids": ["2", "1"]})
    assert command.text == '{"method":"a.B/C","request":{"ids":["2","1"],"note":"fällt \u202e aus"}}'
    assert command.sha256 == sha256(command.text.encode()).digest()
    assert json.loads(command.text)["request"]["ids"] == ["2", "1"]
    assert Command("a.B/C", {}, {"d": "e"}).text == '{"method":"a.B/C","request":{},"requires":{"d":"e"}}'


def test_an_act_is_what_was_reviewed() -> None:
    """The very command of the form is sent; what became of it can be read again."""
    work = FakeWork(Payment())
    forms = Acts(work)
    id_, command = drawn(work, forms, note="seen")
    with pytest.raises(FormUnknown):
        forms.outcome(id_)
    done = forms.carry_out(id_, command.sha256)
    assert (done.result, work.sent) == ("SCREENED", [command])
    assert forms.outcome(id_)[1] == done


def test_a_form_with_another_hash_is_none() -> None:
    """Nothing is sent that was not reviewed."""
    work = FakeWork(Payment())
    forms = Acts(work)
    id_, command = drawn(work, forms)
    _, other = drawn(work, forms, note="other")
    for given in (b"", other.sha256, command.sha256[:-1]):
        with pytest.raises(FormUnknown):
            forms.carry_out(id_, given)
    with pytest.raises(FormUnknown):
        forms.carry_out("00000000-0000-4000-8000-000000000000", command.sha256)
    assert work.sent == []


def test_a_double_click_is_one_act() -> None:
    """The second waits for the first, and both get the same answer; so does who comes later."""
    work = FakeWork(Payment(), goes_on=Event())
    forms = Acts(work)
    id_, command = drawn(work, forms)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(forms.carry_out, id_, command.sha256)
        assert work.going.wait(10)
        second = threads.submit(forms.carry_out, id_, command.sha256)
        assert work.goes_on is not None
        work.goes_on.set()
        assert first.result() is second.result()
    assert forms.carry_out(id_, command.sha256) is first.result()
    assert len(work.sent) == 1


def test_a_stale_form_says_what_has_changed() -> None:
    """Somebody else has decided meanwhile, or the money is not there any more: nothing is sent."""
    work = FakeWork(Payment())
    forms = Acts(work)
    id_, command = drawn(work, forms)
    work.payment.payer_minor = 1
    with pytest.raises(Changed) as poor:
        forms.carry_out(id_, command.sha256)
    assert poor.value.changes == {"payable": ("YES", "NO")}
    work.payment.payer_minor, work.payment.status = 500_00, "REJECTED"
    with pytest.raises(Changed) as decided:
        forms.carry_out(id_, command.sha256)
    assert decided.value.changes == {"state": ("HELD", "REJECTED")}
    assert decided.value.now is not None
    assert decided.value.now.objection == "NOT_HELD"
    assert work.sent == []


def test_what_is_gone_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proposal that was decided is not to be read any more."""
    work = FakeWork(Payment())
    forms = Acts(work)
    id_, command = drawn(work, forms)

    def gone(subject: Subject, key: str) -> None:
        raise NotThere(key)

    monkeypatch.setattr(work, "matter", gone)
    with pytest.raises(Changed) as gone_now:
        forms.carry_out(id_, command.sha256)
    assert gone_now.value.now is None
    assert work.sent == []


def test_a_refusal_stays_one() -> None:
    """Whatever the page has offered, the service decides; the same form is not sent again."""
    work = FakeWork(Payment(), refuses="PRINCIPAL_SUSPENDED")
    forms = Acts(work)
    id_, command = drawn(work, forms)
    for _ in range(2):
        with pytest.raises(Refused) as refusal:
            forms.carry_out(id_, command.sha256)
        assert refusal.value.reason == "PRINCIPAL_SUSPENDED"
    assert len(work.sent) == 1


def test_who_was_not_answered_may_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same form."""
    work = FakeWork(Payment())
    forms = Acts(work)
    id_, command = drawn(work, forms)

    def silent(command: Command) -> None:
        raise Unavailable("UNAVAILABLE")

    with monkeypatch.context() as patched:
        patched.setattr(work, "send", silent)
        with pytest.raises(Unavailable):
            forms.carry_out(id_, command.sha256)
    assert forms.carry_out(id_, command.sha256).result == "SCREENED"


def test_an_act_whose_answer_was_lost_is_done_by_the_same_form() -> None:
    """It has changed what the form depends on; its service knows it again, however late, and it was done once."""
    work, clock = FakeWork(Payment(), loses=1), Clock()
    forms = Acts(work, clock)
    id_, command = drawn(work, forms)
    with pytest.raises(Unanswered):
        forms.carry_out(id_, command.sha256)
    with pytest.raises(FormUnknown):
        forms.outcome(id_)
    clock.now = acts.FORM_SECONDS + 1
    assert forms.carry_out(id_, command.sha256).result == "SCREENED"
    assert forms.outcome(id_)[1].result == "SCREENED"
    assert work.sent == [command, command]


def test_what_is_gone_by_an_act_whose_answer_was_lost_is_asked_of_its_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proposal that was confirmed is not to be read any more, and a repeated confirmation is done."""
    work = FakeWork(Payment(), loses=1)
    forms = Acts(work)
    id_, command = drawn(work, forms)
    with pytest.raises(Unanswered):
        forms.carry_out(id_, command.sha256)

    def gone(subject: Subject, key: str) -> None:
        raise NotThere(key)

    monkeypatch.setattr(work, "matter", gone)
    assert forms.carry_out(id_, command.sha256).result == "SCREENED"


def test_a_refusal_of_what_may_be_done_is_not_called_nothing() -> None:
    """Its service does not know a repeated act again: whether the first was done, only how it stands can tell."""
    work = FakeWork(Payment(), loses=1, is_idempotent=False)
    forms = Acts(work)
    id_, command = drawn(work, forms)
    with pytest.raises(Unanswered):
        forms.carry_out(id_, command.sha256)
    for ask in (lambda: forms.carry_out(id_, command.sha256), lambda: forms.outcome(id_)):
        with pytest.raises(Unsure) as unsure:
            ask()
        assert unsure.value.reason == "NOT_HELD"
    assert len(work.sent) == 2


def test_a_refusal_is_unsure_where_the_call_was_made_again_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends may send twice for one act: refused by what the first has changed is not refused."""
    work = FakeWork(Payment(), is_idempotent=False)
    forms = Acts(work)
    id_, command = drawn(work, forms)
    send = work.send

    def twice(command: Command) -> Done:
        send(command)
        return send(command)

    monkeypatch.setattr(work, "send", twice)
    with pytest.raises(Unsure):
        forms.carry_out(id_, command.sha256)


def test_what_did_not_arrive_and_stands_otherwise_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The act could still be done, so it was not: what has changed is looked at first."""
    work = FakeWork(Payment())
    forms = Acts(work)
    id_, command = drawn(work, forms)

    def silent(command: Command) -> None:
        raise Unavailable("UNAVAILABLE")

    with monkeypatch.context() as patched:
        patched.setattr(work, "send", silent)
        with pytest.raises(Unanswered):
            forms.carry_out(id_, command.sha256)
    work.payment.payer_minor = 1
    with pytest.raises(Changed) as changed:
        forms.carry_out(id_, command.sha256)
    assert changed.value.was_sent
    assert work.sent == []


@pytest.mark.parametrize(("failure", "told"), [(Unavailable("x"), Unanswered), (Refused("SUSPENDED", "x"), Unsure)])
def test_who_cannot_look_after_a_lost_answer_is_not_told_that_nothing_was_done(
    failure: Exception, told: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor that the page may simply be loaded again."""
    work = FakeWork(Payment(), loses=1)
    forms = Acts(work)
    id_, command = drawn(work, forms)
    with pytest.raises(Unanswered):
        forms.carry_out(id_, command.sha256)

    def fails(subject: Subject, key: str) -> None:
        raise failure

    monkeypatch.setattr(work, "matter", fails)
    with pytest.raises(told):
        forms.carry_out(id_, command.sha256)


def test_forms_end() -> None:
    """After 15 minutes, or when too many were drawn since; what was done by one is still told."""
    work, clock = FakeWork(Payment()), Clock()
    forms = Acts(work, clock)
    old, command = drawn(work, forms)
    done, _ = drawn(work, forms)
    clock.now = acts.FORM_SECONDS
    forms.carry_out(done, command.sha256)
    clock.now += 1
    with pytest.raises(FormUnknown):
        forms.carry_out(old, command.sha256)
    assert forms.carry_out(done, command.sha256).result == "SCREENED"
    for _ in range(acts.MOST_DRAWN):
        drawn(work, forms)
    with pytest.raises(FormUnknown):
        forms.carry_out(done, command.sha256)
