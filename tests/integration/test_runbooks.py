"""Runbooks name what there is: pages, statements that the databases understand, commands, metrics, lines of the log."""

from __future__ import annotations

import re
import sys
from contextlib import redirect_stdout
from functools import cache
from importlib.metadata import entry_points
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from ringfence_local_stack.stack.local_stack import LocalStack

from .scraping import SERVICES, documented

ROOT = Path(__file__).parents[2]
PAGES = {page.name: page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs" / "runbooks").glob("*.md"))}
SPAN = re.compile(r"`([^`]+)`")
SUFFIXES = ("_total", "_count", "_bucket")


def spans(beginning: str) -> list[tuple[str, str]]:
    """Returns (page, code) of what is set as code and begins so."""
    found = ((name, " ".join(code.split())) for name, page in PAGES.items() for code in SPAN.findall(page))
    return [(name, code) for name, code in found if re.match(beginning, code)]


def test_pages_lead_to_pages() -> None:
    """Every link is to a page that exists, and the list of alarms leads to every page."""
    for name, page in PAGES.items():
        assert set(re.findall(r"\]\(([a-z-]+\.md)\)", page)) <= set(PAGES), name
    assert set(re.findall(r"\(([a-z-]+\.md)\)", PAGES["README.md"])) == set(PAGES) - {"README.md"}


@pytest.mark.parametrize(("page", "statement"), [each for each in spans("SELECT ") if "pg_terminate" not in each[1]])
def test_statement_is_understood_by_some_database(stack: LocalStack, page: str, statement: str) -> None:
    """The owner of a service's database can have it planned; orders with words for values are left unplanned."""
    statement = statement.replace("'STREAM'", "gen_random_uuid()")
    if "fork_position" in statement:
        statement = statement.replace("fork_position", "1").replace("'order reference'", "'reference'")
    problems = []
    for service in SERVICES:
        with psycopg.connect(stack.running.databases[service].owner_conninfo) as connection:
            try:
                connection.execute(f"EXPLAIN {statement}".encode())
                return
            except psycopg.Error as error:
                problems.append(str(error))
    raise AssertionError(f"{page}: {problems}")


@cache
def helped(program: str, *words: str) -> tuple[object, str]:
    """Returns exit code and output of a command that is asked how it is used; many pages name the same one."""
    (installed,) = entry_points(group="console_scripts", name=program)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as said:
        patch.setattr(sys, "argv", [program, *words, "--help"])
        patch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            installed.load()()
    return ended.value.code, said.getvalue()


@pytest.mark.parametrize(("page", "command"), spans(r"ringfence [a-z]+|ringfence-[a-z-]+ "))
def test_command_exists(page: str, command: str) -> None:
    """The command knows its verb, and the options that are named."""
    program, verb, *rest = command.split()
    words = [verb, *(word for word in rest[:1] if re.fullmatch("[a-z-]+", word) and not word.startswith("-"))]
    code, said = helped(program, *words)
    assert code == 0, page
    assert {word for word in rest if word.startswith("--")} <= set(re.findall(r"--[a-z-]+", said))


def test_metrics_and_lines_of_the_log_exist() -> None:
    """Every series is one of docs/telemetry.md; every line of the log that is named is one that the code writes."""
    code = "".join(
        file.read_text(encoding="utf-8")
        for part in ("kernel", "services")
        for file in (ROOT / part).rglob("src/**/*.py")
    )
    for name, page in PAGES.items():
        for series in re.findall(r"(?<![:\w])(ringfence_[a-z_]+)", page):
            known = {series, *(series.removesuffix(each) for each in SUFFIXES)} & set(documented())
            labels = {label for each in documented().values() for label in each.attributes}
            assert known or series in labels, (name, series)
        for said in re.findall(r"[Ll]ogs? (?:of \S+ )?(?:says? )?((?:`[a-z_]+`(?:, | or | and )?)+)", page):
            for event in re.findall(r"`([a-z]+_[a-z_]+)`", said):
                # A refusal that ends writing is logged under its reason.
                assert f'"{event}"' in code or f'"{event.upper()}"' in code, (name, event)
