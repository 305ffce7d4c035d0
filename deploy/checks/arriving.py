"""What the chart gives already and the services do not read yet; empty once they do."""

from __future__ import annotations

from collections.abc import Mapping

ARRIVING = {
    "RINGFENCE_HEALTH_LISTEN",
    "RINGFENCE_LEAVE_SECONDS",
    "RINGFENCE_METRICS_LISTEN",
    "RINGFENCE_VAULT_AUTH",
    "RINGFENCE_VAULT_AUTH_MOUNT",
    "RINGFENCE_VAULT_ROLE",
    "RINGFENCE_VAULT_TOKEN_FILE",
}
"""Variables of settings that are on their way."""
STAND_INS: Mapping[str, str] = {
    "RINGFENCE_VAULT_ROLE_ID": "role",
    "RINGFENCE_VAULT_WRAPPED_SECRET_ID_FILE": "/nowhere",
}
"""What services ask for until they know RINGFENCE_VAULT_AUTH."""
