"""Rules of alerts, where they are shown, and a Prometheus to ask."""
