"""The subcommands of `python -m trainer`, a module each: arguments in, one function called, the outcome shown."""
