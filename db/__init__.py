"""The schema of modiste and every query against it.

Knows Postgres and pgvector. Knows nothing of photos, networks, queues or HTTP; never commits: whoever opened the
transaction closes it.
"""
