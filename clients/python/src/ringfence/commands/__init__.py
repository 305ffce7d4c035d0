"""The subcommands of `ringfence`, one file each."""
