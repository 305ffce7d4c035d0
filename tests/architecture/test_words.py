"""What services write by name, and no description lists, has words too: reasons, results, purposes, acts, reads."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from ringfence.ledger import Purpose
from ringfence_audit.texts.domain.retention import Retention
from ringfence_desk import words
from ringfence_payment_instruction.settlement.domain import transfers
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_protos.audit import v1
from ringfence_protos.common.v1 import access_pb2

from tests.architecture.documents import DOCS
from tests.architecture.test_size import ROOT

SERVICES = ROOT / "services"
PAYMENTS = SERVICES / "payment-instruction/src/ringfence_payment_instruction"
REASON = re.compile(r"[A-Z][A-Z_]+[A-Z]")
REASONED = ("step", "directive", "submission_waiting", "submission_refused", "bank_entry", "bank_entry_outcome")


def strings_in(folder: Path) -> Iterator[tuple[ast.AST, str]]:
    """Yields every text in the code of a folder, with what it stands in: an assignment or a call."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = (
                [node.value] if isinstance(node, ast.Assign) else node.args[:1] if isinstance(node, ast.Call) else []
            )
            for part in parts:
                for each in part.elts if isinstance(part, ast.Tuple) else [part]:
                    if isinstance(each, ast.Constant) and isinstance(each.value, str):
                        yield node, each.value


def documented(heading: str, *codes: str) -> set[str]:
    """Returns the reasons of a table of docs/errors.md, or those of some gRPC codes."""
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
    return {row[0] for row in rows if row[0].isupper() and (not codes or row[1] in codes)}


def refused_files() -> set[str]:
    """Returns why a file may be refused whole: the first argument of what raises it."""
    return {
        text
        for node, text in strings_in(PAYMENTS / "iso20022")
        if isinstance(node, ast.Call) and REASON.fullmatch(text) and "refused" in ast.unparse(node.func).lower()
    }


def entries() -> set[str]:
    """Returns why money of an entry lies in suspense, as deposits name it: texts of constants."""
    found = strings_in(PAYMENTS / "deposits/domain")
    named = (text for node, text in found if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).isupper())
    return {text for text in named if "_" in text and text.isupper()}


def waits() -> set[str]:
    """Returns what a file may wait for: what payments, or the services that it needs, answer and may pass."""
    passing = documented("Every service", "UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED")
    return passing | documented("payment-instruction", "UNAVAILABLE", "FAILED_PRECONDITION")


REASONS = documented("Reasons of instructions") | refused_files() | entries() | waits()


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_reason_has_a_word(reason: str) -> None:
    """Why something was refused or waits is said in words, wherever it stands."""
    assert all(words.code(f"payment-instruction.{kind}.v1", "reason", reason) for kind in REASONED)


def test_reasons_are_all_of_them() -> None:
    """What the code names as a reason of an instruction is among what was asked for above."""
    named = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}
    assert named - {reasons.ON_ACCOUNT} <= REASONS
    assert refused_files()
    assert entries()


@pytest.mark.parametrize("result", sorted(transfers._REFUSALS))
def test_every_result_of_custody_that_refuses_a_payment_has_a_word(result: str) -> None:
    """The detail of a refusal is said in words."""
    assert words.code("payment-instruction.step.v1", "detail", result)


@pytest.mark.parametrize("purpose", Purpose)
def test_every_purpose_has_a_word(purpose: Purpose) -> None:
    """Why money moves is said in words, by the number that the transfer has."""
    known = words.code("custody.transfer.v1", "code", purpose.value)
    assert known
    assert known.name == purpose.name


def test_every_act_of_two_people_has_a_word() -> None:
    """What somebody proposes is said in words, in all that becomes of it."""
    acts = {
        text
        for _, text in strings_in(SERVICES)
        if re.fullmatch(r"(identity|custody|payment-instruction)\.[A-Z]\w+", text)
    }
    assert len(acts) > 20
    for fate in ("made", "confirmed", "voided"):
        assert {each for each in acts if not words.code(f"custody.proposal_{fate}.v1", "effect", each)} == set()


def test_every_read_has_a_word() -> None:
    """Whatever a reader asks the log is said in words, copies of entry bundles among it."""
    files = [
        import_module(f"{v1.__name__}.{each.name}") for each in iter_modules(v1.__path__) if each.name.endswith("_pb2")
    ]
    services = [service for file in files for service in file.DESCRIPTOR.services_by_name.values()]
    methods = [
        method.name
        for service in services
        for method in service.methods
        if method.GetOptions().Extensions[access_pb2.access].scope
    ]
    assert len(services) > 1
    assert {each for each in (*methods, "ReadEntries") if not words.code("audit.read.v1", "method", each)} == set()


def test_every_fact_of_the_log_itself_has_a_sentence() -> None:
    """Whatever kind of its own the log writes is told in words, and every class of texts that goes."""
    kinds = {text for _, text in strings_in(SERVICES / "audit/src") if re.fullmatch(r"audit\.[a-z_]+\.v\d+", text)}
    assert len(kinds) > 8
    assert {kind for kind in kinds if not words.sayings_of(kind)} == set()
    assert all(words.code("audit.pruned.v1", "retention", each.name) for each in Retention)
