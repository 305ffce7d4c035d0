"""The statements of operators about certificates that were never pinned: a file, one JWT a line."""

from pathlib import Path

from ringfence_kernel.values.settings import InvalidSetting

from ringfence_identity.tokens.application.declared import Statement, read_statement

VARIABLE = "RINGFENCE_PIN_STATEMENTS_FILE"


def read_statements(path: Path | None) -> tuple[Statement, ...]:
    """Reads every line that is not empty; raises InvalidSetting, naming the line."""
    if path is None:
        return ()
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        raise InvalidSetting(VARIABLE, "a readable file of JWTs") from None
    return tuple(_statement(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip())


def _statement(number: int, line: str) -> Statement:
    try:
        return read_statement(line)
    except ValueError as error:
        raise InvalidSetting(VARIABLE, f"right in line {number}: {error}") from error
