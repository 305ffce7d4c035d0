"""The platform below the services, as an environment gets it."""
