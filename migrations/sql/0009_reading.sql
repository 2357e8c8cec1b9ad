-- For whoever reads: views for analysts, and the role `modiste_reader`.
--
-- The role gets grants and no function runs with its owner's rights: a marketplace's own policies on its rows hold for
-- readers too, and a function that a later migration replaces cannot lose a right it never had. What the functions
-- look at a reader may therefore look at as well, vectors included; where a photo comes from is kept back, as its URL
-- may hold a signature.

CREATE VIEW modiste.listing_photo AS
SELECT p.id AS photo_id, p.listing_id, l.catalogue, l.external_id, p.position, p.content_id,
       encode(c.sha256, 'hex') AS sha256, c.width_px, c.height_px, c.size_bytes, p.state, p.reason, p.updated_at
FROM modiste.photo p
JOIN modiste.listing l ON l.id = p.listing_id
LEFT JOIN modiste.content c ON c.id = p.content_id;

COMMENT ON VIEW modiste.listing_photo IS 'One row a photo of a listing: its content and what became of it, not where it comes from.';
COMMENT ON COLUMN modiste.listing_photo.position IS '0 is the main photo.';
COMMENT ON COLUMN modiste.listing_photo.content_id IS 'The same number means the same bytes; empty until they were read.';
COMMENT ON COLUMN modiste.listing_photo.sha256 IS 'Of the bytes, in hex.';
COMMENT ON COLUMN modiste.listing_photo.state IS 'pending, enriched, cancelled or quarantined.';
COMMENT ON COLUMN modiste.listing_photo.reason IS 'Why it is in quarantine.';

CREATE VIEW modiste.listing_attribute AS
SELECT e.listing_id, e.catalogue, e.external_id, split_part(said.attribute, ':', 1) AS attribute_group,
       substr(said.attribute, strpos(said.attribute, ':') + 1) AS value, said.score
FROM modiste.listing_enrichment e, unnest(e.attributes, e.attribute_scores) AS said (attribute, score);

COMMENT ON VIEW modiste.listing_attribute IS
    'One row an attribute that the active model version sees on a listing. To find listings by one, ask listing_enrichment with @>.';
COMMENT ON COLUMN modiste.listing_attribute.attribute_group IS 'For example colour, pattern, sleeve.';
COMMENT ON COLUMN modiste.listing_attribute.value IS 'For example Blue.';
COMMENT ON COLUMN modiste.listing_attribute.score IS '0 to 1.';

CREATE VIEW modiste.import_counts AS
SELECT i.id AS import_id, i.catalogue, i.state, v.name AS model_version, i.rows_new, i.rows_changed, i.rows_unchanged,
       i.rows_continued, i.rows_rejected, i.photos_total, i.photos_enriched, i.photos_quarantined, i.photos_cancelled,
       i.photos_inferred, i.listings_withdrawn, i.started_at, i.finished_at
FROM modiste.import i JOIN modiste.model_version v ON v.id = i.model_version_id;

COMMENT ON VIEW modiste.import_counts IS 'One row a run over a feed, with its counts; `modiste report` tells more.';
COMMENT ON COLUMN modiste.import_counts.photos_inferred IS 'Of the enriched: those that went through the network; the others were known.';

-- What modiste_reader should be granted and is not yet, as GRANT says it; nothing where the role does not exist.
CREATE FUNCTION modiste.missing_grants() RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = modiste, pg_temp
AS $$
    WITH reader AS (
        SELECT oid FROM pg_roles WHERE rolname = 'modiste_reader'
    ), readable AS (
        SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = 'modiste'::regnamespace
          AND (c.relname IN ('catalogue', 'category_index', 'content', 'listing', 'listing_summary', 'model_version', 'recall_check',
                             'listing_enrichment', 'listing_photo', 'listing_attribute', 'import_counts')
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

COMMENT ON FUNCTION modiste.missing_grants() IS 'What the role modiste_reader should be granted and is not; `modiste doctor` shows it.';

-- Called by migrations, and for each new vector table; by whoever owns the schema, once the role was made by hand.
CREATE FUNCTION modiste.grant_reading() RETURNS void
LANGUAGE plpgsql
SET search_path = modiste, pg_temp
AS $$
DECLARE
    missing text;
BEGIN
    FOR missing IN SELECT modiste.missing_grants() LOOP
        BEGIN
            EXECUTE format('GRANT %s TO modiste_reader', missing);
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'its owner has to GRANT % TO modiste_reader', missing;
        END;
    END LOOP;
END
$$;

COMMENT ON FUNCTION modiste.grant_reading() IS
    'Grants the role modiste_reader what a reader needs. The migration does so; call it after CREATE ROLE modiste_reader.';

-- Roles are of the whole server: another database may have made this one.
DO $$
BEGIN
    IF to_regrole('modiste_reader') IS NULL THEN
        CREATE ROLE modiste_reader NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;  -- in this moment
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'role modiste_reader was not made, as % may not: see modiste doctor', current_user;
END
$$;
