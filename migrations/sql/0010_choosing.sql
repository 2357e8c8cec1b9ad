-- Which listings answer. The planner of 0007 finds candidates; here they are chosen from and described. `{vector}` is the
-- schema that holds pgvector.
--
-- A plain question takes the k nearest; what looks at the answers among each other (diversity, fold) chooses from the
-- 5k nearest, and from 1,000 where these are too few. same_item keeps of them those that show the same photo.
-- other_colour is a filter, planned as such.

-- The thresholds are measured on photos that were resized and recompressed, see docs/benchmarks.md. Vectors alone call
-- the same dress in two colours one photo, and fingerprints alone white shirts; where both agree, of 8.8 million pairs of
-- a shop's photos two did so by chance. Where a fingerprint is missing, only all but equal vectors count.
CREATE FUNCTION modiste.same_photo(
    content_id bigint, fingerprint {vector}.halfvec, other_content_id bigint, other_fingerprint {vector}.halfvec,
    distance double precision)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT content_id = other_content_id
           OR CASE WHEN fingerprint IS NULL OR other_fingerprint IS NULL THEN distance <= 0.01
                   ELSE {vector}.l1_distance(fingerprint, other_fingerprint) <= 96 AND distance <= 0.4 END
$$;
COMMENT ON FUNCTION modiste.same_photo(bigint, {vector}.halfvec, bigint, {vector}.halfvec, double precision) IS
'Whether two contents show the same photo: equal bytes, or cosine >= 0.6 and fingerprints (96 bytes) that differ by one
of 256 levels on average at most; where one has no fingerprint, cosine >= 0.99.';

CREATE FUNCTION modiste.looks_of(version integer, listings bigint[])
RETURNS TABLE (listing_id bigint, content_id bigint, fingerprint {vector}.halfvec, vec {vector}.halfvec)
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = modiste, {vector}, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT DISTINCT ON (p.listing_id, c.id) p.listing_id, c.id,
                CASE WHEN c.fingerprint IS NOT NULL THEN ARRAY(
                    SELECT get_byte(c.fingerprint, i) FROM generate_series(0, length(c.fingerprint) - 1) AS i)
                ::real[]::halfvec END, e.vec
         FROM photo p JOIN content c ON c.id = p.content_id JOIN embedding_%s e ON e.content_id = c.id
         WHERE p.listing_id = ANY ($1) AND p.state <> ''quarantined''
         ORDER BY p.listing_id, c.id', version)
        USING listings;
END
$$;
COMMENT ON FUNCTION modiste.looks_of(integer, bigint[]) IS
'What photos of these listings are compared by: a row a listing and content.';

CREATE FUNCTION modiste.sharing_photos(version integer, ones bigint[], others bigint[])
RETURNS TABLE (one bigint, other bigint)
LANGUAGE sql STABLE
SET search_path = modiste, {vector}, pg_temp
AS $$
    WITH our AS MATERIALIZED (SELECT * FROM looks_of(version, ones)),
         their AS MATERIALIZED (SELECT * FROM looks_of(version, others))
    SELECT DISTINCT our.listing_id, their.listing_id
    FROM our JOIN their
         ON same_photo(our.content_id, our.fingerprint, their.content_id, their.fingerprint, our.vec <=> their.vec)
    WHERE our.listing_id <> their.listing_id
$$;
COMMENT ON FUNCTION modiste.sharing_photos(integer, bigint[], bigint[]) IS
'Who of `ones` shows a photo that who of `others` shows: any of their photos, as two listings may answer by different ones.';

CREATE TYPE modiste.chosen_listing AS (
    listing_id bigint, photo_id bigint, matched_photo_id bigint, distance double precision, folded integer,
    walked boolean);
COMMENT ON TYPE modiste.chosen_listing IS 'A listing that answers, by its best pair of photos, before it is described.';

CREATE FUNCTION modiste.nearest_pairs(
    version integer, photos bigint[], vectors {vector}.halfvec[], left_out bigint[], reach integer, filters jsonb)
RETURNS SETOF modiste.chosen_listing
LANGUAGE sql STABLE
SET search_path = modiste, {vector}, pg_temp
AS $$
    WITH plan AS MATERIALIZED (
        SELECT modiste.kept_if_many(version, filters) AS kept
    ), pair AS (
        SELECT DISTINCT ON (n.listing_id) n.*, a.photo_id, bool_or(n.how = 'approximate') OVER () AS walked
        FROM plan, unnest(photos, vectors) AS a (photo_id, vec),
             modiste.nearest_listings(version, a.vec, left_out[1], reach + greatest(0, cardinality(left_out) - 1),
                                      filters, plan.kept) AS n
        WHERE n.listing_id <> ALL (left_out)
        ORDER BY n.listing_id, n.distance, a.photo_id
    )
    SELECT listing_id, photo_id, matched_photo_id, distance, 0, walked
    FROM pair ORDER BY distance, listing_id LIMIT reach
$$;
COMMENT ON FUNCTION modiste.nearest_pairs(integer, bigint[], {vector}.halfvec[], bigint[], integer, jsonb) IS
'The `reach` listings nearest to any of these vectors, best first, each once, by its best pair of photos.';

CREATE FUNCTION modiste.same_items(version integer, asked bigint[], found modiste.chosen_listing[])
RETURNS modiste.chosen_listing[]
LANGUAGE sql STABLE
SET search_path = modiste, pg_temp
AS $$
    SELECT coalesce(array_agg(f::chosen_listing ORDER BY f.distance, f.listing_id), '{}')
    FROM unnest(found) AS f
    WHERE CASE asked WHEN '{}' THEN same_photo(NULL, NULL, NULL, NULL, f.distance) ELSE f.listing_id IN (
        SELECT other FROM sharing_photos(version, asked, ARRAY(SELECT listing_id FROM unnest(found)))) END
$$;
COMMENT ON FUNCTION modiste.same_items(integer, bigint[], modiste.chosen_listing[]) IS
'Those that show a photo of the asked listing, or of a bare vector the very same.';

-- One after the other, each time the listing that is best by (1 - diversity) * likeness to what was asked less
-- diversity * likeness to the most alike of those chosen before (maximal marginal relevance, Carbonell and Goldstein
-- 1998); of equal ones the nearer. With `fold`, whoever shows a photo of a chosen one is counted with that.
CREATE FUNCTION modiste.choose_apart(
    version integer, candidates modiste.chosen_listing[], k integer, diversity double precision, fold boolean)
RETURNS modiste.chosen_listing[]
LANGUAGE plpgsql STABLE
SET search_path = modiste, {vector}, pg_temp
AS $$
DECLARE
    -- of the candidates, in their order
    vectors halfvec[];
    gone boolean[];
    apart double precision[];  -- how far each is from the nearest of those chosen
    -- of the pairs that share a photo
    ones bigint[];
    others bigint[];
    chosen chosen_listing[] := '{}';
    best chosen_listing;
    next integer;
    vector halfvec;
    again bigint[];
    folded integer;
BEGIN
    EXECUTE format(
        'SELECT array_agg(e.vec ORDER BY f.place), array_agg(false), array_agg(NULL::double precision)
         FROM unnest($1) WITH ORDINALITY
              AS f (listing_id, photo_id, matched_photo_id, distance, folded, walked, place)
         JOIN photo p ON p.id = f.matched_photo_id
         JOIN embedding_%s e USING (content_id)', version)
        INTO vectors, gone, apart USING candidates;
    IF fold THEN
        SELECT array_agg(s.one), array_agg(s.other) INTO ones, others
        FROM (SELECT array_agg(c.listing_id) AS ids FROM unnest(candidates) AS c) AS all_of_them,
             sharing_photos(version, ids, ids) AS s;
    END IF;
    WHILE cardinality(chosen) < k LOOP
        SELECT c.place INTO next
        FROM unnest(candidates, gone, apart) WITH ORDINALITY
             AS c (listing_id, photo_id, matched_photo_id, distance, folded, walked, gone, apart, place)
        WHERE NOT c.gone
        ORDER BY (1 - diversity) * c.distance - diversity * coalesce(c.apart, 0), c.place LIMIT 1;
        EXIT WHEN NOT FOUND;
        best := candidates[next];
        vector := vectors[next];
        again := ARRAY(SELECT s.other FROM unnest(ones, others) AS s (one, other) WHERE s.one = best.listing_id);
        SELECT array_agg(c.gone OR c.place = next OR c.listing_id = ANY (again) ORDER BY c.place),
               array_agg(CASE WHEN diversity > 0 THEN least(c.apart, c.vec <=> vector) END ORDER BY c.place),
               count(*) FILTER (WHERE c.listing_id = ANY (again) AND NOT c.gone)
            INTO gone, apart, folded
        FROM unnest(candidates, vectors, gone, apart) WITH ORDINALITY
             AS c (listing_id, photo_id, matched_photo_id, distance, folded, walked, vec, gone, apart, place);
        best.folded := folded;
        chosen := chosen || best;
    END LOOP;
    RETURN chosen;
END
$$;
COMMENT ON FUNCTION modiste.choose_apart(integer, modiste.chosen_listing[], integer, double precision, boolean) IS
'k of these listings: by maximal marginal relevance, and with `fold` none that shows the same photo as another.';

DROP FUNCTION modiste.describe_similar(integer, bigint[], {vector}.halfvec[], bigint, integer, jsonb);
CREATE FUNCTION modiste.describe_similar(
    version integer, asked bigint[], chosen modiste.chosen_listing[], k integer, mode text)
RETURNS SETOF modiste.similar_listing
LANGUAGE sql STABLE
SET search_path = modiste, pg_temp
AS $$
    WITH own AS MATERIALIZED (
        SELECT CASE WHEN count(DISTINCT s.category) = 1 THEN min(s.category) END AS category,
               string_agg(DISTINCT modiste.colour_word(s.attributes, l.colour), ', ') AS colour
        FROM listing_summary s JOIN listing l ON l.id = s.listing_id
        WHERE s.listing_id = ANY (asked) AND s.model_version_id = version
    ), ours AS MATERIALIZED (
        SELECT a.attribute, min(a.score) AS score
        FROM listing_summary s, unnest(s.attributes, s.attribute_scores) AS a (attribute, score)
        WHERE s.listing_id = ANY (asked) AND s.model_version_id = version
        GROUP BY a.attribute HAVING count(*) = cardinality(asked)
    )
    SELECT l.id, l.catalogue, l.external_id, l.title, s.category, greatest(0, 1 - c.distance),
           c.photo_id, c.matched_photo_id, c.folded,
           jsonb_strip_nulls(jsonb_build_object(
               'category', CASE WHEN own.category = s.category THEN s.category END,
               'attributes', (SELECT jsonb_object_agg(theirs.attribute, least(theirs.score, ours.score))
                              FROM unnest(s.attributes, s.attribute_scores) AS theirs (attribute, score)
                              JOIN ours USING (attribute)),
               'colours', CASE mode WHEN 'other_colour' THEN jsonb_build_object(
                   'asked', own.colour, 'found', modiste.colour_word(s.attributes, l.colour)) END)),
           CASE WHEN count(*) OVER () < k THEN 'partial'
                WHEN c.walked THEN 'approximate'
                ELSE 'exact' END
    FROM own, unnest(chosen) WITH ORDINALITY
         AS c (listing_id, photo_id, matched_photo_id, distance, folded, walked, place)
    JOIN listing l ON l.id = c.listing_id
    JOIN listing_summary s ON s.listing_id = l.id AND s.model_version_id = version
    ORDER BY c.place
$$;
COMMENT ON FUNCTION modiste.describe_similar(integer, bigint[], modiste.chosen_listing[], integer, text) IS
'The rows of an answer, in the order of `chosen`; `why` tells what these have that all the asked listings have.';

CREATE FUNCTION modiste.answer_similar(
    version integer, photos bigint[], vectors {vector}.halfvec[], asked bigint[], left_out bigint[], k integer,
    filters jsonb, options jsonb)
RETURNS SETOF modiste.similar_listing
LANGUAGE plpgsql STABLE
SET search_path = modiste, {vector}, pg_temp
AS $$
DECLARE
    most constant integer := 1000;
    mode constant text := coalesce(options ->> 'mode', 'same_style');
    diversity constant double precision := coalesce((options ->> 'diversity')::double precision, 0);
    fold constant boolean := coalesce((options ->> 'fold')::boolean, false);
    farthest constant double precision := least(
        1 - (options ->> 'min_score')::double precision, CASE mode WHEN 'same_item' THEN 0.4 END);
    apart constant boolean := diversity > 0 OR fold;
    reach integer := CASE WHEN apart OR mode = 'same_item' THEN least(most, 5 * k) ELSE k END;
    all_there boolean;
    found chosen_listing[];
    chosen chosen_listing[];
BEGIN
    IF mode = 'other_colour' THEN
        filters := jsonb_set(filters, '{other_colour_than}',
            to_jsonb(array_remove(filter_texts(filters, 'other_colour_than'), NULL) || colours_of(version, asked)));
    END IF;
    LOOP
        SELECT coalesce(array_agg(n ORDER BY n.distance, n.listing_id), '{}') INTO found
        FROM nearest_pairs(version, photos, vectors, left_out, reach, filters) AS n;
        all_there := cardinality(found) < reach OR coalesce(found[reach].distance > farthest, false);
        IF farthest IS NOT NULL THEN
            found := ARRAY(SELECT f::chosen_listing FROM unnest(found) AS f WHERE f.distance <= farthest
                           ORDER BY f.distance, f.listing_id);
        END IF;
        IF mode = 'same_item' THEN
            found := same_items(version, asked, found);
        END IF;
        chosen := CASE WHEN apart THEN choose_apart(version, found, k, diversity, fold) ELSE found[1:k] END;
        EXIT WHEN all_there OR cardinality(chosen) >= k OR reach >= most;
        reach := most;
    END LOOP;
    RETURN QUERY SELECT * FROM describe_similar(version, asked, chosen, k, mode);
END
$$;
COMMENT ON FUNCTION modiste.answer_similar(
    integer, bigint[], {vector}.halfvec[], bigint[], bigint[], integer, jsonb, jsonb) IS
'The answer to a question that was checked: `asked` are the listings that `why` speaks of, `left_out` never answer.';
