"""What can go wrong with the local stack, each with a message that says what to do next."""

from ringfence.errors import SetupError


class LocalStackError(SetupError):
    """Something about the local processes failed; the text is meant for the person at the terminal."""

    subject = "stack"


class ProgramMissing(LocalStackError):
    """A program that the stack runs is not installed; the text names the command that installs it."""


class ProcessFailed(LocalStackError):
    """A process ended, or was not ready by its deadline; the text ends with the last lines of its log."""


class StackRunning(LocalStackError):
    """Another process runs a stack in this directory."""


class StackNotRunning(LocalStackError):
    """No process runs a stack in this directory, or the state file is left over from one that died."""

    subject = "NOTHING_UP"
