"""Fixtures of real servers, and one profile for all property tests."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["ringfence_local_stack.pytest_plugin"]

# How long an input takes to make says more about the machine than about the test.
settings.register_profile("ringfence", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ringfence")
