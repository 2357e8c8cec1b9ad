"""One module a command; `cli.main` puts them together."""
