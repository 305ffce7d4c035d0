"""Read models: tables filled from events, compared with a rebuild, filled anew."""
