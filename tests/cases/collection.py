"""All cases, in the order in which they are played."""

from . import answers, authority, days, movements, payments_out, screened
from .registry import CASES

__all__ = ["CASES", "answers", "authority", "days", "movements", "payments_out", "screened"]
