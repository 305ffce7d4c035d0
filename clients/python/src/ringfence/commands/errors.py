"""How a command ends when it cannot do its job."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command; 2 is a wrong command line."""

    FAILED = 1
    REFUSED = 3
    UNAVAILABLE = 4
    ENVIRONMENT = 5


class CommandFailed(Exception):
    """The command did its work and found something wrong, or cannot do it; the text is for the person who asked."""

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
