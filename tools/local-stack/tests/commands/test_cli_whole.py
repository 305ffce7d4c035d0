"""The command on a whole stack of its own: started, used, proven and stopped as a person would."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from ringfence import new_id
from ringfence_local_stack.stack.running import attach

from . import outsider, walking

COMMAND = [sys.executable, "-c", "from ringfence.cli import main; main()"]
UP_SECONDS, TELLING_SECONDS, DEMO_SECONDS = 120, 180, 90
ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
POSTINGS = """account_id,seq,trans_id,date,signed_amount,balance_after,rounding_vs_previous
2,1,11,1993-01-01,1000.00,1000.00,0.00
2,2,12,1993-01-02,-1200.50,-200.50,0.00
4,1,13,1993-01-02,50.00,50.00,0.00
2,3,14,1993-01-31,300.00,99.60,0.10
"""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def environment(stack_folder: Path) -> dict[str, str]:
    """A stack directory of its own."""
    return {**os.environ, "RINGFENCE_STACK": str(stack_folder / "whole"), "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def up(environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """`ringfence up`, once it says that everything is up."""
    process = subprocess.Popen([*COMMAND, "up"], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        end = time.monotonic() + UP_SECONDS
        while "Ctrl-C" not in (line := process.stdout.readline()):
            assert line, "the stack did not come up"
            assert time.monotonic() < end
        yield process
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def run(up: "subprocess.Popen[str]", environment: dict[str, str]) -> Run:
    """Runs a command beside it."""

    def run(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=timeout
        )

    return run


@pytest.fixture(scope="module")
def link(up: "subprocess.Popen[str]") -> str:
    """The link to the console that it prints."""
    assert up.stdout is not None
    [found] = re.findall(r"http://127\.0\.0\.1:\d+/enter\?key=\S+", up.stdout.readline())
    return str(found)


@pytest.fixture(scope="module")
def page(link: str) -> walking.Page:
    """The console in the browser that the link has let in."""
    browser = build_opener(HTTPCookieProcessor())
    browser.open(link, timeout=60).close()
    return lambda path: str(browser.open(link.partition("/enter")[0] + path, timeout=60).read().decode())


@pytest.fixture(scope="module")
def demo(run: Run) -> list[str]:
    """What the demo prints, told twice on the same stack."""
    told = []
    for _ in range(2):
        done = run("demo", timeout=TELLING_SECONDS)
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
    return told


def test_demo_passes_and_changes_nothing_the_second_time(demo: list[str]) -> None:
    """Every payment ends as the script says, in time; told again, the same transfers are all there is."""
    # A machine that has other things to do for a while slows one telling, and not the other.
    assert min(float(re.findall(r"^seconds +([0-9.]+)$", told, re.M)[0]) for told in demo) < DEMO_SECONDS
    endings = [[line for line in told.splitlines() if line.startswith(("payments   ", "transfers  "))] for told in demo]
    assert endings == 2 * [
        [
            "payments   12, each ended as it must",
            "transfers  18 in custody; debits equal credits in both books",
        ]
    ]


def test_demo_agrees_with_the_banks_statement(demo: list[str]) -> None:
    """Both platforms' banks state what the book has, and every movement is matched, also when it is told again."""
    for told in demo:
        found = re.findall(r"the bank has ([0-9,.]+ EUR), and so has the book; (\d+) movements are matched, none", told)
        assert found == [("27,261.50 EUR", "6"), ("10,049.75 EUR", "5")]


def test_pages_are_served_beside_it(page: walking.Page, link: str, demo: list[str]) -> None:
    """The link lets in one browser, which is shown the demo's money, proven; six pages are drawn where they can be."""
    overview = page("/")
    assert "Yes: 2 of 2 books are covered" in overview
    assert "27,219.50" in overview
    found = page("/find?q=18500+EUR")
    assert "and proven: there are no others" in found
    payment = re.findall(r'href="/fact/(\d+)"><bdi>LNT-0005</bdi>: ', found)[-1]
    subject = re.findall(r'href="/about/([0-9a-f-]{36})"', page(f"/fact/{payment}"))
    proven = [page(f"/about/{each}") for each in subject]
    [about] = [each for each in proven if "<h1><bdi>LNT-0005</bdi>" in each]
    assert re.search(r"These are all \d+ facts about it: complete up to fact \d+, proven", about)
    [trace] = re.findall(r'href="(/trace/[0-9a-f-]{36})"', about)
    drawn = page(trace)
    assert "lantern-approver" in drawn
    assert all("Proven for the log of" in each for each in (overview, about, drawn, page("/log")))
    account = re.findall(r'href="(/account/[0-9a-f-]{36}(?:\?of=[0-9a-f-]{36})?)"', drawn)[0]
    assert "All movements up to fact" in page(account)
    assert "<b>you</b>" in page("/access")
    with pytest.raises(HTTPError, match="403"):
        build_opener(HTTPCookieProcessor()).open(link, timeout=60)


def test_pictures_are_drawn_where_they_can_be(environment: dict[str, str], demo: list[str]) -> None:
    """Six, once; without a browser none, and the demo passes all the same."""
    folder = Path(environment["RINGFENCE_STACK"]) / "sandbox" / "evidence" / "console"
    drawn = [file.read_bytes()[:4] for file in folder.glob("*.png")]
    has_browser = any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    assert drawn == (6 * [b"\x89PNG"] if has_browser else [])
    assert ["pictures" in told for told in demo] == [has_browser, False]


def test_platform_sees_its_own_book_alone(run: Run, demo: list[str]) -> None:
    """A platform lists its accounts and sees what moved; with a foreign book it is refused by name."""
    listed = run("accounts", "--as", "lantern-lending")
    assert "EUR balances" in listed.stdout
    client = next(line.split()[0] for line in listed.stdout.splitlines() if "4,269.50 EUR" in line)
    assert "withdrawal" in run("statement", client, "--as", "lantern-lending").stdout
    foreign = run("statement", client, "--as", "tidepool-wallet")
    assert (foreign.returncode, foreign.stdout) == (3, "")
    assert "NOT_FOUND" in foreign.stderr


def test_payment_is_followed_to_its_end(run: Run, demo: list[str]) -> None:
    """A payment in the book settles; one without the money ends with its reason and the exit code of a refusal."""
    order = ["--as", "lantern-lending", "--from", "DE12500999010000000101", "--to", "DE82500999010000000102"]
    settled = run("pay", *order, "--name", "Tomas Reuter", "--amount", "1.25")
    assert settled.returncode == 0, settled.stderr
    assert "settled" in settled.stdout
    refused = run("pay", *order, "--name", "Tomas Reuter", "--amount", "9000.00")
    assert refused.returncode == 3
    assert "INSUFFICIENT_FUNDS" in refused.stdout


def _ids(text: str) -> list[str]:
    return re.findall(ID, text)


def test_same_payment_again_is_the_same(run: Run, demo: list[str]) -> None:
    """A payment under an id is ordered once, however often it is; another one under its id is refused by name."""
    chosen = str(new_id())
    order = ["--as", "lantern-lending", "--from", "DE12500999010000000101", "--to", "DE82500999010000000102"]
    same = [run("pay", *order, "--name", "Tomas Reuter", "--amount", "2.50", "--id", chosen) for _ in range(2)]
    assert [done.returncode for done in same] == [0, 0]
    assert same[0].stdout == same[1].stdout
    assert _ids(same[0].stdout) == [chosen]
    assert run("accounts", "--as", "lantern-lending").stdout.count("4,265.75 EUR") == 1
    other = run("pay", *order, "--name", "Tomas Reuter", "--amount", "2.51", "--id", chosen)
    assert (other.returncode, other.stdout) == (3, "")
    assert "SUBMISSION_EXISTS_WITH_DIFFERENT_CONTENT" in other.stderr


def test_payment_of_a_command_that_was_killed_is_ordered_once(
    run: Run, demo: list[str], environment: dict[str, str]
) -> None:
    """The id is told before anything is sent: with it the same command finishes what a killed one began."""
    pay = ["pay", "--as", "lantern-lending", "--from", "DE12500999010000000101", "--to", "DE82500999010000000102"]
    pay += ["--name", "Tomas Reuter", "--amount", "0.75"]
    killed = subprocess.Popen(
        [*COMMAND, *pay], env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert killed.stderr is not None
    (chosen,) = _ids(killed.stderr.readline())
    killed.kill()
    killed.wait(20)
    for _ in range(2):
        assert run(*pay, "--id", chosen).returncode == 0
    assert run("accounts", "--as", "lantern-lending").stdout.count("4,265.00 EUR") == 1


def test_payment_that_waits_is_listed_and_decided(run: Run, demo: list[str]) -> None:
    """What waits is told with its reason; the platform's second person approves and withdraws, its maker may not."""
    pay = ["pay", "--as", "lantern-lending", "--from", "DE55500999010000000103", "--to", "DE12500999010000000101"]
    held = [run(*pay, "--name", "Mira Solberg", "--amount", amount) for amount in ("10000.01", "10000.02")]
    first, second = (_ids(each.stdout)[0] for each in held)
    listed = run("waiting", "--as", "lantern-lending").stdout
    assert _ids(listed) == [first, second]
    assert listed.count("a second person") == 2
    assert run("approve", "--as", "lantern-approver").stdout == listed
    assert run("approve", first, "--as", "lantern-lending").returncode == 3
    assert run("approve", first, "--as", "lantern-approver").returncode == 0
    again = run("pay", *pay[1:], "--name", "Mira Solberg", "--amount", "10000.01", "--id", first)
    assert (again.returncode, "settled" in again.stdout) == (0, True)
    late = run("reject", first, "--as", "lantern-approver")
    assert (late.returncode, "NOT_HELD" in late.stdout) == (3, True)
    assert run("cancel", second, "--as", "lantern-approver").returncode == 3
    withdrawn = run("cancel", second, "--as", "lantern-lending")
    assert (withdrawn.returncode, "cancelled" in withdrawn.stdout) == (0, True)
    assert _ids(run("waiting", "--as", "lantern-lending").stdout) == []


def test_acts_of_two_people_are_for_those_who_decide_them(run: Run) -> None:
    """Operators see what waits in every service; an unknown proposal is not found, and others may not ask."""
    assert run("proposals", "--as", "operator-1").returncode == 0
    unknown = run("confirm", str(new_id()), "--as", "operator-1")
    assert (unknown.returncode, "PROPOSAL_NOT_FOUND" in unknown.stdout) == (3, True)
    assert run("proposals", "--as", "regulator").returncode == 3


def test_keys_make_a_principal_that_works(run: Run, tmp_path: Path) -> None:
    """A principal made for the sandbox can call the services with nothing but its directory."""
    made = run("keys", "corner-shop", "--directory", str(tmp_path / "keys"))
    assert made.returncode == 0, made.stderr
    listed = run("accounts", "--as", made.stdout.strip())
    assert listed.returncode == 0, listed.stderr
    assert "empty book" in listed.stdout


@pytest.fixture(scope="module")
def replayed(run: Run, tmp_path_factory: pytest.TempPathFactory) -> list["subprocess.CompletedProcess[str]"]:
    """A bank's history, replayed twice."""
    file = tmp_path_factory.mktemp("replay") / "postings.csv"
    file.write_text(POSTINGS)
    return [run("replay", str(file)) for _ in range(2)]


def test_replay_ends_with_its_line_and_posts_nothing_twice(
    replayed: list["subprocess.CompletedProcess[str]"],
) -> None:
    """The last line is the JSON of the counts; the same file again is all duplicates."""
    for done, expected in zip(
        replayed,
        (
            {"posted": 4, "adjustments": 1, "duplicates": 0, "mismatches": 0},
            {"posted": 0, "adjustments": 0, "duplicates": 4, "mismatches": 0},
        ),
        strict=True,
    ):
        assert done.returncode == 0, done.stderr
        counts = json.loads(done.stdout.splitlines()[-1])
        assert counts.pop("seconds") >= 0
        assert counts == expected


@pytest.fixture(scope="module")
def supervisor(
    replayed: list["subprocess.CompletedProcess[str]"],
    demo: list[str],
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[walking.Supervisor]:
    """Who has the documents and the log's key alone, in an empty folder, let in as the README says first."""
    folder = Path(environment["RINGFENCE_STACK"])
    file = folder / "sandbox" / "evidence" / "log.vkey"
    key, told = file.read_text().strip(), datetime.fromtimestamp(file.stat().st_mtime, UTC)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"RINGFENCE_STACK": str(folder), "RINGFENCE_AS": "", "KEY": key}.items():
            patch.setenv(name, value)
        patch.chdir(tmp_path_factory.mktemp("supervisor"))
        made = walking.Supervisor({"TIME": f"{told:%Y-%m-%dT%H:%M:%S}", "DAY": f"{told:%Y-%m-%d}", "KEY": key})
        made.types(walking.ONLINE[0])
        made.learn((walking.GUIDE / "questions.md").read_text(encoding="utf-8"))
        yield made


def test_the_readme_leads_from_an_invitation_to_an_offline_proof(supervisor: walking.Supervisor) -> None:
    """By its lines alone, typed one after the other; the last without a network, in a shell."""
    typed = supervisor.about("18500 EUR")
    printed = [typed.types(each) for each in walking.ONLINE[1:]]
    assert all(printed)
    assert "everything agrees" in printed[0]
    proven = walking.typed_away(walking.OFFLINE)
    assert typed.values["PAYMENT"] in proven
    assert proven.splitlines()[-1].endswith("verify.html")


@pytest.mark.parametrize("guide", walking.WALKED)
def test_what_the_guides_have_typed_shows_what_they_show(
    supervisor: walking.Supervisor, guide: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command of them, of the payment that they are about."""
    monkeypatch.chdir(tmp_path)
    text = (walking.GUIDE / f"{guide}.md").read_text(encoding="utf-8")
    assert list(supervisor.about("60.25 EUR").walks(text)) == []


@pytest.mark.parametrize("question", walking.QUESTIONS, ids=[each.asked for each in walking.QUESTIONS])
def test_every_question_is_answered_in_one_command_and_on_one_page(
    supervisor: walking.Supervisor, page: walking.Page, question: walking.Question
) -> None:
    """With what the guide says that is read there."""
    assert question.read in supervisor.reads(question)
    if question.page:
        assert question.read_on_page in walking.text_of(page(supervisor.filled(question.page)))


def test_outsider_is_let_in_and_proves(supervisor: walking.Supervisor, tmp_path: Path) -> None:
    """By the lines of their own documents and the operators' alone, up to a proof without a network."""
    stack = attach(Path(os.environ["RINGFENCE_STACK"]))
    with outsider.nowhere():
        reader = outsider.let_in(stack, tmp_path, supervisor.values)
        assert list(outsider.unproven(reader)) == []
        assert "proven: fact" in walking.typed_away([f'cd "{reader.folder}"', *outsider.OFFLINE])


def test_books_of_a_replay_are_the_sum_of_its_file(supervisor: walking.Supervisor) -> None:
    """By the command that the guides have for it: what a bank's history comes to, its rounding with it."""
    ids = json.loads(supervisor.types('ringfence search "1000 CZK" --ids --json', notes=False))
    (platform,) = (each["id"] for each in ids if each["meaning"] == "platform")
    balance = supervisor.types(f"ringfence balance --platform {platform} --currency CZK --json", notes=False)
    assert [each["balance"] for each in json.loads(balance) if each["of"] == "client"] == ["149.60 CZK"]


def test_whole_log_is_verified(run: Run) -> None:
    """Every fact, every source and every service's own events agree; again, it goes on from what it has read."""
    for arguments, goes_on in (((), None), ((), True), (("--whole",), False)):
        done = run("verify", "log", *arguments)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "everything agrees"
        assert goes_on is None or ("were read before" in done.stderr) is goes_on


def test_receipt_is_verified_without_the_stack_and_a_changed_one_is_not(
    demo: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    """The receipt that the demo leaves proves a payment by the log key alone; with one letter changed it does not."""
    folder = Path(environment["RINGFENCE_STACK"]) / "sandbox" / "evidence"
    receipt, changed = folder / "LNT-0002.receipt", tmp_path / "changed.receipt"
    lines = receipt.read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace("A", "B", 1)
    changed.write_text("".join(lines))
    alone = {**environment, "RINGFENCE_STACK": str(tmp_path / "nowhere")}
    endings = [
        subprocess.run(
            [*COMMAND, "verify", "receipt", str(file), "--key", str(folder / "log.vkey")],
            env=alone,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        for file in (receipt, changed)
    ]
    assert [done.returncode for done in endings] == [0, 1]
    assert "RECONCILED" in endings[0].stdout
    assert "not proven" in endings[1].stderr


def test_part_that_dies_is_started_again(run: Run, environment: dict[str, str]) -> None:
    """A service killed with signal 9 is back soon, and what it held is still there."""
    state = Path(environment["RINGFENCE_STACK"]) / "stack.json"
    before = json.loads(state.read_text())["pids"]["custody"]
    os.kill(before, signal.SIGKILL)
    end = time.monotonic() + 60
    while json.loads(state.read_text())["pids"]["custody"] == before:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert run("accounts", "--as", "lantern-lending").returncode == 0


def test_status_tells_every_part(run: Run) -> None:
    """All parts are running or serving, and the log agrees with its sources."""
    done = run("status")
    assert done.returncode == 0, done.stderr
    assert [done.stdout.count(word) for word in ("running", "serving", "agrees")] == [3, 4, 3]


def test_ctrl_c_leaves_nothing_behind(up: "subprocess.Popen[str]", run: Run, environment: dict[str, str]) -> None:
    """Ctrl-C ends it with exit code 0; no process runs on, and no stack is found any more."""
    directory = Path(environment["RINGFENCE_STACK"])
    pids = list(json.loads((directory / "stack.json").read_text())["pids"].values())
    up.send_signal(signal.SIGINT)
    assert up.wait(60) == 0
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert run("status").returncode == 5
