"""Checks of what is deployed: the chart as Helm renders it, by `make deploy-check`."""
