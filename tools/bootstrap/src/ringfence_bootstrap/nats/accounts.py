"""Who may publish and hear what in NATS: an account of our own, whose users are the URI names of certificates."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ringfence_bootstrap.description import NATS_ADMIN, SERVICES, Description
from ringfence_bootstrap.nats.streams import notification_subjects
from ringfence_bootstrap.plan import Difference, differing

ACCOUNT = "RINGFENCE"


def inbox_prefix(user: str) -> str:
    """Returns where answers to a user arrive; nobody else may listen there."""
    return f"_INBOX_{user}"


_ADMIN = {"publish": {"allow": ["$JS.API.>"]}, "subscribe": {"allow": [f"{inbox_prefix(NATS_ADMIN)}.>"]}}


def accounts(described: Description) -> dict[str, Any]:
    """Returns the server's `accounts`: with `verify_and_map` a certificate is a user, and there are no passwords.

    A service publishes under its own subjects and asks nothing of the JetStream API: streams are the administrator's.
    """
    users = [{"user": described.service_id(name), "permissions": _of_service(name)} for name in SERVICES]
    users.append({"user": described.infrastructure_id(NATS_ADMIN), "permissions": _ADMIN})
    return {"accounts": {ACCOUNT: {"jetstream": "enabled", "users": users}}}


def accounts_text(described: Description) -> str:
    """Returns the file that a server's configuration includes; its language is a superset of JSON."""
    return json.dumps(accounts(described), indent=2) + "\n"


def accounts_difference(file: Path, described: Description) -> Difference | None:
    """Compares the file with what it should hold, user by user."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Difference(sign="+", path=str(file), fields={each: (None, may) for each, may in _by_user(described)})
    if text == accounts_text(described):
        return None
    fields = differing(_read(text), dict(_by_user(described)))
    return Difference(sign="~", path=str(file), fields=fields or {"text": ("", "as it is rendered")})


def write_accounts(file: Path, described: Description) -> None:
    """Puts the file into place at once: a server that reloads never sees half of it."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(accounts_text(described), encoding="utf-8")
    os.replace(beside, file)


def _of_service(service: str) -> dict[str, Any]:
    publish = [f"ringfence.doorbell.{service}", notification_subjects(service)]
    return {
        "publish": {"allow": publish},
        "subscribe": {"allow": ["ringfence.doorbell.>", f"{inbox_prefix(service)}.>"]},
    }


def _by_user(described: Description) -> list[tuple[str, Any]]:
    return [(each["user"], each["permissions"]) for each in accounts(described)["accounts"][ACCOUNT]["users"]]


def _read(text: str) -> Mapping[str, Any]:
    """Returns permissions by user of a file that was rendered once; none of one that was not."""
    try:
        return {each["user"]: each["permissions"] for each in json.loads(text)["accounts"][ACCOUNT]["users"]}
    except (ValueError, KeyError, TypeError):
        return {}
