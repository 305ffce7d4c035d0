"""The commands: exit codes, what they print, what they refuse, and that no root token is left."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import hvac.exceptions
import msgspec
import pytest
from ringfence_bootstrap.description import SERVICES, Description, Jwt, Kubernetes, Nats, Service, Workload, load
from ringfence_bootstrap.vault.command import main
from ringfence_local_stack.processes.files import write_private
from ringfence_local_stack.pytest_plugin import running_blank_openbao
from ringfence_local_stack.servers.openbao import OpenBaoServer

from .worlds import signers_key, with_policy

TOML = """
trust_domain = "ringfence.example"
namespace = "ringfence"

[login]
method = "jwt"
issuer = "https://issuer.example"
jwks_url = "https://issuer.example/keys"
shared = true
"""
APP_ROLE = 'trust_domain = "ringfence.example"\n[login]\nmethod = "approle"\n'

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `ringfence-vault` and returns exit code, output and errors."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        code = main([str(each) for each in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def at_server(blank_openbao: OpenBaoServer, monkeypatch: pytest.MonkeyPatch) -> OpenBaoServer:
    """An empty OpenBao that the environment names."""
    monkeypatch.setenv("VAULT_ADDR", blank_openbao.address)
    monkeypatch.setenv("VAULT_CACERT", str(blank_openbao.ca_file))
    monkeypatch.delenv("VAULT_TOKEN", raising=False)
    return blank_openbao


def test_the_ceremony_leaves_no_root_token(at_server: OpenBaoServer, tmp_path: Path, run: Run) -> None:
    """Root makes the administrator's policy, a plan says 2, an application 0 and ends root; then the token of the
    administrator, from a file, finds nothing to change."""
    file = write_private(tmp_path / "ringfence.toml", APP_ROLE)
    code, policy, _ = run("policy", "--description", file)
    assert code == 0
    root = at_server.admin()
    root.write("sys/policies/acl/ringfence-bootstrap", policy=policy)
    administrator = with_policy(at_server, "ringfence-bootstrap")
    token_file = write_private(tmp_path / "root", at_server.admin_token)
    bootstrap = ("bootstrap", "--description", file, "--token-file", token_file)
    code, shown, _ = run(*bootstrap, "--plan")
    assert (code, shown.splitlines()[0], shown.splitlines()[-1]) == (2, "+ sys/mounts/transit", "29 to change")
    code, done, _ = run(*bootstrap, "--apply")
    assert (code, done.splitlines()[-2:]) == (0, ["29 changed", "the root token is revoked"])
    with pytest.raises(hvac.exceptions.Forbidden):
        root.read("auth/token/lookup-self")
    write_private(token_file, administrator.token)
    for chosen in ("--plan", "--apply"):
        assert run(*bootstrap, chosen) == (0, "nothing to change\n", "")
    assert administrator.read("auth/token/lookup-self")["data"]["policies"] == ["ringfence-bootstrap"]
    write_private(token_file, at_server.admin_token)
    code, _, said = run(*bootstrap, "--plan")
    assert (code, said) == (
        1,
        "ringfence-vault: Vault does not know the administrator's token: it has expired or was revoked\n",
    )


def test_a_difference_is_shown_field_by_field(
    at_server: OpenBaoServer, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is and what should be stand beside each other, also for the paths of a policy."""
    file = write_private(tmp_path / "ringfence.toml", APP_ROLE)
    root = at_server.admin()
    administrator = root.write("auth/token/create", policies=["all"], ttl="10m")["auth"]["client_token"]
    root.write(
        "sys/policies/acl/all", policy='{"path":{"*":{"capabilities":["create","read","update","list","sudo"]}}}'
    )
    monkeypatch.setenv("VAULT_TOKEN", administrator)
    assert run("bootstrap", "--apply", "--description", file)[0] == 0
    root.write("auth/approle/role/audit", token_period=60)
    more = '{"path":{"transit/sign/identity-token":{"capabilities":["update"]}}}'
    root.write("sys/policies/acl/custody", policy=more)
    code, shown, _ = run("bootstrap", "--plan", "--description", file)
    assert code == 2
    assert "~ auth/approle/role/audit\n    token_period: 60 -> 3600\n" in shown
    assert "~ sys/policies/acl/custody\n" in shown
    assert '    paths.pki-workload/sign/custody: null -> ["update"]\n' in shown


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        ("trust_domain = ", ""),
        (APP_ROLE + "unknown = 1", "Object contains unknown field `unknown` - at `$.login`"),
        (APP_ROLE.replace("approle", "ldap"), "Invalid value 'ldap' - at `$.login.method`"),
        (APP_ROLE.replace("ringfence.example", "Ringfence Example"), "trust_domain is not a DNS name in lower case"),
        (TOML.replace('namespace = "ringfence"', ""), "namespace is not a DNS name in lower case"),
        (TOML + 'audience = ""', "login.audience is empty"),
        (TOML + 'mount = "auth/jwt"', "login.mount is not the path of an auth method"),
        (TOML.replace("shared = true", "discovery = true"), "not exactly one of jwks_url, discovery and"),
        (TOML.replace("shared = true", "").replace('https://issuer.example"', '"'), "login.issuer is empty"),
        (
            TOML.replace("shared = true", "").replace("https://issuer.example/k", "http://i/k"),
            "jwks_url is not an https",
        ),
        (TOML + "[services.ledger]\nprocesses = 3", "services.ledger is none of identity, custody, "),
        (TOML + "[services.custody]\nprocesses = 0", "services.custody.processes is not one or more"),
        (TOML + "[services.custody]\nprocesses = true", "Expected `int`, got `bool`"),
        (TOML + '[services.custody]\nnames = ["*.example.com"]', "services.custody.names (*.example.com) is not a DNS"),
        (TOML + '[services.custody]\nservice_account = "a:b"', "services.custody.service_account is not a DNS name"),
        (TOML + "[nats]\nreplicas = 0", "nats.replicas is not one or more"),
        (
            TOML + '[platform.vault]\nnamespace = "a"',
            "platform.vault is none of nats-issuer, nats-administrator-issuer, ",
        ),
        (TOML + '[platform.nats-issuer]\nservice_account = "a"', "missing required field `namespace`"),
        (TOML + '[platform.nats-issuer]\nnamespace = "A"', "platform.nats-issuer.namespace is not a DNS name"),
        (APP_ROLE + '[platform.nats-issuer]\nnamespace = "a"', "platform is for workloads that have tokens"),
        (
            TOML.replace("jwt", "kubernetes").replace("shared = true", "vault_in_cluster = false"),
            "Object contains unknown field `issuer`",
        ),
        (
            'trust_domain = "a"\nnamespace = "b"\n[login]\nmethod = "kubernetes"\nvault_in_cluster = false',
            "login.ca_file is for a Vault outside the cluster, and needed there",
        ),
        (
            'trust_domain = "a"\nnamespace = "b"\n[login]\nmethod = "kubernetes"\nhost = "http://c"',
            "login.host is not an https:// address",
        ),
    ],
)
def test_a_description_that_cannot_be_used_is_refused_by_its_field(
    tmp_path: Path, run: Run, content: str | None, said: str
) -> None:
    """Before Vault is asked anything the file and the field are named."""
    file = tmp_path / "ringfence.toml"
    if content is not None:
        write_private(file, content)
    code, shown, error = run("policy", "--description", file)
    assert (code, shown) == (1, "")
    assert error.startswith(f"ringfence-vault: {file}")
    assert said in error


def test_what_is_missing_is_named(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Address, token and token file are asked for by name."""
    file = write_private(tmp_path / "ringfence.toml", APP_ROLE)
    for variable in ("VAULT_ADDR", "VAULT_CACERT", "VAULT_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    plan = ("bootstrap", "--plan", "--description", file)
    assert run(*plan) == (1, "", "ringfence-vault: VAULT_ADDR is not set\n")
    monkeypatch.setenv("VAULT_ADDR", "https://127.0.0.1:1")
    assert "VAULT_TOKEN holds no token" in run(*plan)[2]
    assert f"{tmp_path} is not a readable text file" in run(*plan, "--token-file", tmp_path)[2]
    monkeypatch.setenv("VAULT_TOKEN", "token")
    code, _, said = run(*plan)
    assert code == 1
    assert said.startswith("ringfence-vault: Vault: ")
    assert "Traceback" not in said


def test_of_several_addresses_the_active_server_is_asked(
    at_server: OpenBaoServer, stack_folder: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is away and one that is sealed are passed over; where none is left all are named."""
    file = write_private(tmp_path / "ringfence.toml", APP_ROLE)
    plan = ("bootstrap", "--plan", "--description", file)
    monkeypatch.setenv("VAULT_TOKEN", at_server.admin_token)
    with running_blank_openbao(stack_folder) as sealed:
        sealed.seal()
        away = "https://127.0.0.1:1"
        both = write_private(tmp_path / "both.pem", at_server.ca_file.read_text() + sealed.ca_file.read_text())
        monkeypatch.setenv("VAULT_CACERT", str(both))
        monkeypatch.setenv("VAULT_ADDR", f"{away},{sealed.address}, {at_server.address}")
        assert run(*plan)[0] == 2
        monkeypatch.setenv("VAULT_ADDR", f"{away},{sealed.address}")
        code, _, said = run(*plan)
        assert (code, said.startswith("ringfence-vault: no server of VAULT_ADDR is active")) == (1, True)
        assert f"{away},{sealed.address}" in said


def test_a_method_that_is_shared_keeps_its_configuration(at_server: OpenBaoServer, tmp_path: Path, run: Run) -> None:
    """Where somebody else configures the method only roles are made in it, and those of others stay."""
    file = write_private(tmp_path / "ringfence.toml", TOML)
    root = at_server.admin()
    root.write("sys/auth/jwt", type="jwt", config={"max_lease_ttl": "48h"})
    root.write("auth/jwt/config", jwt_validation_pubkeys=[signers_key()], bound_issuer="theirs")
    token_file = write_private(tmp_path / "token", root.write("auth/token/create", ttl="10m")["auth"]["client_token"])
    before = root.data("sys/auth/jwt"), root.data("auth/jwt/config")
    assert run("bootstrap", "--apply", "--description", file, "--token-file", token_file)[0] == 0
    assert (root.data("sys/auth/jwt"), root.data("auth/jwt/config")) == before
    assert sorted(root.names("auth/jwt/role")) == ["audit", "custody", "identity", "payment-instruction"]


def test_the_example_names_every_field_with_its_default(tmp_path: Path) -> None:
    """No field is left out, and what is commented out changes nothing where it is taken in."""
    file = Path(__file__).parents[1] / "example.toml"
    text = file.read_text(encoding="utf-8")
    for struct in (Description, Service, Workload, Nats, Jwt, Kubernetes):
        names = {each.name for each in msgspec.structs.fields(struct)} - {
            "services",
            "platform",
            "nats",
            "login",
            "loopback",
        }
        assert {name for name in names if not re.search(rf"\b{name} = ", text)} == set()
    taken_in = write_private(tmp_path / "whole.toml", re.sub(r"(?m)^# (\w+ = )", r"\1", text))
    assert taken_in.read_text() != text
    described, whole = load(file), load(taken_in)
    for one in SERVICES:
        assert described.service(one) == whole.service(one)
    assert whole.accounts() == described.accounts()
    assert msgspec.structs.replace(whole, services={}, platform={}) == msgspec.structs.replace(
        described, services={}, platform={}
    )
