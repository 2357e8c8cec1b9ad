-- Asking by several listings, by attributes, and for many listings at once. `{vector}` is the schema of pgvector.

-- Rocchio's question (1971) with his usual weights: the mean of what is liked less a fifth of the mean of what is not.
CREATE FUNCTION modiste.liked_vector(version integer, liked bigint[], unliked bigint[]) RETURNS {vector}.halfvec
LANGUAGE plpgsql STABLE
SET search_path = modiste, {vector}, pg_temp
AS $$
DECLARE
    weight constant real := 0.2;
    towards halfvec;
    away halfvec;
BEGIN
    EXECUTE format(
        'SELECT avg(vec) FILTER (WHERE listing_id = ANY ($1)), avg(vec) FILTER (WHERE listing_id = ANY ($2))
         FROM (SELECT listing_id, l2_normalize(avg(e.vec)) AS vec
               FROM (SELECT DISTINCT listing_id, content_id FROM photo
                     WHERE listing_id = ANY ($1 || $2) AND state <> ''quarantined'') p
               JOIN embedding_%s e USING (content_id)
               GROUP BY listing_id) AS listings', version)
        INTO towards, away USING liked, unliked;
    IF away IS NOT NULL THEN
        towards := towards - away * array_fill(weight, ARRAY[vector_dims(away)])::halfvec;
    END IF;
    RETURN l2_normalize(towards);
END
$$;
COMMENT ON FUNCTION modiste.liked_vector(integer, bigint[], bigint[]) IS
'The mean vector of the liked listings less a fifth of the mean of the others, of length 1; NULL where none has one.';

CREATE FUNCTION modiste.similar_to_many(
    liked bigint[], unliked bigint[] DEFAULT '{}', k integer DEFAULT 12, filters jsonb DEFAULT '{}',
    options jsonb DEFAULT '{}')
RETURNS SETOF modiste.similar_listing
LANGUAGE plpgsql STABLE
SET search_path = modiste, {vector}, pg_temp
AS $$
DECLARE
    version constant integer := active_version();
    most constant integer := 100;
    likes constant bigint[] := ARRAY(SELECT DISTINCT id FROM unnest(liked) AS id);
    others constant bigint[] := ARRAY(SELECT DISTINCT id FROM unnest(unliked) AS id);
    missing bigint;
    vector halfvec;
BEGIN
    PERFORM check_question(k, options), filter_condition(filters);
    IF cardinality(likes) NOT BETWEEN 1 AND most OR cardinality(others) > most THEN
        RAISE EXCEPTION 'name 1 to % listings that are liked and at most % that are not, not % and %', most, most,
              cardinality(likes), cardinality(others) USING ERRCODE = 'invalid_parameter_value';
    ELSIF likes && others THEN
        RAISE EXCEPTION 'a listing is liked or not, not both' USING ERRCODE = 'invalid_parameter_value';
    ELSIF options ->> 'mode' = 'same_item' THEN
        RAISE EXCEPTION 'mode same_item asks about one listing' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT id INTO missing FROM unnest(likes || others) AS id
    WHERE NOT EXISTS (SELECT FROM listing l WHERE l.id = id.id) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'listing % does not exist', coalesce(missing::text, 'NULL') USING ERRCODE = 'no_data_found';
    END IF;
    vector := liked_vector(version, likes, others);
    IF vector IS NULL THEN
        RAISE EXCEPTION 'none of the liked listings has a photo enriched by the active model version' USING
            ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'similar_listings says why of each; or ask by attributes.';
    ELSIF l2_norm(vector) = 0 THEN
        RAISE EXCEPTION 'the listings cancel each other out' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY SELECT * FROM answer_similar(
        version, ARRAY[NULL::bigint], ARRAY[vector], likes, likes || others, k, default_filters(likes, filters),
        options);
END
$$;
COMMENT ON FUNCTION modiste.similar_to_many(bigint[], bigint[], integer, jsonb, jsonb) IS
'Listings like all of `liked` and unlike `unliked` (at most 100 each), best first, themselves left out: near to the mean
vector of the liked less a fifth of the mean of the others. filters, options and columns as in similar_listings, by
default in all catalogues of the liked; photo_id is empty; the mode same_item raises 22023. Listings that no worker has
looked at yet are passed over, as long as one of the liked is left.
Example: SELECT * FROM modiste.similar_to_many(ARRAY[42, 43], ARRAY[7])';

CREATE FUNCTION modiste.listings_like(attributes text[], k integer DEFAULT 12, filters jsonb DEFAULT '{}')
RETURNS SETOF modiste.similar_listing
LANGUAGE plpgsql STABLE
SET search_path = modiste, pg_temp
AS $$
DECLARE
    version constant integer := active_version();
    wanted constant text[] := ARRAY(SELECT DISTINCT a FROM unnest(attributes) AS a);
    bad text;
BEGIN
    PERFORM check_question(k, '{}'), filter_condition(filters);
    SELECT coalesce(a, 'NULL') INTO bad FROM unnest(wanted) AS a WHERE (a ~ '^[^:]+:.') IS NOT TRUE LIMIT 1;
    IF FOUND OR cardinality(wanted) NOT BETWEEN 1 AND 100 THEN
        RAISE EXCEPTION 'attributes takes 1 to 100 texts as group:value, not %', coalesce(bad, cardinality(wanted)::text)
              USING ERRCODE = 'invalid_parameter_value', HINT = 'For example ARRAY[''colour:Blue'', ''pattern:Striped'']';
    END IF;
    filters := '{"available": true}'::jsonb || filters;
    RETURN QUERY EXECUTE format(
        'SELECT l.id, l.catalogue, l.external_id, l.title, s.category, best.score, NULL::bigint, p.id, 0,
                jsonb_build_object(''attributes'', (
                    SELECT jsonb_object_agg(has.attribute, has.score)
                    FROM unnest(s.attributes, s.attribute_scores) AS has (attribute, score)
                    WHERE has.attribute = ANY ($2))),
                CASE WHEN count(*) OVER () < $3 THEN ''partial'' ELSE ''exact'' END
         FROM (SELECT l.id, (SELECT sum(s.attribute_scores[array_position(s.attributes, a)]::double precision)
                             FROM unnest($2) AS a) / cardinality($2) AS score
               FROM %1$s WHERE s.attributes && $2 AND %2$s
               ORDER BY score DESC, l.id LIMIT $3) best
         JOIN listing l USING (id)
         JOIN listing_summary s ON s.listing_id = l.id AND s.model_version_id = %3$s
         CROSS JOIN LATERAL (SELECT p.id FROM photo p JOIN embedding_%3$s e USING (content_id)
                             WHERE p.listing_id = l.id AND p.state <> ''quarantined''
                             ORDER BY p.position, p.id LIMIT 1) p
         ORDER BY best.score DESC, l.id',
        filtered_listings(version, filters || '{"attributes": []}'), filter_condition(filters), version)
        USING filters, wanted, k;
END
$$;
COMMENT ON FUNCTION modiste.listings_like(text[], integer, jsonb) IS
'Listings with these attributes (group:value), by what the model says alone, best first. score: the mean of their
scores, 0 for one that a listing does not have; `why` names those it has. filters as in similar_to; photo_id is empty,
matched_photo_id the listing''s first photo.
Example: SELECT * FROM modiste.listings_like(ARRAY[''colour:Blue'', ''pattern:Striped''], 12, ''{"category": "Dress"}'')';

CREATE TYPE modiste.similar_in_batch AS (
    asked_listing_id bigint, rank integer, listing_id bigint, catalogue text, external_id text, title text,
    category text, score double precision, photo_id bigint, matched_photo_id bigint, folded integer, why jsonb,
    how text);
COMMENT ON TYPE modiste.similar_in_batch IS 'A row of similar_batch.';

CREATE FUNCTION modiste.similar_batch(
    listing_ids bigint[], k integer DEFAULT 12, filters jsonb DEFAULT '{}', options jsonb DEFAULT '{}')
RETURNS SETOF modiste.similar_in_batch
LANGUAGE plpgsql STABLE
SET search_path = modiste, pg_temp
AS $$
DECLARE
    most constant integer := 1000;
    asked bigint;
BEGIN
    PERFORM active_version(), check_question(k, options), filter_condition(filters);
    IF cardinality(listing_ids) > most OR listing_ids IS NULL THEN
        RAISE EXCEPTION 'a batch takes at most % listings, not %', most,
              coalesce(cardinality(listing_ids)::text, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR asked IN SELECT id FROM unnest(listing_ids) WITH ORDINALITY AS a (id, place) GROUP BY id ORDER BY min(place)
    LOOP
        BEGIN
            RETURN QUERY SELECT asked, s.ordinality::integer, s.listing_id, s.catalogue, s.external_id, s.title,
                                s.category, s.score, s.photo_id, s.matched_photo_id, s.folded, s.why, s.how
                         FROM similar_listings(asked, k, filters, options) WITH ORDINALITY AS s;
        EXCEPTION WHEN no_data_found OR object_not_in_prerequisite_state THEN
            -- cannot be asked about: has no rows
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION modiste.similar_batch(bigint[], integer, jsonb, jsonb) IS
'similar_listings for up to 1,000 listings: asked_listing_id, rank from 1, then its columns, in the order asked. A
listing that does not exist, has no enriched photo, or in mode other_colour no colour, has no rows.
Example: SELECT * FROM modiste.similar_batch(ARRAY(SELECT id FROM modiste.listing LIMIT 100), 5)';
