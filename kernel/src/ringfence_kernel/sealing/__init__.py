"""Personal data under keys of its subjects."""
