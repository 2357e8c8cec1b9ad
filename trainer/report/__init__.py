"""A finished model told on one page: what it learned from, how well it does, where it errs. Nothing here trains."""
