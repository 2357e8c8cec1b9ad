"""A look at data before it is learned from: what is labelled, how evenly, and what is wrong. Nothing here trains."""
