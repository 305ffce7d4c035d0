"""The console: pages, pictures and words for supervisors and custodians; hosts bring what they show (`ports`)."""

from ringfence_console.application import console
from ringfence_console.guard import Admission, OneTimeLink
from ringfence_console.host import Host

__all__ = ["Admission", "Host", "OneTimeLink", "console"]
