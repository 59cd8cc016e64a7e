"""The groups of commands, one a file. Heavy imports happen inside the commands."""
