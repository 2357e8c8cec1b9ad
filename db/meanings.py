"""What sellers' words mean, learned from the catalogue: the category that most listings with one are seen as."""

from collections.abc import Mapping

from sqlalchemy import Connection, text

# A word has a meaning once so many listings have it, so large a share of them is seen alike, and no other category has
# more than the last: "Tops" that are T-shirts to a fifth could be either.
ALIKE_MIN = 5
SHARE_MIN = 0.6
OTHER_MAX = 0.1


def word_meanings(connection: Connection, catalogue: str) -> Mapping[str, str]:
    """The active version's category by the seller's word; words that could be several are left out.

    What a model is sure of on the whole is no opinion on one photo: the listing that is the exception keeps its
    seller's word.
    """
    rows = connection.execute(
        text("""
            WITH pair AS (
                SELECT l.seller_category AS said, s.category AS seen, count(*) AS n
                FROM modiste.listing l JOIN modiste.listing_summary s ON s.listing_id = l.id
                WHERE l.catalogue = :catalogue AND l.seller_category <> '' AND NOT s.corrected
                  AND s.model_version_id = (SELECT id FROM modiste.model_version WHERE state = 'active')
                GROUP BY 1, 2
            ), ranked AS (
                SELECT said, seen, n, sum(n) OVER of_word AS alike,
                       row_number() OVER (of_word ORDER BY n DESC, seen) AS place,
                       lead(n, 1, 0) OVER (of_word ORDER BY n DESC, seen) AS next
                FROM pair WINDOW of_word AS (PARTITION BY said)
            )
            SELECT said, seen FROM ranked
            WHERE place = 1 AND alike >= :alike_min AND n >= :share_min * alike AND next <= :other_max * alike
            ORDER BY said
        """),
        {"catalogue": catalogue, "alike_min": ALIKE_MIN, "share_min": SHARE_MIN, "other_max": OTHER_MAX},
    )
    return {row.said: row.seen for row in rows}
