"""The environment of a rendered container, read by the settings of the service that it starts."""

from __future__ import annotations

import dataclasses
import importlib
import typing
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ringfence_kernel.service.settings import Settings
from ringfence_kernel.store.settings import MigrationSettings
from ringfence_kernel.values.settings import read

from deploy.checks.chart.references import GIVEN
from deploy.checks.chart.rendering import Object, Pod, environment
from tests.architecture.following import named_by

SERVICES = ("identity", "custody", "payment-instruction", "audit")
ISSUER = "identity"
BY_DOWNWARD_API = {"POD_NAME"}
"""Read by no service: other variables are made of it."""


def settings_of(service: str) -> type[Settings]:
    """Returns the settings of a service, as its `serve` reads them."""
    bootstrap = importlib.import_module(f"ringfence_{service.replace('-', '_')}.bootstrap")
    found: type[Settings] = bootstrap.SERVICE.settings
    return found


def variables(cls: type[object]) -> dict[str, bool]:
    """Returns the variables that a settings class reads, and whether it insists on each."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {
        typing.get_args(hints[field.name])[1].name: field.default is dataclasses.MISSING
        for field in dataclasses.fields(cls)  # type: ignore[arg-type]  # no bound says "dataclass"
    }


def peers_of(service: str) -> set[str]:
    """Returns whose addresses a service asks for: its code names them, and whoever checks tokens asks for keys."""
    return (named_by(service, {"peer", "follower", "addresses_of"}) | {ISSUER}) - {service}


def files(pod: Pod, container: Object, root: Path) -> None:
    """Makes, under `root`, every file and folder that the container finds mounted, as the site fills them."""
    volumes = {each["name"]: each for each in pod.spec["volumes"]}
    for mount in container["volumeMounts"]:
        folder = root / PurePosixPath(mount["mountPath"]).relative_to("/")
        folder.mkdir(parents=True)
        for name in _names(volumes[mount["name"]]):
            (folder / name).write_text(f"content of {name}", encoding="utf-8")


def _names(volume: Object) -> set[str]:
    if "projected" in volume:
        return {source["serviceAccountToken"]["path"] for source in volume["projected"]["sources"]}
    for field, kind, key in (("secret", "Secret", "secretName"), ("configMap", "ConfigMap", "name")):
        if field in volume:
            keys = GIVEN[kind][volume[field][key]]
            return {item["path"] for item in volume[field].get("items", [])} or set(keys)
    return set()


def found_by(pod: Pod, container: Object, root: Path) -> dict[str, str]:
    """Returns a container's environment with its paths under `root`, where `files` has made them."""
    given = environment(container, f"{pod.owner['metadata']['name']}-0")
    return {name: f"{root}{value}" if value.startswith("/") else value for name, value in given.items()}


def start(service: str, environ: Mapping[str, str]) -> Settings:
    """Reads all that `serve` reads, peers included, and opens no connection; raises MissingSetting, InvalidSetting."""
    settings = read(settings_of(service), environ)
    for peer in sorted(peers_of(service)):
        settings.addresses_of(peer)
    settings.tenant_rates()
    settings.database_conninfo()
    for method in ("rail", "register", "limits", "list_bounds", "file_quotas", "accounts_quota", "vault_identity"):
        getattr(settings, method, lambda: None)()
    return settings


def migrate(environ: Mapping[str, str]) -> MigrationSettings:
    """Reads all that `migrate` reads; raises MissingSetting, InvalidSetting."""
    settings = read(MigrationSettings, environ)
    settings.application_role()
    settings.conninfo()
    return settings
