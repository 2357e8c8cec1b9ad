-- Similar listings. `{vector}` stands for the schema that holds the pgvector extension.
--
-- The active version is read once a call, and only its table embedding_<id> is compared: versions never mix. When few
-- listings pass the filter their vectors are all compared (`how` = exact); when many do, the HNSW index is walked
-- (`approximate`), and if the walk brings too few, everything that passes is compared after all.

CREATE FUNCTION modiste.check_question(k integer, options jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
    option text;
BEGIN
    IF k IS NULL OR k NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'k must be between 1 and 1000, not %', coalesce(k::text, 'NULL')
              USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF jsonb_typeof(options) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'options must be a JSON object, not %', coalesce(options::text, 'NULL')
              USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT o INTO option FROM jsonb_object_keys(options) AS o LIMIT 1;
    IF option IN ('mode', 'diversity', 'fold', 'ef') THEN
        RAISE EXCEPTION 'option "%" is not served yet', option
              USING ERRCODE = 'feature_not_supported', HINT = 'Leave options empty.';
    ELSIF option IS NOT NULL THEN
        RAISE EXCEPTION 'unknown option "%"', option USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

CREATE FUNCTION modiste.active_version() RETURNS integer
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    version integer;
BEGIN
    SELECT id INTO version FROM modiste.model_version WHERE state = 'active';
    IF version IS NULL THEN
        RAISE EXCEPTION 'no model version is active' USING
            ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Register and activate one: modiste models';
    END IF;
    RETURN version;
END
$$;

CREATE TYPE modiste.near_listing AS (listing_id bigint, matched_photo_id bigint, distance double precision, how text);

-- Sets hnsw.iterative_scan, ef_search, max_scan_tuples and scan_mem_multiplier for this transaction and returns what
-- they were, so that the caller can put them back: a question must not change the asker's session.
CREATE FUNCTION modiste.swap_walk_settings(wanted text[]) RETURNS text[]
LANGUAGE plpgsql
AS $$
DECLARE
    names constant text[] := '{hnsw.iterative_scan,hnsw.ef_search,hnsw.max_scan_tuples,hnsw.scan_mem_multiplier}';
    before text[];
BEGIN
    FOR i IN 1 .. 4 LOOP
        before[i] := current_setting(names[i], true);
        PERFORM set_config(names[i], nullif(wanted[i], ''), true);
    END LOOP;
    RETURN before;
END
$$;

-- The FROM clause that filter_condition speaks of. Only what the model said needs the summary: leaving it out saves a
-- third of an exact comparison, and whoever has a vector of this version has a summary of it.
CREATE FUNCTION modiste.filtered_listings(version integer, filters jsonb) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
    SELECT 'listing l' || CASE WHEN filters ?| '{category,attributes}' THEN
        format(' JOIN listing_summary s ON s.listing_id = l.id AND s.model_version_id = %s', version) ELSE '' END
$$;

-- Whether the index of this version is there and so many listings pass `filters` that walking it pays.
CREATE FUNCTION modiste.walk_pays(version integer, filters jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = modiste, pg_temp
AS $$
DECLARE
    exact_limit constant integer := 5000;
    kept integer;
BEGIN
    IF NOT EXISTS (SELECT FROM model_version v WHERE v.id = version AND v.index_built_at IS NOT NULL) THEN
        RETURN false;
    END IF;
    EXECUTE format('SELECT count(*) FROM (SELECT FROM %s WHERE %s LIMIT $2) few',
                   filtered_listings(version, filters), filter_condition(filters))
        INTO kept USING filters, exact_limit + 1;
    RETURN kept > exact_limit;
END
$$;

-- One asked vector against all listings that pass `filters`, best first, each listing once, `self` left out.
-- The caller has checked the question and asked `walk_pays`, once for all its vectors.
CREATE FUNCTION modiste.nearest_listings(
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
               FROM %s JOIN photo p ON p.listing_id = l.id AND p.state = ''enriched''
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
                         WHERE p.content_id = e.content_id AND p.state = ''enriched'' AND %s
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

CREATE TYPE modiste.similar_listing AS (
    listing_id bigint, catalogue text, external_id text, title text, category text, score double precision,
    photo_id bigint, matched_photo_id bigint, folded integer, why jsonb, how text);
COMMENT ON TYPE modiste.similar_listing IS 'A row of similar_listings and similar_to.';

-- The answer for one asked listing (`self`, its photos and their vectors) or for a bare vector (both ids NULL).
CREATE FUNCTION modiste.describe_similar(
    version integer, asked_photos bigint[], asked {vector}.halfvec[], self bigint, k integer, filters jsonb)
RETURNS SETOF modiste.similar_listing
LANGUAGE sql STABLE
SET search_path = modiste, {vector}, pg_temp
AS $$
    WITH plan AS MATERIALIZED (
        SELECT modiste.walk_pays(version, filters) AS walking
    ), pair AS (
        SELECT DISTINCT ON (n.listing_id) n.*, a.photo_id, bool_or(n.how = 'approximate') OVER () AS walked
        FROM plan, unnest(asked_photos, asked) AS a (photo_id, vec),
             modiste.nearest_listings(version, a.vec, self, k, filters, plan.walking) AS n
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

CREATE FUNCTION modiste.similar_listings(
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
                          WHERE p.listing_id = $1 AND p.state = ''enriched''
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

COMMENT ON FUNCTION modiste.similar_listings(bigint, integer, jsonb, jsonb) IS
'Listings similar to this one, best first, each once, itself left out; its best pair of photos speaks for two listings.
filters: catalogue (default: its own), category (the model''s), seller_category, brand, gender, colour, size, currency,
exclude_seller: text or a list meaning any of; attributes: all of them, as group:value; price_min, price_max: in
`currency` (default: its own); available (default true); metadata.KEY. Unknown keys and wrong types raise 22023.
score = greatest(0, cosine). how: exact, approximate, or partial where fewer than k listings match.
Example: SELECT * FROM modiste.similar_listings(42, 12, ''{"gender": "Women", "price_max": 1500, "currency": "INR"}'')';

CREATE FUNCTION modiste.similar_to(
    embedding real[], k integer DEFAULT 12, filters jsonb DEFAULT '{}', options jsonb DEFAULT '{}')
RETURNS SETOF modiste.similar_listing
LANGUAGE plpgsql STABLE
SET search_path = modiste, {vector}, pg_temp
AS $$
DECLARE
    version constant integer := active_version();
    dimension integer;
BEGIN
    PERFORM check_question(k, options), filter_condition(filters);
    SELECT v.embedding_dim INTO dimension FROM model_version v WHERE v.id = version;
    IF array_ndims(embedding) IS DISTINCT FROM 1 OR cardinality(embedding) <> dimension THEN
        RAISE EXCEPTION 'the active model version has vectors of % numbers, this one has %', dimension,
              CASE array_ndims(embedding) WHEN 1 THEN cardinality(embedding)::text
                   ELSE coalesce('the shape ' || array_dims(embedding), 'none') END
              USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF EXISTS (SELECT FROM unnest(embedding) AS x WHERE x IS NULL OR x = 'NaN' OR abs(x) > 65504)
       OR NOT EXISTS (SELECT FROM unnest(embedding) AS x WHERE abs(x) > 1e-4) THEN
        RAISE EXCEPTION 'the vector has a number missing, too large or not finite, or only zeros'
              USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY SELECT * FROM describe_similar(
        version, ARRAY[NULL::bigint], ARRAY[embedding::halfvec], NULL, k, '{"available": true}'::jsonb || filters);
END
$$;

COMMENT ON FUNCTION modiste.similar_to(real[], integer, jsonb, jsonb) IS
'Listings similar to a vector of the active model version, best first: filters and columns as in similar_listings, but
all catalogues and currencies unless the filters name some; photo_id is empty.';
