-- What a model version says of a listing, over all its photos that it has seen, also those that are asked for again.
--
-- Called inside the transaction that changed a listing's photos; the caller has locked the listings, in id order.
--   category        the one with the highest score summed over the photos; what a person said of it comes first
--   category_score  its mean over all the photos of the listing (a photo that did not name it counts 0); 1 if a person said so
--   abstained       no photo that shows this category was sure of it
--   attributes      `group:value`; of a group whose values exclude each other only the best, scores as means over the photos;
--                   none of a group that does not apply to the category: a close-up of a handbag may look like a shirt,
--                   and its sleeves are not the bag's. What a person said of a group comes first, with score 1
--   corrected       a person said the category, or that it is right
--   changed_at      the begin of this transaction, where any of this is another than before
CREATE OR REPLACE FUNCTION modiste.refresh_summaries(listing_ids bigint[]) RETURNS void
LANGUAGE sql
SET search_path = modiste, pg_temp
AS $$
    WITH told AS MATERIALIZED (
        SELECT * FROM standing_corrections(listing_ids)
    ), said AS (
        SELECT p.listing_id, e.*, count(*) OVER (PARTITION BY p.listing_id, e.model_version_id) AS photos
        FROM photo p JOIN enrichment e USING (content_id)
        WHERE p.listing_id = ANY (listing_ids) AND p.state <> 'quarantined'
    ), category_vote AS (
        SELECT DISTINCT ON (listing_id, model_version_id)
               listing_id, model_version_id, vote.category, sum(vote.score) / max(photos) AS score,
               bool_and(abstained OR categories[1] <> vote.category) AS abstained,
               max(photos) AS photos, max(enriched_at) AS enriched_at
        FROM said, unnest(categories, category_scores) AS vote (category, score)
        GROUP BY listing_id, model_version_id, vote.category
        ORDER BY listing_id, model_version_id, score DESC, vote.category
    ), category AS (
        SELECT c.listing_id, c.model_version_id, c.photos, c.enriched_at,
               coalesce(told.now, c.category) AS category,
               CASE WHEN told.now IS NULL THEN c.score ELSE 1 END AS score,
               told.now IS NULL AND c.abstained AS abstained,
               told.now IS NOT NULL AS corrected
        FROM category_vote c LEFT JOIN told ON told.listing_id = c.listing_id AND told.field = 'category'
    ), version AS MATERIALIZED (
        -- each manifest is read once a call; narrow: the groups that apply to some categories only, as {group: [category]}
        SELECT v.id AS model_version_id, v.exclusive_groups,
               (SELECT jsonb_object_agg(label ->> 'name', label -> 'categories')
                FROM jsonb_path_query(v.manifest, '$.labels.groups[*] ? (@.categories.size() > 0)') AS label) AS narrow
        FROM model_version v WHERE v.id IN (SELECT model_version_id FROM said)
    ), attribute_vote AS (
        SELECT listing_id, model_version_id, vote.attribute, split_part(vote.attribute, ':', 1) AS group_name,
               sum(vote.score) / max(photos) AS score
        FROM said, unnest(attributes, attribute_scores) AS vote (attribute, score)
        GROUP BY listing_id, model_version_id, vote.attribute
    ), attribute_kept AS (
        SELECT *, row_number() OVER (PARTITION BY listing_id, model_version_id, group_name
                                     ORDER BY score DESC, attribute) AS place
        FROM attribute_vote
    ), attribute_said AS (
        SELECT a.listing_id, a.model_version_id, a.attribute, a.score::real
        FROM attribute_kept a
        JOIN version v USING (model_version_id)
        JOIN category c USING (listing_id, model_version_id)
        WHERE (place = 1 OR group_name <> ALL (v.exclusive_groups))
          AND coalesce(v.narrow -> group_name ? c.category, true)
          AND NOT EXISTS (SELECT FROM told WHERE told.listing_id = a.listing_id AND told.field = a.group_name)
        UNION ALL
        SELECT c.listing_id, c.model_version_id, told.field || ':' || told.now, 1
        FROM category c JOIN told USING (listing_id)
        WHERE told.field <> 'category' AND told.now IS NOT NULL
    ), attribute AS (
        SELECT listing_id, model_version_id, array_agg(attribute ORDER BY attribute) AS attributes,
               array_agg(score ORDER BY attribute) AS attribute_scores
        FROM attribute_said GROUP BY listing_id, model_version_id
    ), gone AS (
        DELETE FROM listing_summary s
        WHERE s.listing_id = ANY (listing_ids)
          AND NOT EXISTS (SELECT FROM category c
                          WHERE (c.listing_id, c.model_version_id) = (s.listing_id, s.model_version_id))
    )
    INSERT INTO listing_summary AS s (listing_id, model_version_id, category, category_score, abstained, corrected,
                                      attributes, attribute_scores, photos, enriched_at)
    SELECT c.listing_id, c.model_version_id, c.category, c.score, c.abstained, c.corrected,
           coalesce(a.attributes, '{}'), coalesce(a.attribute_scores, '{}'), c.photos, c.enriched_at
    FROM category c LEFT JOIN attribute a USING (listing_id, model_version_id)
    ORDER BY listing_id, model_version_id
    ON CONFLICT (listing_id, model_version_id) DO UPDATE
    SET (category, category_score, abstained, corrected, attributes, attribute_scores, photos, enriched_at, changed_at) =
        (excluded.category, excluded.category_score, excluded.abstained, excluded.corrected, excluded.attributes,
         excluded.attribute_scores, excluded.photos, excluded.enriched_at, now())
    WHERE (s.category, s.category_score, s.abstained, s.corrected, s.attributes, s.attribute_scores, s.photos, s.enriched_at)
          IS DISTINCT FROM
          (excluded.category, excluded.category_score, excluded.abstained, excluded.corrected, excluded.attributes,
           excluded.attribute_scores, excluded.photos, excluded.enriched_at);

    SELECT place_corrected(listing_ids)
$$;
