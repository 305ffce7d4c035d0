"""The documentation as a site: what it is made of holds together, and its guides say what other tests play."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from docs.site import catalogues, looking, navigation
from docs.site.building import Site
from docs.site.diagrams import NotDrawn, draw
from docs.site.places import Text
from docs.site.reference import settings
from docs.site.reference.commands import commands as reference_commands
from docs.site.reference.refusals import of_method, refusals

ROOT = Path(__file__).parents[2]
SUPERVISOR = sorted((ROOT / "docs" / "supervisor").glob("*.md"))
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs").glob("*or/*.md"))]
GUIDES += sorted((ROOT / "docs" / "platform").glob("*.md"))
FIRST_PAYMENT = (ROOT / "docs" / "platform" / "first-payment.md").read_text(encoding="utf-8")
LETTING_IN = ROOT / "docs" / "operator" / "let-a-supervisor-in.md"
ON_THE_WAY = {*SUPERVISOR, LETTING_IN}
"""Documents that a supervisor goes by, and the one by which an operator lets one in: these lead on to others."""
FEWEST = 5
"""Commands of each document from the invitation to the last proof."""
WALKING = (ROOT / "tools/local-stack/tests/commands/walking.py").read_text(encoding="utf-8")
OUTSIDER = (ROOT / "tools/local-stack/tests/commands/outsider.py").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def fences(document: str, language: str) -> list[str]:
    """Returns what stands in a document's blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", document, re.DOTALL)


def commands(blocks: list[str]) -> set[str]:
    """Returns the commands of blocks for a shell, without comments."""
    lines = (line.partition("  #")[0].strip() for block in blocks for line in block.splitlines())
    return {line for line in lines if line}


def test_site_holds_together(tmp_path: Path) -> None:
    """No link leads nowhere, no class is unknown, no Chinese page is behind, nothing is loaded from elsewhere."""
    site = Site(tmp_path)
    site.lay_out()
    assert site.check() == []


def way_of_a_supervisor() -> set[Path]:
    """Returns the supervisor's guides, the operator's about letting one in, and all that they lead to beside them."""
    found, left = set[Path](), {*SUPERVISOR, LETTING_IN}
    while left:
        path = left.pop()
        found.add(path)
        links = re.findall(r"\]\(([^)#:]+\.md)", path.read_text(encoding="utf-8"))
        there = {(path.parent / link).resolve() for link in links}
        left |= {each for each in there - found if each.parent.name in ("operator", "runbooks") and path in ON_THE_WAY}
    return found


def test_guides_are_the_walk_that_is_played() -> None:
    """What the way of a supervisor has a shell do is typed, as it stands there, by the tests of the whole command."""
    told = {path.stem: commands(fences(path.read_text(encoding="utf-8"), "sh")) for path in way_of_a_supervisor()}
    (walked,) = re.findall(r"^WALKED = \((.*)\)$", WALKING, re.MULTILINE)
    outside = re.findall(r'/ "([a-z-]+)\.md"', OUTSIDER)
    assert {path for path, said in told.items() if said} <= {*re.findall(r'"([a-z-]+)"', walked), *outside}
    assert min(len(told["first-proof"]), len(told["invitation"]), len(told["let-a-supervisor-in"])) >= FEWEST


def test_no_line_of_python_is_on_the_way() -> None:
    """Neither in what stands between fences nor in what a runbook has set in."""
    for path in way_of_a_supervisor():
        text = path.read_text(encoding="utf-8")
        assert [line for line in text.splitlines() if re.search(r"(?:^|[;&|(]) *python", line)] == [], path


def test_first_payment_is_the_example_that_is_run() -> None:
    """The platform's first payment is the README's example, which `test_sdk_example_pays` runs."""
    assert fences(FIRST_PAYMENT, "python") == fences(README, "python")


@pytest.mark.parametrize(
    ("link", "there"),
    [
        ("[a](ledger.md#transfers)", "[a](ledger.md#transfers)"),
        ("[a](../README.md)", "[a](parts/index.md)"),
        ("[a](../services/audit/README.md)", "[a](parts/services/audit/index.md)"),
        ("[a](runbooks)", "[a](runbooks/index.md)"),
        ("[a](nowhere.md)", "[a](nowhere.md)"),
        ("`[a](../README.md)`", "`[a](../README.md)`"),
        ("```\n[a](../README.md)\n```", "```\n[a](../README.md)\n```"),
    ],
)
def test_links_of_the_repository_lead_on_the_site(link: str, there: str) -> None:
    """Links below `docs/` stay, others lead to where their document stands; code, and what leads nowhere, stays."""
    path = PurePosixPath("docs/architecture.md")
    assert Text(path, link, PurePosixPath("architecture.md")).on_site(set()) == there


def test_every_page_stands_in_one_tree() -> None:
    """A page that no tree names is below the engineers'; one that is named and is not there is an error."""
    named = [page for _, entries in navigation.WAYS for page in entries.split()]
    named += [page for entries in navigation.ENTRIES.values() for page in entries.split() if not page.endswith("*")]
    assert "/new" in navigation.trees([*named, "index", "new"])["engineer/index"]
    with pytest.raises(KeyError, match="supervisor/index"):
        navigation.trees([page for page in [*named, "index"] if page != "supervisor/index"])


def test_settings_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that no README explains stops the site, by its name."""
    assert "RINGFENCE_LOG_ORIGIN" in settings.pages()[settings.PAGE]
    monkeypatch.setattr(settings, "_meanings", lambda readme: {})
    with pytest.raises(settings.UnexplainedSetting, match=r"README.md has no row for RINGFENCE_SERVICE"):
        settings.pages()


def test_refusals_of_a_method_come_in_order_of_precedence() -> None:
    """They are its module's own, as docs/errors.md orders them."""
    order = [each.reason for each in refusals() if each.section == "audit"]
    found = [each.reason for each in of_method("audit", "GetAnswer")]
    assert "INDEX_PENDING" in found
    assert found == sorted(found, key=order.index)


@pytest.mark.parametrize(
    ("markup", "says"),
    [
        ('<img src="https://elsewhere.example/x.png">', "which is elsewhere"),
        ('<link rel="preconnect stylesheet" href="//elsewhere.example/x.css">', "which is elsewhere"),
        ('<p style="background: url(x.png)">', "which is not there"),
        ('<a href="other.html">', "which is not there"),
        ('<a href="#nowhere">', "a place that the page does not have"),
    ],
)
def test_what_is_elsewhere_or_missing_is_named(tmp_path: Path, markup: str, says: str) -> None:
    """A page loads nothing from elsewhere, and links to what is there."""
    (tmp_path / "page.html").write_text(f'<p id="here">{markup}</p><a href="#here">')
    (problem,) = looking.astray(tmp_path)
    assert problem.startswith("page.html")
    assert says in problem


def test_pictures_say_what_they_show() -> None:
    """A picture has the same as text; what is not understood is named."""
    drawn = draw('flowchart LR\na([A]) -- "why" --> b & c\nc --> a')
    for said in ("A → b: why", "A → c: why", "c → A"):
        assert said in drawn
    with pytest.raises(NotDrawn, match="gantt"):
        draw("gantt\nx")


@pytest.mark.parametrize(
    ("chinese", "says"),
    [
        ('msgid "One"\nmsgstr "一"\n', "not translated: Two"),
        ('msgid "One"\nmsgstr "一"\n\n#, fuzzy\nmsgid "Two"\nmsgstr "二"\n', "not translated: Two"),
        ('msgid "One"\nmsgstr "一"\n\nmsgid "Two"\nmsgstr "二"\n\nmsgid "Old"\nmsgstr "旧"\n', "any more: Old"),
    ],
)
def test_a_page_that_is_behind_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chinese: str, says: str
) -> None:
    """A message without Chinese, one whose English has changed, one that is gone: each by its page."""
    monkeypatch.setattr(catalogues, "FOLDER", tmp_path / "locale")
    english, known = tmp_path / "pot" / "supervisor" / "find.pot", catalogues.path_of("supervisor/find")
    for path, content in ((english, 'msgid "One"\nmsgstr ""\n\nmsgid "Two"\nmsgstr ""\n'), (known, chinese)):
        path.parent.mkdir(parents=True)
        path.write_text(content, encoding="utf-8")
    (found,) = catalogues.behind(tmp_path / "pot")
    assert str(found).startswith("supervisor/find is behind")
    assert says in str(found)


def lines_of_shell(path: Path) -> Iterator[str]:
    """Yields what stands in a document's blocks and begins with the command."""
    for block in re.findall(r"```(?:sh|text)?\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("ringfence "):
                yield line


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_of_documents_are_commands(path: Path) -> None:
    """Each names a command that there is, and options that it takes."""
    known = dict(reference_commands())
    unknown = []
    for line in lines_of_shell(path):
        words = shlex.split(line, comments=True)
        name = next((name for name in (" ".join(words[:3]), " ".join(words[:2])) if name in known), None)
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        if name is None or options - {opt for param in known[name].params for opt in param.opts}:
            unknown.append(line)
    assert unknown == []
