"""What facts of the log say, for command, console and documents alike: words, order by time and cause, traces."""
