"""A catalogue written out for others: what its sellers say and what was found, as tables or as marketplaces read them.

What is written to learn from, photos and labels, is `cli.exporting`'s.
"""
