"""Dossiers for the console: made and verified here, kept until the program ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from ringfence_console import ports
from ringfence_console.dossiers import Bundle, Wanted
from ringfence_console.keeping import Keeping
from ringfence_verifier.dossier import DossierRefused, verifier_page

from ringfence.console_host.facts import LogFacts
from ringfence.console_host.refusals import told_to_pages
from ringfence.dossiers import Asked, Dossiers
from ringfence.stretches import PeriodOpen

MOST_BYTES = 256 * 1024 * 1024
_OWN = "own"


@dataclass
class SdkDossiers:
    """Dossiers of one reader."""

    dossiers: Dossiers
    facts: LogFacts
    _keeping: Keeping = field(default_factory=lambda: Keeping(MOST_BYTES))

    def made(self) -> Sequence[Bundle]:
        """Gives those that are kept."""
        return self._keeping.of(_OWN)

    def make(self, wanted: Wanted, view: ports.View) -> Bundle:
        """Makes one by the keys that the log was followed to; the log's newest checkpoint is remembered."""
        history = self.facts.history
        asked = Asked(wanted.subjects, wanted.between_ns, wanted.is_linked, wanted.has_texts)
        with told_to_pages():
            history.follow()
            try:
                content, found = self.dossiers.made(asked, history.keys(), policy=history.policy)
            except PeriodOpen as error:
                raise ports.NotGiven("PERIOD_OPEN", str(error)) from None
            except DossierRefused as refused:
                if refused.reason != "TOO_LONG":
                    raise
                raise ports.NotGiven(refused.reason, str(refused)) from None
            history.accept(found.note)
        bundle = Bundle(
            sha256=sha256(content).digest(),
            size_bytes=len(content),
            made_ns=found.binding.time_ns,
            subjects=wanted.subjects,
            between_ns=wanted.between_ns,
            facts=len(found.facts),
            index=found.binding.index,
            is_complete=found.is_complete,
        )
        return self._keeping.keep(_OWN, bundle, content)

    def content(self, sha256: bytes) -> bytes:
        """Gives the file of one."""
        return self._keeping.content(_OWN, sha256)

    def verifier(self) -> bytes:
        """Gives the page that verifies dossiers."""
        return verifier_page()
