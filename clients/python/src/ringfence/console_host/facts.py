"""Facts of the log for the console, each proven here by the reader's own key before it is shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from threading import Lock
from uuid import UUID

from ringfence_console import ports
from ringfence_desk.names import Account, Names
from ringfence_desk.roles import Role
from ringfence_verifier import VerificationError, verify_receipt

from ringfence.console_host.history import History
from ringfence.console_host.keeping import KeptSurvey
from ringfence.console_host.learning import LearnedNames
from ringfence.console_host.reading import AnswerReading
from ringfence.console_host.refusals import told_to_pages
from ringfence.console_host.survey import Survey
from ringfence.proven import Nameable, fact_of, nameable

_NAMED_OF_LATEST = 60


@dataclass
class LogFacts:
    """The log as one reader has it (`ringfence_console.ports.Facts`); what was proven before is remembered.

    Thread-safe. A page's view is the read that the log records; the name of an id that was never shown costs another.
    """

    history: History
    learned: LearnedNames = field(init=False)
    kept: KeptSurvey = field(init=False)
    _survey: Survey = field(default_factory=Survey)
    _surveying: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.learned = LearnedNames(self.history)
        self.kept = KeptSurvey(self.history.remembered, self.history.origin)

    def fact(self, index: int, view: ports.View) -> ports.ProvenFact:
        """Gives a fact with its receipt, proven under a checkpoint that extends what was seen before."""
        history = self.history
        with told_to_pages():
            seen_size = history.size
            audit = history.looking(view)
            got = audit.receipt(index)
            note = got.proof.partition("\n\n")[2]
            checkpoint = history.accept(note, seen_size)
            proven = verify_receipt(got.proof, history.keys(), leaf=got.leaf, policy=history.policy)
            if proven.index != index:
                raise VerificationError("the log has answered another fact than was asked for")
            fact = fact_of(index, got.leaf, got.openings)
            self.learned.learn([fact], audit)
            keys, seal = history.shown_keys(), history.seal(note, checkpoint)
            return ports.ProvenFact(fact, got.leaf, got.proof, keys, seal, seen_size)

    def standing(self, view: ports.View) -> ports.Standing:
        """Gives the log as it stands, proven to go on from what was seen before."""
        history = self.history
        with told_to_pages():
            stated = history.stated()
            state, known = stated.state, stated.before
            heads = state.source_heads if state else ()
            return ports.Standing(
                seal=history.seal(stated.note, stated.checkpoint, state.time_ns if state else None),
                sources=[ports.SourceHead(each.source, each.epoch, each.position) for each in heads],
                index_size=state.index_size if state else None,
                books_size=state.books_size if state else None,
                keys=history.shown_keys(),
                witnesses=history.witnesses(stated.note),
                remembered=ports.Seal(known.origin, known.size, known.root, is_proven=True) if known else None,
            )

    def overview(self, view: ports.View) -> ports.Overview:
        """Folds what the log has more than before, and compares the tree of all leaves with the root that is signed.

        Whoever may read a part of the log only cannot make the root of it: nothing is proven then.
        """
        with told_to_pages(), self._surveying:
            standing = self._surveyed(view)
            survey = self._survey
            return ports.Overview(survey.books(), Counter(survey.payments.values()), list(survey.latest), standing)

    def platforms(self) -> list[UUID]:
        """Gives the platforms of all accounts that there are by now."""
        return list(dict.fromkeys(each.platform_id for each in self._accounts() if each.platform_id))

    def books(self) -> list[tuple[UUID, int]]:
        """Gives the platforms and currencies of all accounts that there are by now."""
        return list(dict.fromkeys((each.platform_id, each.ledger) for each in self._accounts() if each.platform_id))

    def reading(self, view: ports.View) -> AnswerReading:
        """Begins to ask for complete answers."""
        with told_to_pages():
            return AnswerReading(self.history, self.learned, view)

    def names(self) -> Names:
        """Gives what is known of names."""
        return self.learned.known()

    def _accounts(self) -> list[Account]:
        with told_to_pages(), self._surveying:
            self._surveyed(ports.View("overview"))
            return list(self._survey.accounts.values())

    def _surveyed(self, view: ports.View) -> ports.Standing:
        """Goes on with the survey to where the log stands; one at a time, whoever is first has asked first too."""
        standing = self.standing(view)
        try:
            is_all = self._taken_up(standing, view) or self._gone_on(standing, view)
        except VerificationError:
            self._survey = Survey()
            raise
        survey = self._survey
        if is_all:
            self.kept.keep(survey)
        shown = list(survey.latest)[-_NAMED_OF_LATEST:]
        if is_all:
            self.learned.take(Names.of(survey.latest).with_accounts(survey.accounts.values()))
        platforms = (each.platform_id for each in survey.accounts.values() if each.platform_id)
        # Whoever stands in what was listed is called something in the same read; what else has a name has a page.
        people = [each for each in nameable(shown) if each.role in (Role.PRINCIPAL, Role.PLATFORM)]
        wanted = [*(Nameable(each, Role.PLATFORM) for each in platforms), *people]
        self.learned.name(wanted, self.history.looking(view))
        return replace(standing, seal=replace(standing.seal, is_proven=is_all))

    def _taken_up(self, standing: ports.Standing, view: ports.View) -> bool:
        """Begins a run with what an earlier one has kept, and tells whether that was borne out.

        Its newest leaf is asked for again, so that this view too is a read of the log, and the signed root has to come
        of the kept hashes and the leaves after them; else everything is read anew. Who may read a part is shown no
        more than that, whatever was read before.
        """
        if self._survey.size or standing.index_size is None:
            return False
        kept, seal = self.kept.load(), standing.seal
        if kept is None or not 0 < kept.size <= seal.size:
            return False
        again = list(self.history.looking(view).leaves(kept.size - 1, kept.size))
        if [(each.index, each.content) for each in again] != list(kept.latest_leaves)[-1:]:
            return False
        self._survey = kept
        try:
            return self._gone_on(standing, view)
        except VerificationError:
            self._survey = Survey()
            return False

    def _gone_on(self, standing: ports.Standing, view: ports.View) -> bool:
        """Folds the leaves that are new, and tells whether they are proven to be all that there are."""
        survey, seal = self._survey, standing.seal
        for leaf in self.history.looking(view).leaves(survey.next_leaf, seal.size):
            if leaf.index >= seal.size:
                break
            survey.add(fact_of(leaf.index, leaf.content), leaf.content)
        is_all = (survey.size, survey.tree.root()) == (seal.size, seal.root)
        if not is_all and standing.index_size is not None:  # to who may read everything
            raise VerificationError("the facts that the log has listed are not those that it has signed")
        return is_all
