-- What people say is true of a listing, where the model is wrong or not sure: it counts from then on, for every version.

-- The last word on each field of these listings.
CREATE FUNCTION modiste.standing_corrections(listing_ids bigint[]) RETURNS TABLE (listing_id bigint, field text, now text)
LANGUAGE sql STABLE
SET search_path = modiste, pg_temp
AS $$
    SELECT DISTINCT ON (k.listing_id, k.field) k.listing_id, k.field, k.now
    FROM correction k
    WHERE k.listing_id = ANY (listing_ids) AND k.undone_at IS NULL
    ORDER BY k.listing_id, k.field, k.id DESC
$$;

COMMENT ON FUNCTION modiste.standing_corrections(bigint[]) IS 'The last word of a person on each field of these listings.';

-- A search inside a category walks the vectors of that category: a corrected listing has to be among them.
CREATE FUNCTION modiste.place_corrected(listing_ids bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path = modiste, pg_temp
AS $$
DECLARE
    version integer;
BEGIN
    FOR version IN
        SELECT DISTINCT s.model_version_id
        FROM correction k
        JOIN listing_summary s ON s.listing_id = k.listing_id AND s.corrected
        JOIN model_version v ON v.id = s.model_version_id AND v.state <> 'retired'
        WHERE k.listing_id = ANY (listing_ids) AND k.field = 'category' AND k.undone_at IS NULL
    LOOP
        EXECUTE format(
            'UPDATE embedding_%s e SET category = s.category
             FROM photo p JOIN listing_summary s ON s.listing_id = p.listing_id
             WHERE p.listing_id = ANY ($1) AND p.state <> ''quarantined'' AND s.model_version_id = $2 AND s.corrected
               AND e.content_id = p.content_id AND e.category <> s.category', version)
        USING listing_ids, version;
    END LOOP;
END
$$;

COMMENT ON FUNCTION modiste.place_corrected(bigint[]) IS 'Puts the vectors of corrected listings among those of their category.';

-- The words that may be said of a field; NULL where the version tells nothing of that kind.
CREATE FUNCTION modiste.correctable_words(labels jsonb, field text) RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = modiste, pg_temp
AS $$
    SELECT array_agg(word ORDER BY place) FROM (
        SELECT word, place FROM jsonb_array_elements_text(labels -> 'categories') WITH ORDINALITY AS c (word, place)
        WHERE field = 'category'
        UNION ALL
        SELECT word, place
        FROM jsonb_array_elements(labels -> 'groups') AS g, jsonb_array_elements_text(g -> 'values') WITH ORDINALITY AS v (word, place)
        WHERE g ->> 'name' = field
    ) AS words
$$;

COMMENT ON FUNCTION modiste.correctable_words(jsonb, text) IS 'The words that a version with these labels has for category or for an attribute group.';

-- Raises 02000 for a listing that does not exist, 55000 for one that the active version has not seen, 22023 for a field or
-- a word that the active version does not know.
CREATE FUNCTION modiste.correct_listing(listing_id bigint, field text, now text, who text, photo_id bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = modiste, pg_temp
AS $$
DECLARE
    labels jsonb;
    words text[];
    seen listing_summary;
    made bigint;
BEGIN
    PERFORM FROM listing l WHERE l.id = correct_listing.listing_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'listing % does not exist', coalesce(listing_id::text, 'NULL') USING ERRCODE = 'no_data_found';
    END IF;
    SELECT s.* INTO seen FROM listing_summary s JOIN model_version v ON v.id = s.model_version_id
    WHERE s.listing_id = correct_listing.listing_id AND v.state = 'active';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'listing % is not enriched by the active model version: there is nothing to correct', listing_id
              USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Correct it when its import is done.';
    END IF;
    IF coalesce(trim(who), '') = '' THEN
        RAISE EXCEPTION 'a correction needs somebody who says so' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF photo_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM photo p WHERE p.id = photo_id AND p.listing_id = correct_listing.listing_id) THEN
        RAISE EXCEPTION 'photo % is none of listing %', photo_id, listing_id USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT v.manifest -> 'labels' INTO labels FROM model_version v WHERE v.state = 'active';
    words := correctable_words(labels, field);
    IF words IS NULL THEN
        RAISE EXCEPTION '% is nothing that the active model version tells', coalesce(quote_literal(field), 'NULL') USING
            ERRCODE = 'invalid_parameter_value',
            HINT = 'Correct category' || coalesce((SELECT ', ' || string_agg(g ->> 'name', ', ' ORDER BY ord)
                    FROM jsonb_array_elements(labels -> 'groups') WITH ORDINALITY AS groups (g, ord)), '') || '.';
    ELSIF now IS NULL AND field = 'category' OR now <> ALL (words) THEN
        RAISE EXCEPTION '% is no % of the active model version', coalesce(quote_literal(now), 'NULL'), field USING
            ERRCODE = 'invalid_parameter_value', HINT = 'It knows ' || array_to_string(words, ', ') || '.';
    END IF;
    INSERT INTO correction (listing_id, photo_id, field, was, now, who)
    VALUES (correct_listing.listing_id,
            coalesce(correct_listing.photo_id,
                     (SELECT p.id FROM photo p WHERE p.listing_id = correct_listing.listing_id AND p.state <> 'quarantined'
                      ORDER BY p.position, p.id LIMIT 1)),
            correct_listing.field,
            CASE field WHEN 'category' THEN seen.category ELSE
                (SELECT substr(a, strpos(a, ':') + 1) FROM unnest(seen.attributes, seen.attribute_scores) AS said (a, score)
                 WHERE split_part(a, ':', 1) = field ORDER BY score DESC LIMIT 1) END,
            correct_listing.now, trim(correct_listing.who))
    RETURNING id INTO made;
    PERFORM refresh_summaries(ARRAY[listing_id]);
    RETURN made;
END
$$;

COMMENT ON FUNCTION modiste.correct_listing(bigint, text, text, text, bigint) IS
    'What a person says is true: category, or an attribute group, is now this word (NULL: no word of the group); the correction''s id.';

CREATE FUNCTION modiste.undo_correction(correction_id bigint) RETURNS bigint
LANGUAGE plpgsql
SET search_path = modiste, pg_temp
AS $$
DECLARE
    undone correction;
    version integer;
BEGIN
    SELECT * INTO undone FROM correction WHERE id = correction_id;
    PERFORM FROM listing WHERE id = undone.listing_id FOR NO KEY UPDATE;
    UPDATE correction SET undone_at = now() WHERE id = correction_id AND undone_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no correction % to undo', coalesce(correction_id::text, 'NULL')
              USING ERRCODE = 'no_data_found';
    END IF;
    IF undone.field = 'category' THEN
        FOR version IN SELECT id FROM model_version WHERE state <> 'retired' LOOP
            EXECUTE format(
                'UPDATE embedding_%s e SET category = said.categories[1]
                 FROM photo p JOIN enrichment said USING (content_id)
                 WHERE p.listing_id = $1 AND said.model_version_id = $2 AND e.content_id = p.content_id
                   AND e.category <> said.categories[1]', version)
            USING undone.listing_id, version;
        END LOOP;
    END IF;
    PERFORM refresh_summaries(ARRAY[undone.listing_id]);
    RETURN undone.listing_id;
END
$$;

COMMENT ON FUNCTION modiste.undo_correction(bigint) IS 'Takes a correction back; what was said before it counts again. Its listing''s id.';

CREATE VIEW modiste.listing_correction AS
SELECT k.id AS correction_id, k.listing_id, l.catalogue, l.external_id, k.photo_id, k.field, k.was, k.now, k.made_at, k.undone_at
FROM modiste.correction k JOIN modiste.listing l ON l.id = k.listing_id;

COMMENT ON VIEW modiste.listing_correction IS 'What people said is true of listings, or that it is right (was = now); not who.';
COMMENT ON COLUMN modiste.listing_correction.field IS 'category, or an attribute group.';
COMMENT ON COLUMN modiste.listing_correction.was IS 'What answers said before; empty: nothing.';
COMMENT ON COLUMN modiste.listing_correction.now IS 'What is true; empty: nothing of this group.';
COMMENT ON COLUMN modiste.listing_correction.undone_at IS 'When somebody took it back.';

COMMENT ON COLUMN modiste.listing_enrichment.corrected IS 'A person said the category, or that it is right.';

CREATE OR REPLACE FUNCTION modiste.missing_grants() RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = modiste, pg_temp
AS $$
    WITH reader AS (
        SELECT oid FROM pg_roles WHERE rolname = 'modiste_reader'
    ), readable AS (
        SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = 'modiste'::regnamespace
          AND (c.relname IN ('catalogue', 'category_index', 'content', 'listing', 'listing_summary', 'model_version', 'recall_check',
                             'listing_enrichment', 'listing_photo', 'listing_attribute', 'listing_correction', 'import_counts')
               OR c.relkind = 'r' AND c.relname ~ '^embedding_[0-9]+$')
    )
    SELECT format('USAGE ON SCHEMA %I', n.nspname) FROM reader r, pg_namespace n
    WHERE n.nspname = 'modiste' AND NOT has_schema_privilege(r.oid, n.oid, 'USAGE')
       OR n.oid = (SELECT extnamespace FROM pg_extension WHERE extname = 'vector')
          AND NOT has_schema_privilege(r.oid, n.oid, 'USAGE')
    UNION ALL
    SELECT format('SELECT ON modiste.%I', c.relname) FROM reader r, readable JOIN pg_class c USING (oid)
    WHERE NOT has_table_privilege(r.oid, c.oid, 'SELECT')
    UNION ALL
    SELECT format('SELECT (%s) ON modiste.photo', string_agg(quote_ident(name), ', ')) FROM reader r,
           unnest('{id,listing_id,position,content_id,state,reason,updated_at}'::text[]) AS name
    WHERE NOT has_column_privilege(r.oid, 'modiste.photo', name, 'SELECT')
    HAVING count(*) > 0
$$;
