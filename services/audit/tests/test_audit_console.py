"""The console that audit serves: to readers by their certificates, each view a fact of the log; nothing acts."""

from __future__ import annotations

import http.client
import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from ringfence_audit.log.domain.leaf import decode
from ringfence_kernel.values.ids import new_id, show
from ringfence_local_stack.processes.files import private_folder
from ringfence_local_stack.processes.ports import free_ports
from ringfence_local_stack.servers.certificates import CertificateFiles
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.openbao import OpenBaoServer
from ringfence_protos.audit.v1 import audit_pb2

from .feeds import accounts_created, identifier
from .process import AuditProcess, Reader, serving
from .test_audit_tiles import Tiles

OPERATOR, OURS = identifier("operator"), identifier("platform-ours")


@dataclass
class Answer:
    """A page as it came."""

    status: int
    headers: http.client.HTTPMessage
    text: str


@dataclass
class Console:
    """The console as somebody's browser has it."""

    service: AuditProcess
    port: int
    tiles: Tiles
    overseer: Reader
    """Who is shown the register."""

    def reader(self, *platforms: bytes, kind: str = "REGULATOR") -> Browser:
        """Gives the browser of somebody new, granted these platforms, or everything."""
        principal = new_id()
        folder = private_folder(self.service.folder / "readers")
        files = self.service.openbao.issue_principal_certificate(show(principal), folder)
        feed = self.service.feeds["identity"]
        shown = x509.load_pem_x509_certificate(files.certificate.read_bytes()).fingerprint(SHA256())
        fields = {"principal": principal, "kind": kind, "name": "", "tenant": b"", "public_key": b"k" * 32}
        feed.add(
            "PrincipalRegistered.v1",
            {**fields, "certificate_sha256": shown, "active": True, "by": OPERATOR, "person": b"", "until_ns": 0},
            principal,
        )
        if platforms:
            grant = {"principal": principal, "grant": new_id(), "platforms": [each.hex() for each in platforms]}
            times = {"jurisdictions": [], "from_ns": 0, "until_ns": 0}
            feed.add("AccessGranted.v1", {**grant, **times, "case_reference": "case 7", "by": OPERATOR}, principal)
        self.tiles.settled()
        return Browser(self, principal, files)

    def reads(self, principal: bytes) -> list[dict[str, Any]]:
        """Reads from the log what somebody has read."""
        self.tiles.still()
        found, first = list[dict[str, Any]](), 0
        while True:
            request = audit_pb2.ListLeavesRequest(from_index=first, limit=10_000)
            leaves = self.tiles.regulator.call("ListLeaves", request).leaves
            if not leaves:
                return found
            read = [decode(each.content) for each in leaves]
            found += [
                dict(fields) for kind, fields in read if kind == "audit.read.v1" and fields["reader_id"] == principal
            ]
            first = leaves[-1].index + 1

    def views(self, principal: bytes) -> list[tuple[Any, Any]]:
        """Gives page and query of each view of somebody."""
        return [
            (
                each.get("page"),
                str(UUID(bytes=subject)) if (subject := each.get("query_subject_id")) else each.get("query_leaf_index"),
            )
            for each in self.reads(principal)
            if each["method"] == "View"
        ]

    def register(self, platform: bytes, reader: bytes) -> list[Any]:
        """Reads from the register what somebody has read of a platform."""
        self.tiles.still()
        request = audit_pb2.ListReadsRequest(tenant_id=platform, reader_id=reader)
        return list(self.overseer.call("ListReads", request).reads)

    def suspend(self, principal: bytes) -> None:
        """Has an operator stop somebody."""
        fields = {"principal": principal, "note": "left", "by": OPERATOR}
        self.service.feeds["identity"].add("PrincipalSuspended.v1", fields, principal)
        self.tiles.settled()


@dataclass
class Browser:
    """Somebody's browser."""

    console: Console
    principal: bytes
    files: CertificateFiles | None

    def open(self, path: str, method: str = "GET", body: str = "", **headers: str) -> Answer:
        """Opens a page on a connection of its own."""
        context = ssl.create_default_context(cafile=str(self.console.service.folder / "workload-ca.pem"))
        if self.files is not None:
            context.load_cert_chain(self.files.certificate, self.files.key)
        connection = http.client.HTTPSConnection("localhost", self.console.port, timeout=20, context=context)
        try:
            connection.request(method, path, body=body or None, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def console(
    openbao_server: OpenBaoServer, database: Callable[[str], Database], stack_folder: Path
) -> Iterator[Console]:
    """A running service whose log has facts of two platforms."""
    tiles_port, port = free_ports(2)
    folder = stack_folder / f"audit-{new_id().hex()}"
    listens = {
        "RINGFENCE_TILES_LISTEN": f"127.0.0.1:{tiles_port}",
        "RINGFENCE_CONSOLE_LISTEN": f"127.0.0.1:{port}",
    }
    with serving(openbao_server, database("audit"), folder, **listens) as running:
        running.feeds["custody"].add("AccountsCreated.v1", accounts_created("ours", "ours too"), OURS)
        regulator: Reader = running.reader("audit.read")
        overseer = running.reader("audit.reads")
        reading = Tiles(running, tiles_port, regulator)
        reading.settled()
        yield Console(running, port, reading, overseer)


def indexes(console: Console) -> dict[bytes, int]:
    """Finds an account of each platform: where its opening is in the log."""
    leaves = console.tiles.regulator.call("ListLeaves", audit_pb2.ListLeavesRequest(limit=1_000)).leaves
    read = [(each.index, *decode(each.content)) for each in leaves]
    return {fields["tenant_id"]: index for index, kind, fields in read if kind == "custody.account.v1"}


def test_readers_alone_are_shown_pages(console: Console) -> None:
    """By a certificate that is pinned for somebody who may read; whoever is suspended is shown none any more."""
    nobody = Browser(console, b"", None)
    assert (nobody.open("/log").status, nobody.open("/log").text) == (401, "CERTIFICATE_REQUIRED\n")
    platform = console.reader(kind="PLATFORM")
    assert (platform.open("/log").status, platform.open("/log").text) == (403, "CONSOLE_NOT_OPEN\n")
    for kind in ("REGULATOR", "AUDITOR"):
        reader = console.reader(kind=kind)
        assert reader.open("/log").status == 200
        console.suspend(reader.principal)
        assert (reader.open("/log").status, reader.open("/log").text) == (403, "PRINCIPAL_SUSPENDED\n")


def test_a_view_is_one_fact_and_the_same_again_is_none(console: Console) -> None:
    """With its page and what was asked; assets, the log's standing and a refresh are none."""
    reader, index = console.reader(), indexes(console)[OURS]
    page = reader.open(f"/fact/{index}")
    assert page.status == 200
    for _ in range(2):
        assert reader.open(f"/fact/{index}").status == 200
    style, *_ = re.findall(r'rel="stylesheet" href="([^"]+)"', page.text)
    assert reader.open(style).status == 200
    assert reader.open("/log").status == 200
    assert console.views(reader.principal) == [("fact", index)]
    assert reader.open("/fact/0").status == 200
    other = console.reader()
    assert other.open(f"/fact/{index}").status == 200
    assert console.views(reader.principal) == [("fact", index), ("fact", 0)]
    assert console.views(other.principal) == [("fact", index)]


def test_a_view_that_cannot_be_logged_is_not_shown(console: Console) -> None:
    """What is not there is not logged either: nothing was shown."""
    reader = console.reader()
    assert reader.open("/fact/999999").status == 404
    assert console.views(reader.principal) == []


def test_a_reader_of_one_platform_sees_no_other(console: Console) -> None:
    """A fact of another platform is answered like one that is not there; what all have come to is not told."""
    reader, found = console.reader(OURS), indexes(console)
    (theirs,) = [index for platform, index in found.items() if platform != OURS]
    assert reader.open(f"/fact/{found[OURS]}").status == 200
    foreign, missing = reader.open(f"/fact/{theirs}"), reader.open("/fact/999999")
    assert (foreign.status, missing.status) == (404, 404)
    # They differ in the address alone, to which a choice of language comes back.
    assert re.sub(r"fact(?:%2F|/)\d+", "", foreign.text) == re.sub(r"fact(?:%2F|/)\d+", "", missing.text)
    assert "custody" in console.reader().open("/log").text
    assert "up to event" not in reader.open("/log").text


def test_everything_about_an_id_is_one_fact(console: Console) -> None:
    """However many questions the page asks, and if there is nothing; another platform's facts are not there."""
    account, nothing = UUID(bytes=identifier("ours")), UUID(int=7)
    reader, stranger = console.reader(OURS), console.reader(new_id())
    page = reader.open(f"/about/{account}")
    assert page.status == 200
    assert "/fact/" in page.text
    assert reader.open(f"/about/{account}").status == 200
    assert reader.open(f"/about/{nothing}").status == 200
    assert console.views(reader.principal) == [("about", str(account)), ("about", str(nothing))]
    assert stranger.open(f"/about/{account}").text.count("/fact/") == 0


def test_every_way_to_look_at_an_id_is_a_fact_about_that_id(console: Console) -> None:
    """Traces, statements of some days and files: whoever looks at another id, or otherwise, is logged again, once."""
    ours, other = UUID(bytes=identifier("ours")), UUID(bytes=identifier("ours too"))
    reader = console.reader()
    days = "from=2026-01-01&to=2026-01-31"
    asked = [
        ("trace", ours, ""),
        ("trace", other, ""),
        ("trace", ours, "?depth=3"),
        ("account", ours, ""),
        ("account", ours, f"?{days}"),
        ("account", ours, "/csv"),
        ("account", other, f"/csv?{days}"),
        ("account", other, f"/json?{days}"),
    ]
    for _ in range(2):
        for page, identified, options in asked:
            assert reader.open(f"/{page}/{identified}{options}").status in (200, 404)
        # That somebody has looked is a fact about it too, which is no reason to log that the same one looks again.
        console.tiles.still()
    assert console.views(reader.principal) == [(page, str(identified)) for page, identified, _ in asked]


def test_nothing_is_called_proven_that_nobody_has_proven(console: Console) -> None:
    """Neither that all is shown, nor that the log goes on; what is not known is not shown as a number."""
    account = UUID(bytes=identifier("ours"))
    for reader in (console.reader(), console.reader(OURS)):
        for path in (f"/about/{account}", f"/account/{account}"):
            text = reader.open(path).text
            assert "is not proven" in text, path
            assert ", proven" not in text, path
        log = reader.open("/log").text
        for false in (
            "First visit",
            "remembered from now on",
            "nothing has changed",
            "No witnesses",
            "witnesses named",
        ):
            assert false not in log, false
        assert "nobody has compared it" in log
    for told in ("can be asked for with proof", "balances are over"):
        assert told in console.reader().open("/log").text
        assert told not in console.reader(OURS).open("/log").text


def test_books_reports_and_the_register_are_views(console: Console) -> None:
    """Each one fact about its platform, whatever it asks; where two instants are compared too."""
    reader, whose = console.reader(), UUID(bytes=OURS)
    books = reader.open("/books")
    assert books.status == 200, books.text
    assert str(whose) in books.text
    assert reader.open(f"/books?book={whose}:978&than=2020-01-01").status == 200
    about = f"/reports?about=6&platform={whose}&day=2026-01-31"
    report = reader.open(about)
    assert report.status == 200
    assert str(whose) in report.text
    assert reader.open("/access").status == 200
    assert [page for page, _ in console.views(reader.principal)] == ["books", "books", "reports", "access"]
    assert console.views(reader.principal)[1:3] == [("books", str(whose)), ("reports", str(whose))]
    assert ">View<" not in (register := reader.open("/access").text)
    assert f"/people/{UUID(bytes=reader.principal)}" in register


def test_a_first_look_is_one_fact_about_what_is_shown(console: Console) -> None:
    """Books by one fold and the newest facts, none of them called proven; of one platform that one's alone."""
    (theirs,) = [platform for platform in indexes(console) if platform != OURS]
    whole, limited = console.reader(), console.reader(OURS)
    # Money moves in the other one's book that no bank has.
    told = ((whole, 2, "No: 1 of 2 books have a shortfall"), (limited, 1, "1 of 1 books are covered"))
    for reader, books, verdict in told:
        page = reader.open("/")
        assert page.status == 200, page.text
        (head,) = re.findall(r"<h1.*?</h1>", page.text, re.DOTALL)
        assert verdict in head
        assert page.text.count('class="card equation') == books
        assert "payments are not counted here" in page.text
        assert "Yes:" not in page.text
        assert console.views(reader.principal) == [("overview", None)]
    assert {each.page for each in console.register(OURS, limited.principal)} == {"overview"}
    assert console.register(theirs, limited.principal) == []
    assert {each.page for each in console.register(theirs, whole.principal)} == {"overview"}
    linked = set(re.findall(r"/fact/(\d+)", limited.open("/").text))
    assert str(indexes(console)[theirs]) not in linked


def test_a_reader_of_one_platform_is_told_of_one(console: Console) -> None:
    """Books of another are as those of a platform that there is not, and none of its reads are listed."""
    (theirs,) = [platform for platform in indexes(console) if platform != OURS]
    reader, whole = console.reader(OURS), console.reader()
    assert whole.open(f"/books?book={UUID(bytes=theirs)}:978").status == 200
    for path in ("/books", "/reports", "/access"):
        assert str(UUID(bytes=theirs)) not in reader.open(path).text, path
    asked = "/books?book={}:978"
    foreign, missing = (reader.open(asked.format(UUID(bytes=each))) for each in (theirs, new_id()))
    assert (foreign.status, missing.status) == (404, 404)
    assert f"/people/{UUID(bytes=whole.principal)}" not in reader.open("/access").text


def test_what_is_found_is_one_fact(console: Console) -> None:
    """A look-up for a reason is the view itself, by all its ways; without a reason nothing is looked up or logged."""
    reader = console.reader()
    assert "A reason is asked for" in reader.open("/find?q=LNT-0005").text
    assert console.reads(reader.principal) == []
    # Nobody is identity here: what is asked of it is refused, after the log has it.
    led = reader.open("/find?q=LNT-0005&reason=case+7").headers["location"]
    assert ["PEER_REFUSED" in reader.open(led).text for _ in range(2)] == [True, True]
    [looked_up] = console.reads(reader.principal)
    assert (looked_up["method"], looked_up["query_by"]) == ("LookUp", "text name identity_number")
    assert "query_reason_commitment" in looked_up
    assert reader.open("/find?q=12.34+EUR").status == 200
    day = reader.open("/find?q=2026-01-31")
    assert (day.status, day.text.count('href="/fact/')) == (200, 0)
    amount, of_day = console.reads(reader.principal)[1:]
    assert [each.get("page") for each in (amount, of_day)] == ["find", "find"]
    assert of_day["query_until_ns"] - of_day["query_from_ns"] == 24 * 3_600 * 10**9
    assert "query_from_ns" not in amount
    assert len(console.register(OURS, reader.principal)) == 3, "what was found may be anybody's"
    typed = UUID(bytes=identifier("ours"))
    assert reader.open(f"/find?q={typed}").headers["location"] == f"/about/{typed}"


def test_a_disclosure_is_logged_before_it_is_refused(console: Console) -> None:
    """Of a fact that has sealed nothing; without a reason it is not asked for."""
    reader, index = console.reader(), indexes(console)[OURS]
    assert reader.open(f"/disclosed?fact={index}").status == 400
    assert console.reads(reader.principal) == []
    led = reader.open(f"/disclosed?fact={index}&reason=case+7").headers["location"]
    for _ in range(2):
        refused = reader.open(led)
        assert (refused.status, "NOTHING_SEALED" in refused.text) == (403, True)
    assert console.reader().open(led).status == 404
    assert [each["method"] for each in console.reads(reader.principal)] == ["Disclose"]


def test_a_principal_is_shown_by_what_the_log_has_of_it(console: Console) -> None:
    """Its role and certificate, in one view."""
    reader = console.reader(kind="AUDITOR")
    page = reader.open(f"/people/{UUID(bytes=reader.principal)}")
    assert "Auditor" in page.text
    assert "Certificates and devices" in page.text
    assert console.views(reader.principal) == [("people", str(UUID(bytes=reader.principal)))]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_nothing_here_acts(console: Console, method: str) -> None:
    """There is no `Work`: whoever asks for its routes is told that they are not there."""
    reader = console.reader()
    ours = {"origin": f"https://localhost:{console.port}", "sec-fetch-site": "same-origin"}
    for path in ("/matters", "/matters/approval/x", "/matters/approval/x/approve", "/acts/x", "/day", "/health"):
        assert reader.open(path, method, **ours).status == 404, path
    assert reader.open("/log", "POST", "form=x", **ours).status == 405


def test_another_name_is_not_ours(console: Console) -> None:
    """A foreign `Host`, or an `Origin` of another site, is shown nothing."""
    reader = console.reader()
    assert reader.open("/log", host="elsewhere.example").status == 421
    assert reader.open("/log", origin="https://elsewhere.example").status == 403
    assert reader.open("/log").headers["content-security-policy"].startswith("default-src 'none'")


def test_no_other_site_brings_a_view_about(console: Console) -> None:
    """It would stand in the log as its reader's: what a link or picture elsewhere asks for is refused, not logged."""
    reader = console.reader()
    for site in ("cross-site", "same-site"):
        answer = reader.open("/fact/0", **{"sec-fetch-site": site})
        assert (answer.status, answer.text) == (403, "ASKED_BY_ANOTHER_SITE\n")
    assert console.views(reader.principal) == []
    assert reader.open("/fact/0", **{"sec-fetch-site": "same-origin"}).status == 200
