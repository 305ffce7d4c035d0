"""All cases, in the order in which they are played."""

from . import answers, authority, movements, payments_out, screened
from .registry import CASES

__all__ = ["CASES", "answers", "authority", "movements", "payments_out", "screened"]
