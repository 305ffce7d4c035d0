"""Every service × every path × every capability, on a real OpenBao with each service's own token.

Nothing in the rows is written down: what may be done is what the code of services and kernel asks for, read from the
code, and what each of the kernel's calls asks of the server, read from the server's log.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import hvac.exceptions
import pytest
from ringfence_bootstrap.description import SERVICES, Description
from ringfence_bootstrap.vault.api import VaultApi
from ringfence_bootstrap.vault.desired import AUTHORITIES, desired
from ringfence_bootstrap.vault.items import policy_document
from ringfence_bootstrap.vault.logins import roles_path
from ringfence_bootstrap.vault.policies import policies
from ringfence_bootstrap.vault.reconciling import apply
from ringfence_kernel.vault import AppRole, Vault, VaultOptions, VaultRefused
from ringfence_local_stack.pytest_plugin import running_blank_openbao
from ringfence_local_stack.servers.certificates import signing_request
from ringfence_local_stack.servers.openbao import OpenBaoServer

from .vault_uses import ENGINES, Use, helped_by, methods, names_by_kind, token_calls, uses_of, uses_of_every_service
from .worlds import TRUST_DOMAIN, description, with_policy

Rows = Mapping[str, frozenset[tuple[str, str]]]

PRINCIPAL = f"spiffe://{TRUST_DOMAIN}/principal/01938c2e-6f3a-7c41-9b52-3f8d1a2b4c5d"
OWN_END = "auth/token/revoke-self"
"""What any session may do although no code does it: end."""
MERGE = {"Content-Type": "application/merge-patch+json"}
REQUESTS: tuple[tuple[frozenset[str], str, Mapping[str, Any]], ...] = (
    (frozenset({"create", "update"}), "put", {"json": {}}),
    (frozenset({"read"}), "get", {}),
    (frozenset({"patch"}), "patch", {"json": {}, "headers": MERGE}),
    (frozenset({"delete"}), "delete", {}),
    (frozenset({"list"}), "list", {}),
)
"""Capabilities, and the request that asks for one of them: a path that is not there yet is created, else updated."""


def request_for(uri: str) -> str:
    """A PEM request that names one URI."""
    return signing_request(uri, on_loopback=False).csr


UPDATE = frozenset({"create", "update"})
NATS, NATS_ADMIN = ("pki-workload/sign/nats", "update"), ("pki-workload/sign/nats-admin", "update")
SAVED, END = ("sys/storage/raft/snapshot", "read"), (OWN_END, "update")
ON_ERRANDS = (NATS, NATS_ADMIN, SAVED)
ROTATED = ("identity-token", "identity-wrap", "payment-rail", "audit-checkpoint")
BESIDE: Mapping[str, frozenset[tuple[str, str]]] = {
    "nats-issuer": frozenset({NATS}),
    "nats-administrator-issuer": frozenset({NATS_ADMIN}),
    "openbao-snapshot": frozenset({SAVED, END}),
    "operator": frozenset(
        {
            NATS,
            NATS_ADMIN,
            END,
            ("auth/token/lookup-self", "read"),
            ("auth/token/renew-self", "update"),
            ("sys/seal", "update"),
            ("sys/mounts", "read"),
            ("pki-client/sign/principal", "update"),
            ("pki-client/revoke", "update"),
        }
        | {(f"transit/keys/{name}/rotate", "update") for name in ROTATED}
    ),
}
"""What workloads of the platform and people may do: no code of ours asks, so it is said here. The operator may look at
policies and at keys' public halves as well."""
LOOKED_AT = ("sys/policies/acl", "transit/keys")


@pytest.fixture(scope="module")
def server(stack_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBaoServer]:
    """An OpenBao that is filled as production's."""
    with running_blank_openbao(stack_folder) as running:
        apply(running.admin(), installation(tmp_path_factory))
        yield running


@pytest.fixture(scope="module")
def beside(stack_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OpenBaoServer, Description]]:
    """An installation whose platform logs in as well."""
    described = description("jwt", tmp_path_factory.mktemp("beside"))
    with running_blank_openbao(stack_folder) as running:
        apply(running.admin(), described)
        yield running, described


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Description:
    """The installation whose policies are tested."""
    return installation(tmp_path_factory)


def installation(folders: pytest.TempPathFactory) -> Description:
    """An installation with AppRole, whose roles any test can log in with."""
    return description("approle", folders.mktemp("description"))


def options(server: OpenBaoServer, role: str, folder: Path) -> VaultOptions:
    """What a process with a role logs in with."""
    file = server.write_wrapped_secret_id(role, folder / f"{role}.wrapped")
    identity = AppRole(role_id=server.role_id(role), wrapped_secret_id_file=file)
    return VaultOptions(addresses=(server.address,), ca_file=server.ca_file, identity=identity)


CALLS: Mapping[str, Callable[[Vault], Any]] = {
    "transit.sign": lambda vault: vault.transit.sign("identity-token", b"x"),
    "transit.public_keys": lambda vault: vault.transit.public_keys("identity-token"),
    "transit.encrypt": lambda vault: vault.transit.encrypt("identity-wrap", [b"x"]),
    "transit.decrypt": lambda vault: vault.transit.decrypt("identity-wrap", ["vault:v1:AAAA"]),
    "transit.hmac": lambda vault: vault.transit.hmac("identity-blind-index", b"x"),
    "pki.sign_workload": lambda vault: vault.pki.sign_workload(
        "custody", request_for(f"spiffe://{TRUST_DOMAIN}/service/custody")
    ),
    "pki.sign_client": lambda vault: vault.pki.sign_client(request_for(PRINCIPAL), PRINCIPAL),
    "versioned.read": lambda vault: vault.versioned.read("audit-log"),
    "versioned.replace": lambda vault: vault.versioned.replace("audit-log", {}, 99),
    "pki.revoke_client": lambda vault: vault.pki.revoke_client("00:00"),
}
NAMES = ("identity-token", "identity-wrap", "identity-blind-index", "custody", "audit-log")


@pytest.fixture(scope="module")
def asked(server: OpenBaoServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """(path with {name}, capability) of each of the kernel's calls, as the server logged it."""
    root = server.admin()
    root.write("sys/policies/acl/everything", policy=policy_document({"*": ["create", "read", "update"]}))
    role = {"token_policies": ["everything"], "secret_id_num_uses": 1}
    root.write("auth/approle/role/everything", **role)
    folder = tmp_path_factory.mktemp("everything")

    async def run() -> dict[str, tuple[str, str]]:
        vault = await Vault.connect(options(server, "everything", folder))
        found = {}
        for name, call in CALLS.items():
            size = server.audit_file.stat().st_size
            try:
                await call(vault)
            except VaultRefused:
                pass  # what was refused is logged as well
            (found[name],) = logged(server, size)
        vault.close()
        return found

    found = asyncio.run(run())
    root.delete("auth/approle/role/everything")
    return found


def logged(server: OpenBaoServer, start: int) -> set[tuple[str, str]]:
    """Returns (path, operation) of the requests since a size of the log."""
    with server.audit_file.open() as log:
        log.seek(start)
        requests = [json.loads(line)["request"] for line in log]
    found = set()
    for each in requests:
        head, _, name = each["path"].rpartition("/")
        is_named = name in NAMES and not each["path"].startswith("pki-client")
        found.add((f"{head}/{{name}}" if is_named else each["path"], each["operation"]))
    return found


def test_every_call_of_the_kernel_is_known(asked: dict[str, tuple[str, str]]) -> None:
    """A new method on Vault needs a call here, from which its path is learned; hvac is spoken to nowhere else."""
    assert set(CALLS) == {f"{name}.{method}" for name, engine in ENGINES.items() for method in methods(engine)}
    found = names_by_kind()
    assert found["Transit"] <= {"transit", "_transit"}
    assert found["Pki"] <= {"pki", "_pki"}
    assert found["VersionedValues"] <= {"versioned", "_versioned"}
    assert found["hvac"] == {"ringfence_kernel/vault"}
    assert asked["pki.sign_workload"] == ("pki-workload/sign/{name}", "update")


@pytest.fixture(scope="module")
def rows(asked: dict[str, tuple[str, str]]) -> Rows:
    """(path, capability) that the code of each service uses."""
    own = {"lookup-self": "read", "renew-self": "update"}
    tokens = {(path, own[path.rsplit("/", 1)[-1]]) for path in token_calls()}
    return {
        service: frozenset(
            tokens
            | {used for use in uses_of(service) for used in _asked_by(use, use.name, asked)}
            | {used for use in uses_of_every_service() for used in _asked_by(use, service, asked)}
        )
        for service in SERVICES
    }


def _asked_by(use: Use, name: str, asked: dict[str, tuple[str, str]]) -> Iterator[tuple[str, str]]:
    (engine,) = [each for each, kind in ENGINES.items() if use.method in methods(kind)]
    for method in {use.method, *helped_by(ENGINES[engine], use.method)}:
        path, capability = asked[f"{engine}.{method}"]
        assert name or "{name}" not in path, f"{use.where}: the key is not a constant of its file"
        yield path.replace("{name}", name), capability


@pytest.mark.parametrize("service", SERVICES)
def test_a_policy_is_what_the_code_uses(rows: Rows, described: Description, service: str) -> None:
    """Each path that a service's code asks for is in its policy, and nothing else but the end of its own session."""
    granted = {
        (path, capability) for path, capabilities in policies(described)[service].items() for capability in capabilities
    }
    assert granted == rows[service] | {(OWN_END, "update")}


def paths(rows: Rows, described: Description) -> list[str]:
    """Every path that a service uses, that a policy names, and where anything of the installation is made or kept."""
    found = {path for used in rows.values() for path, _ in used} | {path for path, _ in ON_ERRANDS}
    for rules in policies(described).values():
        found |= {path.replace("+", "custody").replace("*", "custody") for path in rules}
    for item in desired(described):
        found |= {item.path, item.to_make()[0], item.to_mend()[0]}
        if item.path.startswith("transit/keys/"):
            found |= {f"{item.path}/{more}" for more in ("rotate", "trim", "restore")}
            name = item.path.rsplit("/", 1)[-1]
            verbs = ("sign", "verify", "encrypt", "decrypt", "rewrap", "hmac", "datakey/plaintext", "backup")
            found |= {f"transit/{verb}/{name}" for verb in (*verbs, "export/encryption-key", "export/signing-key")}
        if "/roles/" in item.path:
            found |= {item.path.replace("/roles/", f"/{verb}/") for verb in ("issue", "sign", "sign-verbatim")}
    for mount in AUTHORITIES:
        found |= {f"{mount}/{more}" for more in ("roles", "root", "revoke", "tidy", "config/ca", "issuer/default")}
    return sorted(found | {roles_path(described), "sys/raw/core", "sys/audit/other", "auth/token/create"})


def body_of(root: VaultApi, service: str, path: str) -> dict[str, object]:
    """Returns what an allowed request needs to succeed."""
    text = base64.b64encode(b"x").decode()
    match path.split("/"):
        case ["transit", "sign" | "hmac", _]:
            return {"input": text}
        case ["transit", "encrypt", _]:
            return {"plaintext": text}
        case ["transit", "decrypt", key]:
            return {"ciphertext": root.write(f"transit/encrypt/{key}", plaintext=text)["data"]["ciphertext"]}
        case ["pki-workload", "sign", _]:
            return {"csr": request_for(f"spiffe://{TRUST_DOMAIN}/service/{service}")}
        case ["pki-client", "sign", _]:
            return {"csr": request_for(PRINCIPAL)}
        case ["registers", "data", _]:
            return {"data": {}}
        case ["pki-client", "revoke"]:
            signed = root.write("pki-client/sign/principal", csr=request_for(PRINCIPAL))["data"]
            return {"serial_number": signed["serial_number"]}
    return {}


def refusal(session: VaultApi, verb: str, path: str, options: Mapping[str, Any]) -> str:
    """Returns how a request is refused, 403 if by policy.

    Sealing is no object: the server knows one verb for it, and answers 405 to others whoever asks.
    """
    try:
        session.call(verb, path, **options)
    except hvac.exceptions.Forbidden:
        return "403"
    except hvac.exceptions.VaultError as error:
        is_other_verb = path == "sys/seal" and verb != "put" and isinstance(error, hvac.exceptions.UnexpectedError)
        return "403" if is_other_verb else str(error)
    return "answered"


def log_in(server: OpenBaoServer, service: str, folder: Path) -> VaultApi:
    """Logs in as a service does."""
    wrapping = server.write_wrapped_secret_id(service, folder / f"{service}.wrapped").read_text()
    unwrapped = VaultApi(server.address, server.ca_file, wrapping).write("sys/wrapping/unwrap")["data"]["secret_id"]
    anonymous = VaultApi(server.address, server.ca_file)
    answer = anonymous.write("auth/approle/login", role_id=server.role_id(service), secret_id=unwrapped)
    return VaultApi(server.address, server.ca_file, answer["auth"]["client_token"])


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_may_do_its_own_and_nothing_else(
    server: OpenBaoServer, rows: Rows, described: Description, tmp_path: Path, service: str
) -> None:
    """What its code uses succeeds with its token; any other capability on any path is answered 403."""
    session, wrong = log_in(server, service, tmp_path), []
    for path in paths(rows, described):
        used = {capability for other, capability in rows[service] if other == path}
        for capabilities, verb, options in REQUESTS:
            if path == OWN_END and "update" in capabilities:
                continue
            if used & capabilities:
                session.call(verb, path, **(options and {"json": body_of(server.admin(), service, path)}))
            elif (answer := refusal(session, verb, path, options)) != "403":
                wrong.append((path, verb, answer))
    assert wrong == []
    session.write(OWN_END)
    with pytest.raises(hvac.exceptions.Forbidden):
        session.read("auth/token/lookup-self")


@pytest.mark.parametrize("name", BESIDE)
def test_whoever_stands_beside_the_services_may_do_what_is_said_and_nothing_else(
    beside: tuple[OpenBaoServer, Description], rows: Rows, name: str
) -> None:
    """No operator, issuer or saver of snapshots signs for a service; what each may do is not refused by policy."""
    server, described = beside
    session, wrong = with_policy(server, name), []
    for path in paths(rows, described):
        may = {capability for other, capability in BESIDE[name] if other == path}
        if name == "operator" and path.rpartition("/")[0] in LOOKED_AT:
            may |= {"read", "list"} if path.startswith("sys/") else {"read"}
        for capabilities, verb, options in REQUESTS:
            if capabilities & UPDATE & may and path in (OWN_END, "sys/seal"):
                continue
            is_refused = refusal(session, verb, path, options) == "403"
            if is_refused is bool(may & capabilities):
                wrong.append((path, verb))
    assert wrong == []
