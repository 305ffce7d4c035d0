"""The chart as it is rendered: what every object must be."""
