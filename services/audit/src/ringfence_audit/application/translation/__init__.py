"""Turns the events of other services into leaves, from their published schemas alone."""

from ringfence_audit.application.translation.translator import Translator

__all__ = ["Translator"]
