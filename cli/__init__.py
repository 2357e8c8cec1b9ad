"""The `modiste` command: reads the environment once, opens what a command needs, shows what came of it."""
