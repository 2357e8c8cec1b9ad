"""How good the first similar listing is, by the seller's own words: same category, same colour, same product group.

    python -m benchmarks.neighbours [--catalogue default] [--queries 100] [--group style_group]

Draws listings of an imported catalogue (the environment says which database, as for `modiste`) and asks for the most
similar one. Groups are counted over the drawn listings whose group has another member.
"""

import argparse
import json

from sqlalchemy import text

from cli.opening import open_stack
from cli.settings import Settings
from db.engine import transaction

QUESTION = text("""
    WITH asked AS (
        SELECT l.*, l.metadata ->> :group AS product_group,
               count(*) OVER (PARTITION BY l.metadata ->> :group) > 1 AS has_sibling
        FROM modiste.listing l JOIN modiste.listing_enrichment e ON e.listing_id = l.id
        WHERE l.catalogue = :catalogue
    ), drawn AS (
        SELECT * FROM asked ORDER BY md5(id || :seed) LIMIT :queries
    )
    SELECT count(*) AS queries,
           avg((found.seller_category = drawn.seller_category)::int)::float8 AS same_category,
           avg((found.colour = drawn.colour)::int)::float8 AS same_colour,
           count(*) FILTER (WHERE has_sibling) AS queries_with_sibling,
           avg((found.metadata ->> :group = drawn.product_group)::int) FILTER (WHERE has_sibling)::float8 AS same_group
    FROM drawn
    CROSS JOIN LATERAL modiste.similar_listings(drawn.id, 1) AS s
    JOIN modiste.listing found ON found.id = s.listing_id
""")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", default="default")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--group", default="style_group", help="the metadata key that names a listing's product group")
    parser.add_argument("--seed", default="7")
    options = vars(parser.parse_args())
    with open_stack(Settings()) as stack, transaction(stack.engine) as connection:
        row = connection.execute(QUESTION, options).one()
    print(json.dumps(dict(row._mapping), indent=2))


if __name__ == "__main__":
    main()
