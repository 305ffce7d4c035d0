"""What every page of the console must show in a real browser, in every language, theme and width."""
