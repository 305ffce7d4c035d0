"""The subcommands that `ringfence` gains where the local stack is installed, one file each."""
