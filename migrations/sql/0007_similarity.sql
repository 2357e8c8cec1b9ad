-- How similar listings are found: a planner for each asked vector. `{vector}` is the schema that holds pgvector.
--
-- 1. How many listings the filter keeps is estimated from PostgreSQL's statistics. Few are all compared (`exact`).
-- 2. Else the index gives the nearest vectors whatever the filter. Where enough of them pass, they are the answer; how
--    many do tells how dense what passes is around the asked vector, which no statistic knows.
-- 3. A filter by one large category walks the index of that category alone, where there is one.
-- 4. Else the index is walked with the filter, where few pass near the vector as long as that costs less than
--    comparing all that do. What is far away from the vector a walk would not find, and not say so.
-- What a walk leaves open, and where it brings too few, is found by comparing all that pass.

-- About how many listings pass `filters`, from statistics alone: a fraction of a millisecond.
-- VOLATILE, as PostgreSQL lets no other function EXPLAIN.
CREATE FUNCTION modiste.estimate_kept(version integer, filters jsonb) RETURNS double precision
LANGUAGE plpgsql VOLATILE
SET search_path = modiste, pg_temp
AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM %s WHERE %s',
                   filtered_listings(version, filters), filter_condition(filters))
        INTO plan USING filters;
    RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END
$$;

-- About how many listings pass, where walking the index is worth a thought: NULL where they are to be compared anyway.
CREATE FUNCTION modiste.kept_if_many(version integer, filters jsonb) RETURNS double precision
LANGUAGE plpgsql STABLE
SET search_path = modiste, pg_temp
AS $$
DECLARE
    few constant integer := 5000;
    kept double precision;
BEGIN
    IF EXISTS (SELECT FROM model_version v WHERE v.id = version AND v.index_built_at IS NOT NULL) THEN
        kept := estimate_kept(version, filters);
    END IF;
    RETURN CASE WHEN kept > few THEN kept END;
END
$$;

-- The listings of the `reach` vectors of the version that are nearest to `asked`, of those listings that pass
-- `filters`, best first; of one category alone if that is given. Sees at most `scan` vectors of the index.
CREATE FUNCTION modiste.walk(
    version integer, asked {vector}.halfvec, self bigint, filters jsonb, category text,
    filter_first boolean, reach integer, ef integer, scan integer)
RETURNS modiste.near_listing[]
LANGUAGE plpgsql STABLE
SET search_path = modiste, {vector}, pg_temp
AS $$
DECLARE
    before text[];
    found near_listing[];
BEGIN
    before := swap_walk_settings(ARRAY['relaxed_order', ef::text, scan::text, '4']);
    EXECUTE format(
        CASE WHEN filter_first THEN
        'SELECT array_agg((near.listing_id, near.photo_id, near.distance, ''approximate'')::near_listing
                          ORDER BY near.distance, near.listing_id)
         FROM (SELECT DISTINCT ON (hit.listing_id) hit.*
               FROM (SELECT passing.*, e.vec <=> $2 AS distance
                     FROM embedding_%1$s e, LATERAL (
                         SELECT l.id AS listing_id, p.id AS photo_id
                         FROM photo p JOIN %2$s ON l.id = p.listing_id
                         WHERE p.content_id = e.content_id AND p.state <> ''quarantined'' AND %3$s
                           AND l.id IS DISTINCT FROM $3
                         OFFSET 0  -- keeps the order of the index: nothing may be joined first
                     ) passing
                     %4$s ORDER BY e.vec <=> $2 LIMIT $4) hit
               ORDER BY hit.listing_id, hit.distance, hit.photo_id) near'
        ELSE
        'SELECT array_agg((near.listing_id, near.photo_id, near.distance, ''approximate'')::near_listing
                          ORDER BY near.distance, near.listing_id)
         FROM (SELECT DISTINCT ON (l.id) l.id AS listing_id, p.id AS photo_id, e.distance
               FROM (SELECT e.content_id, e.vec <=> $2 AS distance FROM embedding_%1$s e
                     %4$s ORDER BY e.vec <=> $2 LIMIT $4) e
               JOIN photo p ON p.content_id = e.content_id AND p.state <> ''quarantined''
               JOIN %2$s ON l.id = p.listing_id
               WHERE %3$s AND l.id IS DISTINCT FROM $3
               ORDER BY l.id, e.distance, p.id) near'
        END, version, filtered_listings(version, filters), filter_condition(filters),
        CASE WHEN category IS NOT NULL THEN format('WHERE e.category = %L', category) ELSE '' END)
        INTO found USING filters, asked, self, reach;
    PERFORM swap_walk_settings(before);
    RETURN coalesce(found, '{}');
END
$$;

-- The category of `filters` if it names one alone and that has an index of its own.
CREATE FUNCTION modiste.indexed_category(version integer, filters jsonb) RETURNS text
LANGUAGE sql STABLE
SET search_path = modiste, pg_temp
AS $$
    SELECT c.category FROM category_index c
    WHERE c.model_version_id = version AND c.built_at IS NOT NULL
      AND ARRAY[c.category] = filter_texts(filters, 'category')
$$;

-- One asked vector against all listings that pass `filters`, best first, each listing once, `self` left out.
-- The caller has checked the question and asked `kept_if_many`, once for all its vectors.
CREATE FUNCTION modiste.nearest_listings(
    version integer, asked {vector}.halfvec, self bigint, k integer, filters jsonb, kept double precision)
RETURNS SETOF modiste.near_listing
LANGUAGE plpgsql STABLE
SET search_path = modiste, {vector}, pg_temp
AS $$
DECLARE
    near constant integer := greatest(200, 3 * k);  -- vectors looked at whatever the filter
    in_category constant text := CASE WHEN kept IS NOT NULL THEN indexed_category(version, filters) END;
    per_listing constant real := 5;  -- what a step of a walk costs, in listings compared
    passes integer;
    steps double precision;
    found near_listing[] := '{}';
BEGIN
    IF kept IS NOT NULL THEN
        found := walk(version, asked, self, filters, NULL, false, near, least(1000, near), near);
        passes := cardinality(found);
        IF passes < 2 * k AND in_category IS NOT NULL THEN
            found := walk(version, asked, self, filters, in_category, true, 2 * k + 20, 1000, 20000);
        ELSIF passes < 2 * k THEN
            steps := near * (2.0 * k + 20) / greatest(passes, 0.5);
            found := '{}';
            IF passes > 1 AND steps < 40000 AND steps * per_listing < kept THEN
                found := walk(version, asked, self, filters, NULL, true, 2 * k + 20, 400, 40000);
            END IF;
        END IF;
    END IF;
    IF cardinality(found) >= k THEN
        RETURN QUERY SELECT * FROM unnest(found) LIMIT k;
    ELSE
        RETURN QUERY EXECUTE format(
            'SELECT near.listing_id, near.photo_id, near.distance, ''exact''
             FROM (SELECT DISTINCT ON (l.id) l.id AS listing_id, p.id AS photo_id, e.vec <=> $2 AS distance
                   FROM %1$s JOIN photo p ON p.listing_id = l.id AND p.state <> ''quarantined''
                           JOIN embedding_%2$s e ON e.content_id = p.content_id
                   WHERE %3$s AND l.id IS DISTINCT FROM $3
                   ORDER BY l.id, distance, p.id) near
             ORDER BY near.distance, near.listing_id LIMIT $4',
            filtered_listings(version, filters), version, filter_condition(filters))
            USING filters, asked, self, k;
    END IF;
END
$$;

-- The answer for one asked listing (`self`, its photos and their vectors) or for a bare vector (both ids NULL).
CREATE OR REPLACE FUNCTION modiste.describe_similar(
    version integer, asked_photos bigint[], asked {vector}.halfvec[], self bigint, k integer, filters jsonb)
RETURNS SETOF modiste.similar_listing
LANGUAGE sql STABLE
SET search_path = modiste, {vector}, pg_temp
AS $$
    WITH plan AS MATERIALIZED (
        SELECT modiste.kept_if_many(version, filters) AS kept
    ), pair AS (
        SELECT DISTINCT ON (n.listing_id) n.*, a.photo_id, bool_or(n.how = 'approximate') OVER () AS walked
        FROM plan, unnest(asked_photos, asked) AS a (photo_id, vec),
             modiste.nearest_listings(version, a.vec, self, k, filters, plan.kept) AS n
        ORDER BY n.listing_id, n.distance, a.photo_id
    ), best AS (
        SELECT * FROM pair ORDER BY distance, listing_id LIMIT k
    )
    SELECT l.id, l.catalogue, l.external_id, l.title, s.category, greatest(0, 1 - b.distance),
           b.photo_id, b.matched_photo_id, 0,
           jsonb_strip_nulls(jsonb_build_object(
               'category', CASE WHEN own.category = s.category THEN s.category END,
               'attributes', (SELECT jsonb_object_agg(theirs.attribute, least(theirs.score, ours.score))
                              FROM unnest(s.attributes, s.attribute_scores) AS theirs (attribute, score)
                              JOIN unnest(own.attributes, own.attribute_scores) AS ours (attribute, score)
                                USING (attribute)))),
           CASE WHEN count(*) OVER () < k THEN 'partial'
                WHEN b.walked THEN 'approximate'
                ELSE 'exact' END
    FROM best b
    JOIN listing l ON l.id = b.listing_id
    JOIN listing_summary s ON s.listing_id = l.id AND s.model_version_id = version
    LEFT JOIN listing_summary own ON own.listing_id = self AND own.model_version_id = version
    ORDER BY b.distance, b.listing_id
$$;
