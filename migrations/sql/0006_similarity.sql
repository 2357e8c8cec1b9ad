-- Whom a photo stands for, whatever is being done with it: it shows what the active version saw in its bytes, also
-- while its URL is asked whether it still gives them, unless it is in quarantine. Replaces both functions of 0001, which
-- asked for photos that are enriched; else they are the same. `{vector}` is the schema that holds pgvector.

-- One asked vector against all listings that pass `filters`, best first, each listing once, `self` left out.
-- The caller has checked the question and asked `walk_pays`, once for all its vectors.
CREATE OR REPLACE FUNCTION modiste.nearest_listings(
    version integer, asked {vector}.halfvec, self bigint, k integer, filters jsonb, walking boolean)
RETURNS SETOF modiste.near_listing
LANGUAGE plpgsql STABLE
SET search_path = modiste, {vector}, pg_temp
AS $$
DECLARE
    condition constant text := filter_condition(filters) || ' AND l.id IS DISTINCT FROM $3';
    listings constant text := filtered_listings(version, filters);
    compare_all constant text := format(
        'SELECT near.listing_id, near.photo_id, near.distance, ''exact''
         FROM (SELECT DISTINCT ON (l.id) l.id AS listing_id, p.id AS photo_id, e.vec <=> $2 AS distance
               FROM %s JOIN photo p ON p.listing_id = l.id AND p.state <> ''quarantined''
                       JOIN embedding_%s e ON e.content_id = p.content_id
               WHERE %s
               ORDER BY l.id, distance, p.id) near
         ORDER BY near.distance, near.listing_id LIMIT $4', listings, version, condition);
    walk constant text := format(
        'SELECT array_agg((near.listing_id, near.photo_id, near.distance, ''approximate'')::near_listing
                          ORDER BY near.distance, near.listing_id)
         FROM (SELECT DISTINCT ON (hit.listing_id) hit.*
               FROM (SELECT passing.*, e.vec <=> $2 AS distance
                     FROM embedding_%s e, LATERAL (
                         SELECT l.id AS listing_id, p.id AS photo_id
                         FROM photo p JOIN %s ON l.id = p.listing_id
                         WHERE p.content_id = e.content_id AND p.state <> ''quarantined'' AND %s
                         OFFSET 0  -- keeps the order of the index: nothing may be joined first
                     ) passing
                     ORDER BY e.vec <=> $2 LIMIT $4) hit
               ORDER BY hit.listing_id, hit.distance, hit.photo_id) near', version, listings, condition);
    before text[];
    found near_listing[];
BEGIN
    IF walking THEN
        before := swap_walk_settings(ARRAY['relaxed_order', least(1000, greatest(200, 4 * k))::text, '40000', '4']);
        EXECUTE walk INTO found USING filters, asked, self, 3 * k + 20;
        PERFORM swap_walk_settings(before);
    END IF;
    IF cardinality(found) >= k THEN
        RETURN QUERY SELECT * FROM unnest(found) LIMIT k;
    ELSE
        RETURN QUERY EXECUTE compare_all USING filters, asked, self, k;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION modiste.similar_listings(
    listing_id bigint, k integer DEFAULT 12, filters jsonb DEFAULT '{}', options jsonb DEFAULT '{}')
RETURNS SETOF modiste.similar_listing
LANGUAGE plpgsql STABLE
SET search_path = modiste, {vector}, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    asked constant bigint := $1;
    version constant integer := active_version();
    own listing;
    photos bigint[];
    vectors halfvec[];
    defaults jsonb;
BEGIN
    PERFORM check_question(k, options), filter_condition(filters);
    SELECT * INTO own FROM listing l WHERE l.id = asked;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'listing % does not exist', coalesce(asked::text, 'NULL') USING ERRCODE = 'no_data_found';
    END IF;
    EXECUTE format('SELECT array_agg(id ORDER BY position, id), array_agg(vec ORDER BY position, id)
                    FROM (SELECT DISTINCT ON (content_id) p.id, p.position, e.vec
                          FROM photo p JOIN embedding_%s e USING (content_id)
                          WHERE p.listing_id = $1 AND p.state <> ''quarantined''
                          ORDER BY content_id, p.position, p.id) AS once', version)
        INTO photos, vectors USING asked;
    IF photos IS NULL THEN
        RAISE EXCEPTION 'listing % has no photo enriched by the active model version', asked
              USING ERRCODE = 'object_not_in_prerequisite_state',
                    HINT = 'SELECT state, reason FROM modiste.photo WHERE listing_id = ' || asked;
    END IF;
    defaults := jsonb_build_object('catalogue', own.catalogue, 'available', true);
    IF filters ?| '{price_min,price_max}' AND own.currency IS NOT NULL THEN
        defaults := defaults || jsonb_build_object('currency', own.currency);
    END IF;
    RETURN QUERY SELECT * FROM describe_similar(version, photos, vectors, asked, k, defaults || filters);
END
$$;
