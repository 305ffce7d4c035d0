"""The objects of Vault as data: where each is read, what it should hold, how it is made and mended."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Values = Mapping[str, Any]


def _as_read(data: Values) -> Values | None:
    return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One object. `fields` are compared with what is read at `path`, and sent to make and to mend it.

    `making` is sent beside them once, to `made_at`; `fixed` fields can only be chosen then. `secret` ones are sent each
    time, and neither read nor shown. What is `below` a mount is not looked for while that is missing. `understand`
    turns what was read into fields, None for nothing there yet; `told` turns fields into what is sent. While there is
    anything in the `empty` folder it is not made: a person has to choose among what is there.
    """

    path: str
    fields: Values
    below: str = ""
    making: Values = field(default_factory=dict)
    secret: Values = field(default_factory=dict, repr=False)
    made_at: str = ""
    mended_at: str = ""
    empty: str = ""
    fixed: frozenset[str] = frozenset()
    understand: Callable[[Values], Values | None] = _as_read
    told: Callable[[Values], Values] = dict

    def to_make(self) -> tuple[str, Values]:
        """Returns path and body of the request that makes it."""
        return self.made_at or self.path, {**self.told(self.fields), **self.making, **self.secret}

    def to_mend(self) -> tuple[str, Values]:
        """Returns path and body of the request that mends it."""
        fields = {name: value for name, value in self.fields.items() if name not in self.fixed}
        return self.mended_at or self.path, {**self.told(fields), **self.secret}


def secrets_engine(path: str, kind: str, max_lease_seconds: int = 0) -> Item:
    """A secrets engine; one of another kind at its path can only be moved away by a person."""
    return Item(
        path=f"sys/mounts/{path}",
        fields={"type": kind, "default_lease_ttl": 0, "max_lease_ttl": max_lease_seconds},
        making={"config": {"max_lease_ttl": max_lease_seconds}},
        mended_at=f"sys/mounts/{path}/tune",
        fixed=frozenset({"type"}),
        understand=_with_config,
    )


def registers_engine(path: str) -> Item:
    """A key-value engine whose values have versions; one of another kind can only be moved away by a person."""
    return Item(
        path=f"sys/mounts/{path}",
        fields={"type": "kv", "options": {"version": "2"}, "default_lease_ttl": 0, "max_lease_ttl": 0},
        mended_at=f"sys/mounts/{path}/tune",
        fixed=frozenset({"type", "options"}),
        understand=lambda data: {**_with_config(data), "options": data["options"]},
    )


def register(mount: str, name: str) -> Item:
    """An empty value, once: what is in it later is left alone, and whoever replaces it could not have made it."""
    return Item(
        path=f"{mount}/data/{name}",
        below=f"sys/mounts/{mount}",
        fields={},
        making={"data": {}, "options": {"cas": 0}},
    )


def auth_method(path: str, kind: str) -> Item:
    """An auth method; one of another kind at its path can only be moved away by a person."""
    return Item(
        path=f"sys/auth/{path}",
        fields={"type": kind, "default_lease_ttl": 0, "max_lease_ttl": 0},
        mended_at=f"sys/auth/{path}/tune",
        fixed=frozenset({"type"}),
        understand=_with_config,
    )


def transit_key(name: str, **making: Any) -> Item:
    """A key that never leaves, is never deleted, and all of whose versions decrypt."""
    return Item(
        path=f"transit/keys/{name}",
        below="sys/mounts/transit",
        fields={
            "type": making.pop("type"),
            "derived": False,
            "exportable": False,
            "allow_plaintext_backup": False,
            "deletion_allowed": False,
            "auto_rotate_period": 0,
            "min_decryption_version": 1,
            "min_encryption_version": 0,
        },
        making=making,
        mended_at=f"transit/keys/{name}/config",
        fixed=frozenset({"type", "derived", "exportable", "allow_plaintext_backup"}),
    )


def authority(mount: str, common_name: str, seconds: int) -> Item:
    """The root of a PKI engine, its key made inside; whichever issuer is the default one is left alone."""
    return Item(
        path=f"{mount}/config/issuers",
        below=f"sys/mounts/{mount}",
        fields={},
        making={"common_name": common_name, "key_type": "ec", "key_bits": 256, "ttl": seconds, "max_path_length": 0},
        made_at=f"{mount}/root/generate/internal",
        empty=f"{mount}/issuers",
        understand=lambda data: data if data["default"] else None,
    )


def policy(name: str, rules: Mapping[str, tuple[str, ...]]) -> Item:
    """A policy that holds exactly these capabilities by path, as JSON."""
    return Item(
        path=f"sys/policies/acl/{name}",
        fields={"paths": {path: list(capabilities) for path, capabilities in rules.items()}},
        understand=_with_paths,
        told=lambda fields: {"policy": policy_document(fields["paths"])},
    )


def policy_document(paths: Mapping[str, Any]) -> str:
    """Returns a policy as Vault takes it: JSON, which its configuration language includes."""
    return json.dumps({"path": {path: {"capabilities": list(given)} for path, given in paths.items()}})


def _with_config(data: Values) -> Values:
    return {**data["config"], "type": data["type"]}


def _with_paths(data: Values) -> Values:
    """Returns capabilities by path; a policy that says more, or was written by hand, is one strange path."""
    text = data["policy"]
    try:
        paths = {path: rule["capabilities"] for path, rule in json.loads(text)["path"].items() if len(rule) == 1}
        if policy_document(paths) == text:
            return {"paths": paths}
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    return {"paths": {"(written otherwise)": [text]}}
