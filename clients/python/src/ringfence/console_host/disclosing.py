"""What facts have sealed, opened for the console: what is opened is held to the fact that commits to it."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_console import ports
from ringfence_console.disclosures import Disclosure, OpenedField
from ringfence_desk.fact import Fact

from ringfence.console_host.facts import LogFacts
from ringfence.console_host.refusals import told_to_pages
from ringfence.finding import Finder


@dataclass(frozen=True)
class SdkDisclosing:
    """Discloses to one reader, whose log is the one that its facts are of."""

    finding: Finder
    facts: LogFacts

    def disclose(self, index: int, reason: str, view: ports.View) -> Disclosure:
        """Opens a fact's sealed fields; the one fact that the log writes of it is the view."""
        history = self.facts.history
        with told_to_pages():
            history.follow()
            found = self.finding.disclose(index, reason, key=history.keys())
            history.accept(found.proof.partition("\n\n")[2])
        fields = [OpenedField(each.field, each.texts, each.reason) for each in found.fields]
        return Disclosure(Fact(index, found.fact.kind, found.fact.fields), fields, found.read_index, is_proven=True)
