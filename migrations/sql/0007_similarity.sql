-- How similar listings are found: a planner for each asked vector. `{vector}` is the schema that holds pgvector.
--
-- 1. How many listings the filter keeps is estimated from PostgreSQL's statistics. Few are all compared (`exact`).
-- 2. Else the index is walked outwards from the asked vector, that of one category where the filter names it alone and
--    there is one. The walk counts what passes and what it costs, and ends early where comparing is the better way:
--    what passes is rare, or far away from the vector, where a walk finds wrong listings and does not say so.
-- 3. What a walk leaves open is found by comparing all that pass.

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

-- The category of `filters` if it names one alone and that has an index of its own.
CREATE FUNCTION modiste.indexed_category(version integer, filters jsonb) RETURNS text
LANGUAGE sql STABLE
SET search_path = modiste, pg_temp
AS $$
    SELECT c.category FROM category_index c
    WHERE c.model_version_id = version AND c.built_at IS NOT NULL
      AND ARRAY[c.category] = filter_texts(filters, 'category')
$$;

-- About how many listings pass, where walking the index is worth a thought: NULL where they are to be compared anyway.
-- Of a category with an index even few are looked for there: to single them out by category and something else costs
-- more than to compare them.
CREATE FUNCTION modiste.kept_if_many(version integer, filters jsonb) RETURNS double precision
LANGUAGE plpgsql STABLE
SET search_path = modiste, pg_temp
AS $$
DECLARE
    few constant integer := CASE WHEN indexed_category(version, filters) IS NULL THEN 2000 ELSE 200 END;
    kept double precision;
BEGIN
    IF EXISTS (SELECT FROM model_version v WHERE v.id = version AND v.index_built_at IS NOT NULL) THEN
        kept := estimate_kept(version, filters);
    END IF;
    RETURN CASE WHEN kept > few THEN kept END;
END
$$;

-- Walks the index outwards from `asked`, or that of one category, and keeps the listings that pass `filters`, until
-- there are k and some to spare: best first. NULL where comparing all `kept` is the better way, which shows on the
-- way: by how few of those seen pass, walking on would cost more; or they are so much fewer than elsewhere that the
-- filter is far from the vector, where a walk ends in a wrong place and does not say so. A walk from a listing's own
-- vector meets that first, or it has lost its way: some graphs have clusters that no path leads to (one in a hundred
-- questions); then it is NULL too, and `lost`.
CREATE FUNCTION modiste.walk(
    version integer, asked {vector}.halfvec, self bigint, k integer, filters jsonb, kept double precision,
    category text, OUT near modiste.near_listing[], OUT lost boolean)
LANGUAGE plpgsql STABLE
SET search_path = modiste, {vector}, pg_temp
SET enable_sort = off  -- in the order of the index, however few the vectors are
SET jit = off
AS $$
DECLARE
    -- The order of a walk is nearly that of distance: the more is passed by, the fewer to spare are enough.
    wanted integer := k + 8;
    wanted_at_length constant integer := k + 2;
    glance constant integer := 200;        -- after so many vectors, each time, it is judged
    farthest constant integer := 40000;
    per_listing constant real := 3;        -- what a step costs, in listings compared
    far constant real := 0.25;             -- of the share that passes in the whole index
    prior constant real := 2;              -- as if so many had passed where that share of all does
    share constant real := kept / coalesce((
        SELECT greatest(1, i.reltuples) FROM pg_class i
        WHERE i.oid = to_regclass(format('embedding_%s_vec%s_idx', version, (
            SELECT '_' || c.id FROM category_index c
            WHERE c.model_version_id = version AND c.category = walk.category)))), 1);
    before text[];
    hit record;
    content bigint;
    ef integer := 100;
    steps integer := 0;
    listings bigint[] := '{}';
    hits near_listing[] := '{}';
BEGIN
    lost := false;
    before := swap_walk_settings(ARRAY['relaxed_order', '40', farthest::text, '4']);
    IF category IS NOT NULL THEN
        -- The farther the vector is from the category, the harder is the way in.
        EXECUTE format(
            'SELECT 700 - 60 * count(*) FILTER (WHERE near.category = $2)
             FROM (SELECT e.category FROM embedding_%s e ORDER BY e.vec <=> $1 LIMIT 10) near', version)
            INTO ef USING asked, category;
    END IF;
    PERFORM set_config('hnsw.ef_search', least(1000, greatest(ef, wanted))::text, true);
    FOR hit IN EXECUTE format(
        'SELECT e.content_id, e.vec <=> $2 AS distance, passing.*
         FROM embedding_%1$s e LEFT JOIN LATERAL (
             SELECT l.id AS listing_id, p.id AS photo_id
             FROM photo p JOIN %2$s ON l.id = p.listing_id
             WHERE p.content_id = e.content_id AND p.state <> ''quarantined'' AND %3$s AND l.id IS DISTINCT FROM $3
         ) passing ON true
         %4$s ORDER BY e.vec <=> $2 LIMIT $4',
        version, filtered_listings(version, filters), filter_condition(filters),
        CASE WHEN category IS NOT NULL THEN format('WHERE e.category = %L', category) ELSE '' END)
        USING filters, asked, self, farthest
    LOOP
        IF hit.content_id IS DISTINCT FROM content THEN
            IF steps = 2 * glance THEN
                wanted := wanted_at_length;
            END IF;
            EXIT WHEN cardinality(listings) >= wanted;
            EXIT WHEN steps > 0 AND steps % glance = 0 AND (
                cardinality(listings) + 0.5 < far * share * steps
                OR per_listing * (wanted_at_length - cardinality(listings)) * (steps + prior / share)
                   / (cardinality(listings) + prior) > kept);
            content := hit.content_id;
            steps := steps + 1;
            lost := steps = 1 AND category IS NULL AND self IS NOT NULL AND hit.distance > 0.001;
            EXIT WHEN lost;
        END IF;
        IF hit.listing_id IS NOT NULL THEN
            hits := hits || (hit.listing_id, hit.photo_id, hit.distance, 'approximate')::near_listing;
            IF hit.listing_id <> ALL (listings) THEN
                listings := listings || hit.listing_id;
            END IF;
        END IF;
    END LOOP;
    PERFORM swap_walk_settings(before);
    IF cardinality(listings) >= wanted THEN
        near := ARRAY(SELECT n::near_listing
                       FROM (SELECT DISTINCT ON (f.listing_id) f.* FROM unnest(hits) AS f
                             ORDER BY f.listing_id, f.distance, f.matched_photo_id) n
                       ORDER BY n.distance, n.listing_id LIMIT k);
    END IF;
END
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
    found near_listing[];
    lost boolean;
    own_category jsonb;
BEGIN
    IF kept IS NOT NULL THEN
        SELECT w.near, w.lost INTO found, lost
        FROM walk(version, asked, self, k, filters, kept, indexed_category(version, filters)) AS w;
    END IF;
    IF lost AND NOT filters ? 'category' THEN
        -- What is near to it is of its category, and that can be looked through.
        EXECUTE format('SELECT jsonb_build_object(''category'', e.category)
                        FROM photo p JOIN embedding_%s e USING (content_id)
                        WHERE p.listing_id = $1 ORDER BY e.vec <=> $2, e.content_id LIMIT 1', version)
            INTO own_category USING self, asked;
        found := ARRAY(SELECT (n.listing_id, n.matched_photo_id, n.distance, 'approximate')::near_listing
                       FROM nearest_listings(version, asked, self, k, filters || own_category,
                                             kept_if_many(version, filters || own_category)) AS n);
    END IF;
    IF cardinality(found) >= k THEN
        RETURN QUERY SELECT * FROM unnest(found);
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
