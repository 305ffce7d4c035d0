"""Drills: a whole stack in which one thing goes wrong, and what must hold meanwhile and afterwards."""
