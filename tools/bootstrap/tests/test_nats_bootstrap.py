"""`ringfence-nats bootstrap` on a real cluster of three: streams kept by all, drift mended, accounts as rendered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import nats
import pytest
from ringfence_bootstrap.description import SERVICES
from ringfence_bootstrap.errors import NatsRefused, Unmendable
from ringfence_bootstrap.nats.accounts import inbox_prefix
from ringfence_bootstrap.nats.command import main
from ringfence_bootstrap.nats.reconciling import apply, changes
from ringfence_bootstrap.nats.streams import stream_name
from ringfence_local_stack.processes.files import write_private
from ringfence_local_stack.processes.ports import free_ports

from .nats_cluster import Cluster, cluster_of_three
from .worlds import NAMESPACE, TRUST_DOMAIN, description

APP_ROLE = f'trust_domain = "{TRUST_DOMAIN}"\nnamespace = "{NAMESPACE}"\n[login]\nmethod = "approle"\n'

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def cluster(stack_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three servers that know the accounts and hold nothing yet."""
    described = description("approle", tmp_path_factory.mktemp("nats"))
    with cluster_of_three(tmp_path_factory.mktemp("cluster"), described) as running:
        yield running


@pytest.fixture
def filled(cluster: Cluster) -> Cluster:
    """The cluster with its streams, made anew and empty."""
    cluster.empty()
    cluster.fill()
    return cluster


@pytest.fixture
def run(cluster: Cluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `ringfence-nats bootstrap` as the administrator; returns exit code, output and errors."""
    monkeypatch.setenv("RINGFENCE_NATS_URL", cluster.urls)
    monkeypatch.setenv("RINGFENCE_NATS_CACERT", str(cluster.ca_file))
    files = cluster.admin_certificate()
    file = write_private(tmp_path / "ringfence.toml", APP_ROLE)

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        own = ("bootstrap", "--description", file, "--certificate", files.certificate, "--key", files.key)
        code = main([str(each) for each in (*own, *arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def shown(cluster: Cluster) -> list[tuple[str, str, set[str]]]:
    """Returns (sign, stream, fields) of what a plan would show."""
    found = [change.difference for change in changes(cluster.admin(), cluster.described)]
    return [(each.sign, each.path, set(each.fields)) for each in found]


async def publish(cluster: Cluster, service: str) -> str:
    """Has a service publish a notification; returns the stream that acknowledged it."""
    servers = cluster.urls.split(",")
    client = await nats.connect(
        servers,
        tls=cluster.tls_of(service),
        connect_timeout=2,
        allow_reconnect=False,
        inbox_prefix=inbox_prefix(service),
    )
    try:
        acknowledged = await client.jetstream(timeout=5).publish(f"ringfence.notify.{service}.settled", b"x")
    finally:
        await client.close()
    return str(acknowledged.stream)


def test_the_second_application_changes_nothing(cluster: Cluster, run: Run) -> None:
    """A plan says 2 and makes nothing, an application makes a stream per service on three servers, once."""
    cluster.empty()
    code, plan, _ = run("--plan")
    assert (code, plan.splitlines()[-1]) == (2, "4 to change")
    assert cluster.admin().stream_names() == []
    code, done, _ = run("--apply")
    assert (code, done.splitlines()[-1]) == (0, "4 changed")
    for service in SERVICES:
        assert f"+ {stream_name(service)}\n" in plan
        info = cluster.admin().request(f"$JS.API.STREAM.INFO.{stream_name(service)}")
        assert info["config"]["num_replicas"] == 3
        assert len(info["cluster"]["replicas"]) == 2
    before = cluster.admin().request("$JS.API.STREAM.LIST")["streams"]
    for chosen in ("--plan", "--apply"):
        assert run(chosen) == (0, "nothing to change\n", "")
    assert [each["config"] for each in cluster.admin().request("$JS.API.STREAM.LIST")["streams"]] == [
        each["config"] for each in before
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_replicas", 1),
        ("max_age", 1_000_000_000 * 3600),
        ("max_bytes", 1_048_576),
        ("max_msgs", 10),
        ("subjects", ["ringfence.notify.audit.>", "ringfence.notify.elsewhere"]),
        ("duplicate_window", 1_000_000_000),
        ("discard", "new"),
    ],
)
def test_drift_is_shown_and_mended_with_the_messages_kept(filled: Cluster, field: str, value: object) -> None:
    """A field that somebody changes by hand is the only difference, and what the stream holds stays."""
    name = stream_name("audit")
    assert asyncio.run(publish(filled, "audit")) == name
    admin = filled.admin()
    admin.request(f"$JS.API.STREAM.UPDATE.{name}", {**admin.configuration(name), field: value})
    assert shown(filled) == [("~", name, {field})]
    apply(admin, filled.described)
    assert shown(filled) == []
    assert admin.request(f"$JS.API.STREAM.INFO.{name}")["state"]["messages"] == 1


def test_what_is_deleted_is_made_again(filled: Cluster) -> None:
    """One missing stream is the only thing that is made."""
    filled.admin().request(f"$JS.API.STREAM.DELETE.{stream_name('custody')}")
    assert [each[:2] for each in shown(filled)] == [("+", stream_name("custody"))]
    assert [each.path for each in apply(filled.admin(), filled.described)] == [stream_name("custody")]


def test_what_cannot_be_mended_stops_before_anything_is_changed(filled: Cluster) -> None:
    """A stream of another kind is named, and a missing one beside it is not made."""
    admin = filled.admin()
    name, other = stream_name("audit"), stream_name("identity")
    for each in (name, other):
        admin.request(f"$JS.API.STREAM.DELETE.{each}")
    admin.request(
        f"$JS.API.STREAM.CREATE.{name}",
        {"name": name, "subjects": ["ringfence.notify.audit.>"], "retention": "workqueue", "storage": "file"},
    )
    with pytest.raises(Unmendable, match=f"stream {name} has retention 'workqueue', not 'limits'"):
        apply(admin, filled.described)
    assert other not in admin.stream_names()


def test_more_replicas_than_servers_are_refused_by_nats(filled: Cluster) -> None:
    """Five replicas on three servers end with the server's own words."""
    five = msgspec.structs.replace(filled.described.nats, replicas=5)
    with pytest.raises(NatsRefused, match=r"STREAM\.UPDATE"):
        apply(filled.admin(), msgspec.structs.replace(filled.described, nats=five))


def test_a_notification_outlives_the_loss_of_a_server(filled: Cluster) -> None:
    """With three replicas two servers acknowledge, and hold what was published before."""
    name = stream_name("custody")
    asyncio.run(publish(filled, "custody"))
    filled.processes[0].kill()
    try:
        filled.wait()
        assert asyncio.run(until_published(filled, "custody")) == name
        assert filled.admin().request(f"$JS.API.STREAM.INFO.{name}")["state"]["messages"] == 2
    finally:
        filled.processes[0].start()
        filled.wait()


async def until_published(cluster: Cluster, service: str) -> str:
    """Publishes as soon as the stream has a leader again."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await publish(cluster, service)
            except (nats.errors.Error, OSError):  # no leader yet
                await asyncio.sleep(0.1)


def test_an_address_where_nobody_listens_is_passed_by(
    filled: Cluster, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of several addresses is enough; none is a named failure."""
    (nobody,) = free_ports(1)
    monkeypatch.setenv("RINGFENCE_NATS_URL", f"tls://127.0.0.1:{nobody}, {filled.urls}")
    assert run("--plan")[0] == 0
    monkeypatch.setenv("RINGFENCE_NATS_URL", f"127.0.0.1:{nobody}")
    code, _, said = run("--plan")
    assert code == 1
    assert said.startswith("ringfence-nats: NATS: ")
    for variable, value, error in (
        ("RINGFENCE_NATS_URL", "tls://", "RINGFENCE_NATS_URL is not a list of addresses"),
        ("RINGFENCE_NATS_URL", "", "RINGFENCE_NATS_URL is not set"),
        ("RINGFENCE_NATS_CACERT", "/nowhere", "/nowhere, "),
    ):
        monkeypatch.setenv("RINGFENCE_NATS_URL", filled.urls)
        monkeypatch.setenv(variable, value)
        code, _, said = run("--plan")
        assert code == 1
        assert said.startswith(f"ringfence-nats: {error}")


def test_a_service_cannot_be_the_administrator(filled: Cluster, run: Run) -> None:
    """With the certificate of a service nothing is read."""
    files = filled.certificate(filled.described.service_id("custody"), "custody")
    code, _, said = run("--plan", "--certificate", files.certificate, "--key", files.key)
    assert code == 1
    assert "Permissions Violation" in said


def test_the_accounts_file_is_kept_as_described(filled: Cluster, run: Run, tmp_path: Path) -> None:
    """It is written once; a permission that somebody adds is shown by user, and is gone afterwards."""
    file = tmp_path / "accounts.conf"
    code, plan, _ = run("--plan", "--accounts-file", file)
    assert (code, file.exists(), plan.splitlines()[0]) == (2, False, f"+ {file}")
    assert run("--apply", "--accounts-file", file)[0] == 0
    rendered = file.read_text()
    assert run("--plan", "--accounts-file", file) == (0, "nothing to change\n", "")
    content = json.loads(rendered)
    content["accounts"]["RINGFENCE"]["users"][1]["permissions"]["publish"]["allow"].append(">")
    for broken, line in (
        (json.dumps(content, indent=2), f"spiffe://{TRUST_DOMAIN}/service/custody.publish.allow: ["),
        ("accounts: {}", f"spiffe://{TRUST_DOMAIN}/service/custody: null -> "),
        (rendered + "# by hand", "spiffe://"),
    ):
        file.write_text(broken)
        code, plan, _ = run("--plan", "--accounts-file", file)
        assert (code, plan.splitlines()[0]) == (2, f"~ {file}")
        assert line in plan
        assert run("--apply", "--accounts-file", file)[0] == 0
        assert file.read_text() == rendered


def test_the_accounts_can_be_had_before_there_is_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`accounts` prints what the servers include: one account, its users by SPIFFE id, no password."""
    file = write_private(tmp_path / "ringfence.toml", APP_ROLE)
    assert main(["accounts", "--description", str(file)]) == 0
    (account,) = json.loads(capsys.readouterr().out)["accounts"].values()
    assert [set(user) for user in account["users"]] == [{"user", "permissions"}] * 5
    assert [user["user"].rsplit("/", 1)[-1] for user in account["users"]] == [*SERVICES, "nats-admin"]
