"""Finding as pages ask for it: ids by look-ups, and all that the log has about these; every call blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from ringfence_console import ports
from ringfence_console.disclosures import Disclosure, OpenedField
from ringfence_desk.fact import Fact
from ringfence_desk.sought import Ground, Sought, Taken, taken
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.ids import ID_BYTES
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_protos.audit.v1 import disclosure_pb2 as pb

from ringfence_audit.console.adapters.log_facts import LoggedFacts
from ringfence_audit.console.adapters.telling import fact_of, told
from ringfence_audit.console.application.asking import Asking, Methods
from ringfence_audit.disclosure.application.recording import TOGETHER, Together
from ringfence_audit.index.domain.keys import amount_key
from ringfence_audit.log.domain.leaf import decode
from ringfence_audit.log.domain.texts import Opening

MOST_SUBJECTS, MOST_FOUND = 25, 1_000
_PAGE = 500
_BY = {
    Taken.NAME: pb.LOOK_UP_BY_NAME,
    Taken.NUMBER: pb.LOOK_UP_BY_IDENTITY_NUMBER,
    Taken.IBAN: pb.LOOK_UP_BY_IBAN,
    Taken.TEXT: pb.LOOK_UP_BY_TEXT,
}
_REFUSED = frozenset({"SUBJECT_ERASED", "SOUGHT_INVALID"})
_TOO_MUCH = frozenset({"TOO_MANY_FACTS", "TOO_MUCH_TO_LOOK_THROUGH"})
"""Why one subject's facts are not told, while others' are."""


@dataclass(frozen=True, slots=True)
class LoggedFinding:
    """Finds for whoever looks (`ringfence_console.ports.Finding`), and opens what facts have sealed.

    Nothing is proven by who looks: that there are no others is the log's word, or identity's.
    """

    methods: Methods
    asking: Asking
    facts: LoggedFacts

    def find(self, typed: str, reason: str, view: ports.View) -> Sequence[ports.Way]:
        """Asks in each way to take what was typed; what is looked up waits for a reason, and is one read together."""
        ways = taken(typed)
        with told():
            if reason and all(each.taken in _BY for each in ways):
                return self._looked_up(ways, reason, view)
            return [self._way(each, view) for each in ways]

    def disclose(self, index: int, reason: str, view: ports.View) -> Disclosure:
        """Opens a fact's sealed fields: the read that the log has of it is the view."""
        request = pb.DiscloseRequest(leaf_index=index, reason=reason)
        with told():
            found = self.asking(self.methods.disclose, request, view.page, view.subject)
        fields = [
            OpenedField(each.field, [(text.name, text.text) for text in each.texts], each.reason)
            for each in found.fields
        ]
        return Disclosure(Fact(index, *decode(found.leaf)), fields, found.read_index, is_proven=False)

    def _way(self, sought: Sought, view: ports.View) -> ports.Way:
        if sought.taken in _BY:
            return ports.Way(sought, (), Ground.LOG, 0, needs_reason=True)
        if sought.taken in (Taken.FACT, Taken.ID):
            return ports.Way(sought, (), Ground.LOG, 0)
        request = audit_pb2.SearchRequest(page_size=_PAGE)
        if sought.between_ns is not None:
            request.from_ns, request.until_ns = sought.between_ns
            facts, is_cut = self._searched(request, view)
            return ports.Way(sought, facts, Ground.LOG, 0, is_cut=is_cut)
        reading = self.facts.reading(ports.View(view.page, "", view.subject))
        is_amount = sought.taken is Taken.AMOUNT
        key = amount_key(sought.ledger, sought.minor) if is_amount else sought.sha256[:ID_BYTES]
        # Somebody may have chosen an id that is the key: what counts is what the fact says.
        due = {"amount_minor": sought.minor, "ledger": sought.ledger}
        facts = [
            fact
            for fact in reading.of_key(key)
            if (due.items() <= fact.fields.items() if is_amount else sought.sha256 in fact.fields.values())
        ]
        return ports.Way(sought, _newest(facts), Ground.LOG, 0)

    def _looked_up(self, ways: Sequence[Sought], reason: str, view: ports.View) -> list[ports.Way]:
        """Looks up by all ways in one read, which is the view."""
        together = Together(" ".join(each.taken.value for each in ways))
        token = TOGETHER.set(together)
        try:
            return [self._by_look_up(each, reason, view, together) for each in ways]
        finally:
            TOGETHER.reset(token)

    def _by_look_up(self, sought: Sought, reason: str, view: ports.View, together: Together) -> ports.Way:
        own = Ground.BESIDE if sought.taken is Taken.TEXT else Ground.IDENTITY
        request = pb.LookUpRequest(by=_BY[sought.taken], sought=sought.text, reason=reason, page_size=MOST_SUBJECTS + 1)
        try:
            found = self.asking(self.methods.look_up, request, view.page)
        except DomainError as refusal:
            if refusal.reason not in _REFUSED:
                raise
            return ports.Way(sought, (), own, 0, refused=refusal.reason)
        subjects = list(dict.fromkeys(UUID(bytes=id) for each in found.found for id in _ids(each)))
        facts = {each.leaf_index: self._shown(each) for each in found.found if each.leaf}
        # The look-up is the view: what is told of its subjects is of the same page, and no newer.
        recorded = together.recorded
        reading, untold = self.facts.reading(view, recorded.stood if recorded else None), 0
        for subject in subjects[:MOST_SUBJECTS]:
            try:
                facts |= {fact.index: fact for fact in reading.facts_of(subject)}
            except ports.Refused as refusal:
                if refusal.reason not in _TOO_MUCH:
                    raise
                untold += 1
        until = found.searched_leaves or found.identity_position
        others = max(len(subjects) - MOST_SUBJECTS, int(bool(found.next_page_token))) + untold
        return ports.Way(sought, _newest(facts.values()), own, until, others)

    def _searched(self, request: audit_pb2.SearchRequest, view: ports.View) -> tuple[list[Fact], bool]:
        """Finds the first facts of a time, so many at most, and tells whether there may be others."""
        found, is_cut = list[Fact](), True
        while is_cut and len(found) <= MOST_FOUND:
            page = self.asking(self.methods.search, request, view.page, "", view.subject)
            found += [Fact(each.index, *decode(each.content)) for each in page.leaves]
            request.page_token, is_cut = page.next_page_token, bool(page.next_page_token)
        is_cut = is_cut or len(found) > MOST_FOUND
        self.facts.learn(found[:MOST_FOUND])
        return _newest(found[:MOST_FOUND]), is_cut

    def _shown(self, found: pb.LookedUp) -> Fact:
        openings = [Opening(each.field, each.salt, each.content, each.is_text) for each in found.openings]
        return fact_of(found.leaf_index, found.leaf, openings)


def _ids(found: pb.LookedUp) -> Iterator[bytes]:
    """Yields whom a look-up has found, and the account that an IBAN stands for."""
    yield from (each for each in (found.subject_id, found.account_id) if each)


def _newest(facts: Iterable[Fact]) -> list[Fact]:
    return sorted(facts, key=lambda fact: -fact.index)
