"""The skeleton of every service: settings, start-up order, background tasks, health, graceful stop, command line."""

from ringfence_kernel.rpc.health import Check
from ringfence_kernel.rpc.server import Servicer
from ringfence_kernel.service.command import main
from ringfence_kernel.service.definition import Assembly, CannotRun, Command, RebuildReport, Service
from ringfence_kernel.service.event_sourced import EventSourced, when_possible
from ringfence_kernel.service.rebuilding import opened_store, rebuild, replay_into
from ringfence_kernel.service.runtime import Runtime, follow, hear
from ringfence_kernel.service.tasks import Task

__all__ = [
    "Assembly",
    "CannotRun",
    "Check",
    "Command",
    "EventSourced",
    "RebuildReport",
    "Runtime",
    "Service",
    "Servicer",
    "Task",
    "follow",
    "hear",
    "main",
    "opened_store",
    "rebuild",
    "replay_into",
    "when_possible",
]
