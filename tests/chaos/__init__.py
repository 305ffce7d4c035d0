"""Kills and overload: what was acknowledged is compared with the books, and what cannot be served is shed."""
