"""What Vault is told of an installation agrees with what the platform below asks of Vault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ringfence_bootstrap import description
from ringfence_bootstrap.description import Description
from ringfence_bootstrap.vault.desired import desired
from ringfence_bootstrap.vault.policies import policies

from deploy.checks.chart.rendering import named, parse, render
from deploy.checks.platform.files import ENVIRONMENTS, PLATFORM, Platform, load


def described(environment: str, folder: Path) -> Description:
    """Returns the description that the administrator of an environment uses: the chart's, or for `local` the file."""
    file = PLATFORM / "local" / "description.toml"
    if environment != "local":
        values = folder / "values.yaml"
        values.write_text(yaml.safe_dump(dict(load(environment).ringfence)), encoding="utf-8")
        made = parse(render(values, {"bootstrap.vault.enabled": True}))
        file = folder / "description.toml"
        text = named(made, "ConfigMap", "ringfence-bootstrap")["data"]["description.toml"]
        file.write_text(text.replace('namespace = "custodian"', 'namespace = "ringfence"'), encoding="utf-8")
    return description.load(file)


def asking(platform: Platform) -> Iterator[tuple[str, str, str, str]]:
    """Yields (role, namespace, account, path) of whoever logs in to Vault beside the services."""
    for each in platform.of_kind("Issuer"):
        if "vault" in each["spec"]:
            login = each["spec"]["vault"]["auth"]["kubernetes"]
            yield login["role"], each["metadata"]["namespace"], login["serviceAccountRef"]["name"], _path(each)
    for each in platform.of_kind("CronJob"):
        pod = each["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        script = pod["initContainers"][0]["args"][0]
        role = script.partition(" role=")[2].split()[0]
        assert "raft snapshot save" in script
        yield role, each["metadata"]["namespace"], pod["serviceAccountName"], "sys/storage/raft/snapshot"


def _path(issuer: Any) -> str:
    path: str = issuer["spec"]["vault"]["path"]
    return path


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_whoever_asks_vault_is_described(environment: str, tmp_path: Path) -> None:
    """Each role of an issuer or job is described with namespace and account, and its policy has the path it asks."""
    platform, told = load(environment), described(environment, tmp_path)
    found = list(asking(platform))
    assert {role for role, *_ in found} >= {"nats-issuer", "nats-administrator-issuer"}
    for role, namespace, account, path in found:
        assert told.accounts()[role] == (namespace, account)
        assert path in policies(told)[role]
    unused = set(told.platform) - {role for role, *_ in found}
    # Where a region stands by Vault is the other one's, restored: its roles are the same, and nothing is saved.
    assert unused == ({"openbao-snapshot"} if environment == "second-region" else set())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_vault_signs_the_certificates_that_the_platform_asks_for(environment: str, tmp_path: Path) -> None:
    """Names and URI of each certificate are among those that the role of its issuer allows."""
    platform, told = load(environment), described(environment, tmp_path)
    roles = {item.path.replace("/roles/", "/sign/"): item.fields for item in desired(told) if "/roles/" in item.path}
    issuers = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): roles[_path(each)]
        for each in platform.of_kind("Issuer")
        if "vault" in each["spec"]
    }
    asked = 0
    for each in platform.of_kind("Certificate"):
        role = issuers.get((each["metadata"]["namespace"], each["spec"]["issuerRef"]["name"]))
        if role is None:
            continue
        asked += 1
        uris = [uri.replace(platform.site["names"]["trust_domain"], told.trust_domain) for uri in each["spec"]["uris"]]
        assert uris == role["allowed_uri_sans"]
        assert set(each["spec"].get("dnsNames", [])) <= set(role["allowed_domains"]), each["metadata"]["name"]
    assert asked == 2
