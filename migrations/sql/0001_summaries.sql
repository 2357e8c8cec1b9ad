-- What a model version says of a listing, over all its enriched photos.
--
-- Called inside the transaction that changed a listing's photos; the caller has locked the listings, in id order.
--   category        the one with the highest score summed over the photos
--   category_score  its mean over all the photos of the listing (a photo that did not name it counts 0)
--   abstained       no photo that shows this category was sure of it
--   attributes      `group:value`; of a group whose values exclude each other only the best, scores as means over the photos
CREATE FUNCTION modiste.refresh_summaries(listing_ids bigint[]) RETURNS void
LANGUAGE sql
SET search_path = modiste, pg_temp
AS $$
    WITH said AS (
        SELECT p.listing_id, e.*, count(*) OVER (PARTITION BY p.listing_id, e.model_version_id) AS photos
        FROM photo p JOIN enrichment e USING (content_id)
        WHERE p.listing_id = ANY (listing_ids) AND p.state = 'enriched'
    ), category AS (
        SELECT DISTINCT ON (listing_id, model_version_id)
               listing_id, model_version_id, vote.category, sum(vote.score) / max(photos) AS score,
               bool_and(abstained OR categories[1] <> vote.category) AS abstained,
               max(photos) AS photos, max(enriched_at) AS enriched_at
        FROM said, unnest(categories, category_scores) AS vote (category, score)
        GROUP BY listing_id, model_version_id, vote.category
        ORDER BY listing_id, model_version_id, score DESC, vote.category
    ), attribute_vote AS (
        SELECT listing_id, model_version_id, vote.attribute, sum(vote.score) / max(photos) AS score
        FROM said, unnest(attributes, attribute_scores) AS vote (attribute, score)
        GROUP BY listing_id, model_version_id, vote.attribute
    ), attribute_kept AS (
        SELECT *, row_number() OVER (
                   PARTITION BY listing_id, model_version_id, split_part(attribute, ':', 1)
                   ORDER BY score DESC, attribute) AS place
        FROM attribute_vote
    ), attribute AS (
        SELECT a.listing_id, a.model_version_id,
               array_agg(a.attribute ORDER BY a.attribute) AS attributes,
               array_agg(a.score::real ORDER BY a.attribute) AS attribute_scores
        FROM attribute_kept a JOIN model_version v ON v.id = a.model_version_id
        WHERE place = 1 OR split_part(attribute, ':', 1) <> ALL (v.exclusive_groups)
        GROUP BY a.listing_id, a.model_version_id
    ), gone AS (
        DELETE FROM listing_summary s
        WHERE s.listing_id = ANY (listing_ids)
          AND NOT EXISTS (SELECT FROM category c
                          WHERE (c.listing_id, c.model_version_id) = (s.listing_id, s.model_version_id))
    )
    INSERT INTO listing_summary AS s (listing_id, model_version_id, category, category_score, abstained,
                                      attributes, attribute_scores, photos, enriched_at)
    SELECT c.listing_id, c.model_version_id, c.category, c.score, c.abstained,
           coalesce(a.attributes, '{}'), coalesce(a.attribute_scores, '{}'), c.photos, c.enriched_at
    FROM category c LEFT JOIN attribute a USING (listing_id, model_version_id)
    ORDER BY listing_id, model_version_id
    ON CONFLICT (listing_id, model_version_id) DO UPDATE
    SET (category, category_score, abstained, attributes, attribute_scores, photos, enriched_at) =
        (excluded.category, excluded.category_score, excluded.abstained, excluded.attributes,
         excluded.attribute_scores, excluded.photos, excluded.enriched_at)
$$;

COMMENT ON FUNCTION modiste.refresh_summaries(bigint[]) IS
    'Brings listing_summary up to date for these listings, for every model version that enriched their photos.';


CREATE VIEW modiste.listing_enrichment AS
SELECT l.id AS listing_id, l.catalogue, l.external_id, s.category, s.category_score, s.abstained, s.corrected,
       s.attributes, s.attribute_scores, s.photos, v.name AS model_version, s.enriched_at
FROM modiste.listing l
JOIN modiste.listing_summary s ON s.listing_id = l.id
JOIN modiste.model_version v ON v.id = s.model_version_id AND v.state = 'active';

COMMENT ON VIEW modiste.listing_enrichment IS
    'One row a listing that the active model version has enriched: what it sees on the photos.';
COMMENT ON COLUMN modiste.listing_enrichment.category IS 'The most probable category over all photos, also when the model abstained.';
COMMENT ON COLUMN modiste.listing_enrichment.category_score IS 'Its probability, mean over the photos, 0 to 1.';
COMMENT ON COLUMN modiste.listing_enrichment.abstained IS 'The model was not sure enough to be taken at its word.';
COMMENT ON COLUMN modiste.listing_enrichment.corrected IS 'A person said what is true here.';
COMMENT ON COLUMN modiste.listing_enrichment.attributes IS 'As group:value, for example colour:Blue; ask with @>.';
COMMENT ON COLUMN modiste.listing_enrichment.attribute_scores IS 'In the order of attributes, 0 to 1.';
