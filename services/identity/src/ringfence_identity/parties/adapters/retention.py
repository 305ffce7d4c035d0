"""Reads how long what is known of clients is kept: from the file that is named, else from the one that ships."""

import tomllib
from importlib import resources
from pathlib import Path

from ringfence_kernel.values.settings import InvalidSetting

from ringfence_identity.parties.domain.erasing import Retention, RetentionClass

SETTING = "RINGFENCE_RETENTION_FILE"


def read_retention(file: Path | None) -> Retention:
    """Returns the periods; raises InvalidSetting for a file that is not theirs."""
    shipped = resources.files("ringfence_identity.parties") / "retention.toml"
    try:
        classes = tomllib.loads((file or shipped).read_text("utf-8"))
        days = {each: classes.pop(each)["days"] for each in RetentionClass}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidSetting(SETTING, "a TOML file with days for moved, opened and applied") from error
    if classes or not all(type(each) is int and each >= 0 for each in days.values()):
        raise InvalidSetting(SETTING, "whole days, 0 or more, for moved, opened and applied alone")
    return Retention(days)
