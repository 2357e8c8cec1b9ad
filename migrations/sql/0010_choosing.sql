-- Which listings answer. The planner of 0007 finds candidates; here they are chosen from and described. `{vector}` is the
-- schema that holds pgvector.
--
-- A plain question takes the k nearest; what looks at the answers among each other (diversity, fold) chooses from the
-- 5k nearest, and from 1,000 where these are too few. same_item keeps of them those that show the same photo.
-- other_colour is a filter, planned as such.

-- The thresholds are measured on photos that were resized and recompressed, see docs/benchmarks.md. Vectors alone call
-- the same dress in two colours one photo, and fingerprints alone many a thing on white ground; where both agree, of 1.1
-- million pairs of a shop's photos six did so by chance. Where a fingerprint is missing, only all but equal vectors count.
CREATE FUNCTION modiste.same_photo(
    content_id bigint, fingerprint bytea, other_content_id bigint, other_fingerprint bytea, distance double precision)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(content_id = other_content_id, false) OR CASE
        WHEN fingerprint IS NULL OR other_fingerprint IS NULL THEN distance <= 0.01
        WHEN distance > 0.3 OR length(fingerprint) <> length(other_fingerprint) THEN false
        ELSE (SELECT sum(abs(get_byte(fingerprint, i) - get_byte(other_fingerprint, i))) <= length(fingerprint)
              FROM generate_series(0, length(fingerprint) - 1) AS i) END
$$;
COMMENT ON FUNCTION modiste.same_photo(bigint, bytea, bigint, bytea, double precision) IS
'Whether two contents show the same photo: equal bytes, or cosine >= 0.7 and fingerprints (48 colours) that differ by one
of 256 levels on average at most; where one has no fingerprint, cosine >= 0.99.';

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

CREATE FUNCTION modiste.same_items(found modiste.chosen_listing[]) RETURNS modiste.chosen_listing[]
LANGUAGE sql STABLE
SET search_path = modiste, pg_temp
AS $$
    SELECT coalesce(array_agg((f.listing_id, f.photo_id, f.matched_photo_id, f.distance, f.folded, f.walked)
                              ::chosen_listing ORDER BY f.place), '{}')
    FROM unnest(found) WITH ORDINALITY
         AS f (listing_id, photo_id, matched_photo_id, distance, folded, walked, place)
    JOIN photo their ON their.id = f.matched_photo_id
    JOIN content theirs ON theirs.id = their.content_id
    LEFT JOIN photo our ON our.id = f.photo_id
    LEFT JOIN content ours ON ours.id = our.content_id
    WHERE same_photo(ours.id, ours.fingerprint, theirs.id, theirs.fingerprint, f.distance)
$$;
COMMENT ON FUNCTION modiste.same_items(modiste.chosen_listing[]) IS
'Those whose pair of photos shows the same photo.';

-- One after the other, each time the listing that is best by (1 - diversity) * likeness to what was asked less
-- diversity * likeness to the most alike of those chosen before (maximal marginal relevance, Carbonell and Goldstein
-- 1998); of equal ones the nearer. With `fold`, whoever shows a photo of a chosen one is counted with that: any photo of
-- theirs, as the two may answer by different ones.
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
    -- of all their photos
    owners integer[];
    contents bigint[];
    fingerprints bytea[];
    looks halfvec[];
    chosen chosen_listing[] := '{}';
    best chosen_listing;
    next integer;
    again integer[] := '{}';
BEGIN
    EXECUTE format(
        'SELECT array_agg(e.vec ORDER BY f.place), array_agg(false), array_agg(NULL::double precision)
         FROM unnest($1) WITH ORDINALITY
              AS f (listing_id, photo_id, matched_photo_id, distance, folded, walked, place)
         JOIN photo p ON p.id = f.matched_photo_id
         JOIN embedding_%s e USING (content_id)', version)
        INTO vectors, gone, apart USING candidates;
    IF fold THEN
        EXECUTE format(
            'SELECT array_agg(f.place), array_agg(c.id), array_agg(c.fingerprint), array_agg(e.vec)
             FROM unnest($1) WITH ORDINALITY
                  AS f (listing_id, photo_id, matched_photo_id, distance, folded, walked, place)
             JOIN photo p ON p.listing_id = f.listing_id AND p.state <> ''quarantined''
             JOIN content c ON c.id = p.content_id
             JOIN embedding_%s e ON e.content_id = c.id', version)
            INTO owners, contents, fingerprints, looks USING candidates;
    END IF;
    WHILE cardinality(chosen) < k LOOP
        SELECT c.place INTO next
        FROM unnest(candidates, gone, apart) WITH ORDINALITY
             AS c (listing_id, photo_id, matched_photo_id, distance, folded, walked, gone, apart, place)
        WHERE NOT c.gone
        ORDER BY (1 - diversity) * c.distance - diversity * coalesce(c.apart, 0), c.place LIMIT 1;
        EXIT WHEN NOT FOUND;
        IF fold THEN
            again := ARRAY(
                SELECT DISTINCT theirs.owner
                FROM unnest(owners, contents, fingerprints, looks) AS ours (owner, content_id, fingerprint, vec),
                     unnest(owners, contents, fingerprints, looks) AS theirs (owner, content_id, fingerprint, vec)
                WHERE ours.owner = next AND theirs.owner <> next AND NOT gone[theirs.owner]
                  AND same_photo(ours.content_id, ours.fingerprint, theirs.content_id, theirs.fingerprint,
                                 ours.vec <=> theirs.vec));
        END IF;
        SELECT array_agg(c.gone OR c.place = next OR c.place = ANY (again) ORDER BY c.place),
               array_agg(least(c.apart, c.vec <=> vectors[next]) ORDER BY c.place)
            INTO gone, apart
        FROM unnest(vectors, gone, apart) WITH ORDINALITY AS c (vec, gone, apart, place);
        best := candidates[next];
        best.folded := cardinality(again);
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
        1 - (options ->> 'min_score')::double precision, CASE mode WHEN 'same_item' THEN 0.3 END);
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
            found := same_items(found);
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
