"""`ringfence-vault bootstrap` on a real, empty OpenBao: idempotent, sees drift, mends it, and goes on after a crash."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hvac.exceptions
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from ringfence_bootstrap.description import SERVICES, Description
from ringfence_bootstrap.errors import Unmendable
from ringfence_bootstrap.plan import Difference
from ringfence_bootstrap.vault.administrator import administrator_rules
from ringfence_bootstrap.vault.api import Answer, VaultApi
from ringfence_bootstrap.vault.desired import AUTHORITIES, REGISTERS, TRANSIT_KEYS, desired
from ringfence_bootstrap.vault.items import policy_document
from ringfence_bootstrap.vault.logins import roles_path
from ringfence_bootstrap.vault.policies import policies
from ringfence_bootstrap.vault.reconciling import apply, changes
from ringfence_local_stack.pytest_plugin import running_blank_openbao
from ringfence_local_stack.servers.openbao import OpenBaoServer

from .worlds import METHODS, TRUST_DOMAIN, description, with_policy


@dataclass(frozen=True)
class Installed:
    """An installation in a Vault of its own; each test leaves it as described."""

    method: str
    described: Description
    vault: VaultApi


@pytest.fixture(scope="module", params=METHODS)
def installed(
    request: pytest.FixtureRequest, stack_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installed]:
    """One for each way to log in."""
    described = description(request.param, tmp_path_factory.mktemp(request.param))
    with running_blank_openbao(stack_folder) as server:
        apply(server.admin(), described)
        yield Installed(request.param, described, server.admin())


def pending(vault: VaultApi, described: Description) -> list[Difference]:
    """Returns what a plan would show."""
    return [change.difference for change in changes(vault, described)]


def operations(server: OpenBaoServer, start: int = 0) -> set[str]:
    """Returns the kinds of request since a size of the audit log, without looking up one's own token."""
    with server.audit_file.open() as log:
        log.seek(start)
        requests = [json.loads(line).get("request", {}) for line in log]
    return {each["operation"] for each in requests if each.get("path") != "auth/token/lookup-self"}


@pytest.mark.parametrize("method", METHODS)
def test_the_second_application_changes_nothing(blank_openbao: OpenBaoServer, tmp_path: Path, method: str) -> None:
    """All that is described is made once; then neither a plan nor an application writes anything."""
    described, vault = description(method, tmp_path), blank_openbao.admin()
    assert [each.path for each in pending(vault, described)] == [item.path for item in desired(described)]
    made = apply(vault, described)
    assert {each.sign for each in made} == {"+"}
    size = blank_openbao.audit_file.stat().st_size
    assert pending(vault, described) == []
    assert apply(vault, described) == []
    assert operations(blank_openbao, size) == {"read", "list"}


def test_a_plan_changes_nothing(blank_openbao: OpenBaoServer, tmp_path: Path) -> None:
    """A plan of everything reads, lists, and is the same again."""
    described, vault = description("kubernetes", tmp_path), blank_openbao.admin()
    size = blank_openbao.audit_file.stat().st_size
    assert pending(vault, described) == pending(vault, described) != []
    assert operations(blank_openbao, size) <= {"read", "list"}


def tampering(described: Description) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Yields (path that a plan should show, path to write, what) for every object that can be changed by hand."""
    for item in desired(described):
        name = item.path.rsplit("/", 1)[-1]
        if item.path.startswith("sys/policies/acl/"):
            yield item.path, item.path, {"policy": '{"path":{"*":{"capabilities":["sudo","update"]}}}'}
        elif "/roles/" in item.path:
            yield item.path, item.path, {**item.fields, "allow_any_name": True}
            yield item.path, item.path, {**item.fields, "allowed_domains": ["example.com"], "allow_subdomains": True}
            yield item.path, item.path, {**item.fields, "max_ttl": 9_999_999}
        elif item.path.startswith(f"{roles_path(described)}/"):
            yield item.path, item.path, {**item.fields, "token_policies": [name, "operator"]}
            yield item.path, item.path, {**item.fields, "token_period": 86_400}
        elif item.path.startswith("transit/keys/"):
            yield item.path, f"{item.path}/config", {"deletion_allowed": True}
        elif item.path.startswith(("sys/mounts/", "sys/auth/")):
            yield item.path, f"{item.path}/tune", {"max_lease_ttl": "25h"}


def test_drift_is_shown_and_mended(installed: Installed) -> None:
    """Every object that somebody changes by hand is shown as the only difference, and is as described afterwards.

    What an application returns is the plan that it has looked up before. What is no way to log in is the same for all.
    """
    method, described, vault = installed.method, installed.described, installed.vault
    tampered = set()
    for path, target, body in tampering(described):
        if method != METHODS[0] and not path.startswith(("sys/auth/", f"{roles_path(described)}/")):
            tampered.add(path)
            continue
        vault.write(target, **body)
        assert [(each.sign, each.path) for each in apply(vault, described)] == [("~", path)], body
        tampered.add(path)
    untouched = {item.path for item in desired(described)} - tampered
    begun = {f"{mount}/config/issuers" for mount in AUTHORITIES} | {f"registers/data/{name}" for name in REGISTERS}
    assert untouched == begun | (set() if method == "approle" else {f"auth/{method}/config"})


BELIEVED: dict[str, list[dict[str, object]]] = {
    "approle": [],
    "jwt": [{"bound_issuer": "https://elsewhere.example"}, {"default_role": "custody"}],
    "kubernetes": [{"kubernetes_host": "https://127.0.0.1:9"}, {"token_reviewer_jwt": "another's"}],
}


def test_drift_of_who_is_believed_is_mended(installed: Installed) -> None:
    """The configuration of the method, by which Vault believes a token, is compared field by field.

    But for the reviewer's token, which Vault never shows.
    """
    method, described, vault = installed.method, installed.described, installed.vault
    for change in BELIEVED[method]:
        config = next(item for item in desired(described) if item.path == f"auth/{method}/config")
        vault.write(config.path, **{**config.fields, **config.secret, **change})
        shown = {name for each in pending(vault, described) for name in each.fields}
        assert shown == set(change) - {"token_reviewer_jwt"}
        apply(vault, described)
        assert pending(vault, described) == []


def test_what_is_deleted_is_made_again(installed: Installed) -> None:
    """Roles and policies that somebody deletes are shown as missing and come back; keys are what they were."""
    described, vault = installed.described, installed.vault
    keys = {name: vault.data(f"transit/keys/{name}") for name in TRANSIT_KEYS}
    gone = [
        item.path
        for item in desired(described)
        if item.path.startswith(("sys/policies/", "pki-workload/roles", "pki-client/roles", roles_path(described)))
    ]
    for path in gone:
        vault.delete(path)
    assert [(each.sign, each.path) for each in apply(vault, described)] == [("+", path) for path in gone]
    assert {name: vault.data(f"transit/keys/{name}") for name in TRANSIT_KEYS} == keys


def test_a_role_that_nobody_described_is_removed(installed: Installed) -> None:
    """A further role of our issuers, or one that gives away our policies, is shown and removed; others' are left."""
    described, vault = installed.described, installed.vault
    role = next(item for item in desired(described) if item.path == f"{roles_path(described)}/custody")
    stranger, neighbour = f"{roles_path(described)}/stranger", f"{roles_path(described)}/neighbour"
    vault.write("pki-workload/roles/anybody", allow_any_name=True)
    vault.write(stranger, **role.fields)
    vault.write(neighbour, **{**role.fields, "token_policies": ["of-somebody-else"]})
    removed = [("-", "pki-workload/roles/anybody"), ("-", stranger)]
    assert [(each.sign, each.path) for each in pending(vault, described)] == removed
    apply(vault, described)
    assert vault.data(stranger) is None
    assert vault.data(neighbour) is not None
    vault.delete(neighbour)


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("sys/mounts/transit", {"type": "kv"}, "sys/mounts/transit has type 'kv', not 'transit'"),
        ("sys/auth/kubernetes", {"type": "userpass"}, "sys/auth/kubernetes has type 'userpass', not 'kubernetes'"),
    ],
)
def test_what_cannot_be_mended_stops_before_anything_is_changed(
    blank_openbao: OpenBaoServer, tmp_path: Path, path: str, body: dict[str, object], said: str
) -> None:
    """An engine or method of another kind at our place is named, and nothing is written beside it."""
    described, vault = description("kubernetes", tmp_path), blank_openbao.admin()
    vault.write(path, **body)
    size = blank_openbao.audit_file.stat().st_size
    with pytest.raises(Unmendable, match=said):
        apply(vault, described)
    assert operations(blank_openbao, size) <= {"read", "list"}


def test_a_key_that_could_leave_is_never_taken_for_ours(blank_openbao: OpenBaoServer, tmp_path: Path) -> None:
    """An exportable key under our name stops the bootstrap: it may have been copied."""
    described, vault = description("approle", tmp_path), blank_openbao.admin()
    vault.write("sys/mounts/transit", type="transit")
    vault.write("transit/keys/identity-token", type="ed25519", exportable=True)
    with pytest.raises(Unmendable, match="transit/keys/identity-token has exportable True, not False"):
        apply(vault, described)


@pytest.mark.parametrize("mount", AUTHORITIES)
def test_an_authority_without_a_default_is_not_made_anew(
    blank_openbao: OpenBaoServer, tmp_path: Path, mount: str
) -> None:
    """While there are issuers of which none is the default, the run stops: who is trusted stays the only one."""
    described, vault = description("approle", tmp_path), blank_openbao.admin()
    vault.write(f"sys/mounts/{mount}", type="pki")
    ours = vault.write(f"{mount}/root/generate/internal", common_name="ours")["data"]["issuer_id"]
    other = vault.write(f"{mount}/root/generate/internal", common_name="another")["data"]["issuer_id"]
    vault.write(f"{mount}/config/issuers", default=other)
    vault.delete(f"{mount}/issuer/{other}")
    size = blank_openbao.audit_file.stat().st_size
    with pytest.raises(Unmendable, match=f"{mount}/config/issuers names none of 1 at {mount}/issuers .{ours}"):
        apply(vault, described)
    assert operations(blank_openbao, size) <= {"read", "list"}
    vault.write(f"{mount}/config/issuers", default=ours)
    apply(vault, described)
    assert vault.names(f"{mount}/issuers") == [ours]


class Crashing(VaultApi):
    """A session that ends with the process after so many changes."""

    def __init__(self, server: OpenBaoServer, writes: int) -> None:
        super().__init__(server.address, server.ca_file, server.admin_token)
        self._left = writes

    def call(self, method: str, path: str, **options: object) -> Answer:
        """Makes the request while there is life left."""
        if method in ("put", "delete"):
            if not self._left:
                raise KeyboardInterrupt
            self._left -= 1
        return super().call(method, path, **options)


def test_a_crash_after_any_change_is_made_good_by_the_next_run(blank_openbao: OpenBaoServer, tmp_path: Path) -> None:
    """Killed after every single change, the bootstrap goes on where it was and ends as it would have in one run."""
    described = description("kubernetes", tmp_path)
    crashes = 0
    while left := pending(blank_openbao.admin(), described):
        try:
            apply(Crashing(blank_openbao, writes=1), described)
        except KeyboardInterrupt:
            crashes += 1
        now = pending(blank_openbao.admin(), described)
        assert [each.path for each in now] == [each.path for each in left[1:]]
    assert crashes == len(list(desired(described))) - 1


@pytest.mark.parametrize("method", METHODS)
def test_the_administrator_needs_no_more_than_the_derived_policy(
    blank_openbao: OpenBaoServer, tmp_path: Path, method: str
) -> None:
    """Under it everything is planned, made, mended and removed, and nothing else can be done."""
    described, root = description(method, tmp_path), blank_openbao.admin()
    root.write("sys/policies/acl/bootstrap", policy=policy_document(administrator_rules(described)))
    administrator = with_policy(blank_openbao, "bootstrap")
    apply(administrator, described)
    for _, target, body in tampering(described):
        root.write(target, **body)
    root.write("pki-client/roles/anybody", allow_any_name=True)
    assert pending(administrator, described)
    apply(administrator, described)
    assert pending(root, described) == []
    for path, body in {
        "transit/sign/identity-token": {"input": "eA=="},
        "transit/keys/identity-token/rotate": {},
        "pki-workload/sign/custody": {"csr": ""},
        "sys/policies/acl/root-like": {"policy": "{}"},
        "auth/token/create": {},
        "sys/mounts/other": {"type": "kv"},
    }.items():
        with pytest.raises(hvac.exceptions.Forbidden):
            administrator.write(path, **body)


def test_every_workload_has_a_policy_and_a_role_of_its_own(tmp_path: Path) -> None:
    """No service shares a policy, nor a workload of the platform, and each role gives exactly one."""
    for method in METHODS:
        described = description(method, tmp_path)
        roles = {item.path: item.fields for item in desired(described) if item.path.startswith(roles_path(described))}
        assert {path.rsplit("/", 1)[-1]: fields["token_policies"] for path, fields in roles.items()} == {
            role: [role] for role in (*SERVICES, *described.platform)
        }
        assert set(policies(described)) == {*SERVICES, *described.platform, "operator"}
        assert (method == "approle") is not bool(described.platform)


CERTIFICATES = [
    ("custody", "service/custody", ["custody", "custody-2.custody.ringfence.svc", "custody.ringfence.svc"], True),
    ("custody", "service/custody", ["custody-0.custody.ringfence.svc.cluster.local"], True),
    ("custody", "service/custody", ["custody-3.custody.ringfence.svc"], False),
    ("custody", "service/custody", ["custody-0.custody.elsewhere.svc"], False),
    ("custody", "service/custody", ["identity-0.identity.ringfence.svc"], False),
    ("custody", "service/custody", ["identity.example.com"], False),
    ("custody", "service/custody", ["localhost"], False),
    ("custody", "service/identity", ["custody"], False),
    ("identity", "service/identity", ["identity-1.identity.ringfence.svc", "identity.example.com"], True),
    ("nats", "infrastructure/nats", ["nats-0.nats.ringfence.svc", "nats.ringfence.svc"], True),
    ("nats", "infrastructure/nats", ["custody"], False),
    ("nats-admin", "infrastructure/nats-admin", [], True),
    ("nats-admin", "infrastructure/nats-admin", ["nats.ringfence.svc"], False),
]


@pytest.mark.parametrize(("role", "uri", "names", "may"), CERTIFICATES)
def test_a_certificate_bears_the_namespaces_names_and_no_others(
    installed: Installed, role: str, uri: str, names: list[str], may: bool
) -> None:
    """A pod of a service is named as its StatefulSet names it; another's name, namespace or a fourth pod is refused."""
    request = csr(f"spiffe://{TRUST_DOMAIN}/{uri}", names)
    if may:
        signed = installed.vault.write(f"pki-workload/sign/{role}", csr=request)["data"]["certificate"]
        found = x509.load_pem_x509_certificate(signed.encode())
        bears = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert bears.get_values_for_type(x509.DNSName) == names
    else:
        with pytest.raises(hvac.exceptions.InvalidRequest):
            installed.vault.write(f"pki-workload/sign/{role}", csr=request)


def csr(uri: str, names: list[str]) -> str:
    """A PEM request with a URI and DNS names."""
    bears = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri), *map(x509.DNSName, names)])
    builder = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(bears, critical=False)
    signed = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()
