"""Dossiers (docs/formats.md): facts with all that proves them, in one file, bound to the log that has them."""

from ringfence_verifier.dossier.evidence import Steps
from ringfence_verifier.dossier.making import Composed, Gathered, answer_name, compose, verifier_page
from ringfence_verifier.dossier.manifest import Question
from ringfence_verifier.dossier.refused import DossierRefused
from ringfence_verifier.dossier.shown import write_shown
from ringfence_verifier.dossier.stretch import hashes_between, write_stretch
from ringfence_verifier.dossier.tables import ShownFact, csv_line
from ringfence_verifier.dossier.verifying import Binding, Dossier, is_binding, verify_dossier

__all__ = [
    "Binding",
    "Composed",
    "Dossier",
    "DossierRefused",
    "Gathered",
    "Question",
    "ShownFact",
    "Steps",
    "answer_name",
    "compose",
    "csv_line",
    "hashes_between",
    "is_binding",
    "verifier_page",
    "verify_dossier",
    "write_shown",
    "write_stretch",
]
