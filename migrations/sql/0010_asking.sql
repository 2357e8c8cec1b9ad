-- Asking by a listing or a vector. `{vector}` is the schema that holds pgvector.

CREATE FUNCTION modiste.colours_of(version integer, asked bigint[]) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = modiste, pg_temp
AS $$
DECLARE
    colours text[];
BEGIN
    IF asked = '{}' THEN
        RAISE EXCEPTION 'mode other_colour asks about listings; a vector has no colour'
              USING ERRCODE = 'invalid_parameter_value', HINT = 'Filter with other_colour_than.';
    END IF;
    SELECT array_agg(DISTINCT said.word) INTO colours
    FROM listing l LEFT JOIN listing_summary s ON s.listing_id = l.id AND s.model_version_id = version,
         unnest(ARRAY[l.colour, colour_word(s.attributes, l.colour)]) AS said (word)
    WHERE l.id = ANY (asked) AND said.word IS NOT NULL;
    IF colours IS NULL THEN
        RAISE EXCEPTION 'listing % has no colour, neither the model''s nor its seller''s', asked[1]
              USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Ask in mode same_style.';
    END IF;
    RETURN colours;
END
$$;
COMMENT ON FUNCTION modiste.colours_of(integer, bigint[]) IS
'The colours of these listings, by the model and by their sellers. Raises 55000 where there is none.';

CREATE FUNCTION modiste.default_filters(asked bigint[], filters jsonb) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = modiste, pg_temp
AS $$
    SELECT jsonb_build_object('catalogue', jsonb_agg(DISTINCT l.catalogue), 'available', true)
           || CASE WHEN filters ?| '{price_min,price_max}' AND count(l.currency) > 0
                   THEN jsonb_build_object('currency', jsonb_agg(DISTINCT l.currency) FILTER (WHERE l.currency > ''))
                   ELSE '{}' END
           || filters
    FROM listing l WHERE l.id = ANY (asked)
$$;
COMMENT ON FUNCTION modiste.default_filters(bigint[], jsonb) IS
'`filters`, and what they leave open: the catalogues of the asked listings, what is available, for prices their currency.';

CREATE FUNCTION modiste.photos_of(version integer, asked bigint, OUT photos bigint[], OUT vectors {vector}.halfvec[])
LANGUAGE plpgsql STABLE
SET search_path = modiste, {vector}, pg_temp
AS $$
BEGIN
    EXECUTE format('SELECT array_agg(id ORDER BY position, id), array_agg(vec ORDER BY position, id)
                    FROM (SELECT DISTINCT ON (content_id) p.id, p.position, e.vec
                          FROM photo p JOIN embedding_%s e USING (content_id)
                          WHERE p.listing_id = $1 AND p.state <> ''quarantined''
                          ORDER BY content_id, p.position, p.id) AS once', version)
        INTO photos, vectors USING asked;
END
$$;
COMMENT ON FUNCTION modiste.photos_of(integer, bigint) IS
'The photos of a listing and their vectors, each content once, in the order of the photos.';

-- Raises 55000 for a listing of which the active model version has seen no photo, and says why that is so.
CREATE FUNCTION modiste.refuse_unseen(asked bigint) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = modiste, pg_temp
AS $$
DECLARE
    photos integer;
    pending integer;
    quarantined integer;
    reasons text;
BEGIN
    SELECT count(*), count(*) FILTER (WHERE p.state = 'pending'), count(*) FILTER (WHERE p.state = 'quarantined'),
           string_agg(DISTINCT p.reason, ', ' ORDER BY p.reason)
        INTO photos, pending, quarantined, reasons
    FROM photo p WHERE p.listing_id = asked;
    IF photos = 0 THEN
        RAISE EXCEPTION 'listing % has no photos', asked USING
            ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Import it with photos, or ask by attributes.';
    ELSIF pending > 0 THEN
        RAISE EXCEPTION 'listing % is not enriched yet: % of its photos wait for a worker', asked, pending USING
            ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Ask again when its import is done (modiste status).';
    ELSIF quarantined = photos THEN
        RAISE EXCEPTION 'all photos of listing % are in quarantine: %', asked, reasons USING
            ERRCODE = 'object_not_in_prerequisite_state', HINT = 'See modiste quarantine list, and modiste retry.';
    END IF;
    RAISE EXCEPTION 'listing % has no photo enriched by the active model version', asked USING
        ERRCODE = 'object_not_in_prerequisite_state',
        HINT = 'Import its feed again, or backfill the version (modiste models backfill).';
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
    own record;
BEGIN
    PERFORM check_question(k, options), filter_condition(filters);
    IF NOT EXISTS (SELECT FROM listing l WHERE l.id = asked) THEN
        RAISE EXCEPTION 'listing % does not exist', coalesce(asked::text, 'NULL') USING ERRCODE = 'no_data_found';
    END IF;
    SELECT * INTO own FROM photos_of(version, asked);
    IF own.photos IS NULL THEN
        PERFORM refuse_unseen(asked);
    END IF;
    RETURN QUERY SELECT * FROM answer_similar(
        version, own.photos, own.vectors, ARRAY[asked], ARRAY[asked], k, default_filters(ARRAY[asked], filters),
        options);
END
$$;
COMMENT ON FUNCTION modiste.similar_listings(bigint, integer, jsonb, jsonb) IS
'Listings similar to this one, best first, each once, itself left out; its best pair of photos speaks for two listings.
filters: catalogue (default: its own), category (the model''s), seller_category, brand, gender, colour, size, currency,
exclude_seller: text or a list meaning any of; other_colour_than: none of these, by the model''s colour, else the
seller''s; attributes: all of them, as group:value; price_min, price_max: in `currency` (default: its own); available
(default true); metadata.KEY. Unknown keys and wrong types raise 22023.
options: mode: same_style (default), same_item (shows the same photo) or other_colour; min_score: 0 (default) to 1, none
below it; diversity: 0 (default) to 1, how much the answers are to differ; fold: true counts listings that show the same
photo as a better one in its `folded`.
score = greatest(0, cosine). how: exact, approximate, or partial where fewer than k listings match.
Example: SELECT * FROM modiste.similar_listings(42, 12, ''{"gender": "Women", "price_max": 1500, "currency": "INR"}'')';

CREATE OR REPLACE FUNCTION modiste.similar_to(
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
    RETURN QUERY SELECT * FROM answer_similar(
        version, ARRAY[NULL::bigint], ARRAY[embedding::halfvec], '{}', '{}', k,
        '{"available": true}'::jsonb || filters, options);
END
$$;
COMMENT ON FUNCTION modiste.similar_to(real[], integer, jsonb, jsonb) IS
'Listings similar to a vector of the active model version, best first: filters, options and columns as in
similar_listings, but all catalogues and currencies unless the filters name some; photo_id is empty. A vector has no
colour, so the mode other_colour raises 22023.';
