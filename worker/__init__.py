"""From a feed to enriched listings: reading feeds, planning imports, and the Celery workers that enrich photos.

Knows the order of things and what may fail on the way. Leaves SQL to `db`, pixels and networks to `vision`.
"""
