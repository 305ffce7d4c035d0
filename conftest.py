"""Real servers for every test below."""

pytest_plugins = ["ringfence.local.pytest_plugin"]
