-- What similar_listings is measured against. It shares with the planner what a filter means, and nothing else.

CREATE FUNCTION modiste.count_kept(version integer, filters jsonb) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = modiste, pg_temp
AS $$
DECLARE
    kept bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM %s WHERE %s',
                   filtered_listings(version, filters), filter_condition(filters))
        INTO kept USING filters;
    RETURN kept;
END
$$;

COMMENT ON FUNCTION modiste.count_kept(integer, jsonb) IS
    'How many listings pass `filters`, counted; estimate_kept guesses it for the planner.';

CREATE FUNCTION modiste.exact_listings(listing_id bigint, k integer DEFAULT 12, filters jsonb DEFAULT '{}')
RETURNS TABLE (similar_id bigint, score double precision)
LANGUAGE plpgsql STABLE
SET search_path = modiste, {vector}, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    version constant integer := active_version();
BEGIN
    RETURN QUERY EXECUTE format(
        'WITH asked AS MATERIALIZED (
             SELECT DISTINCT e.vec FROM photo p JOIN embedding_%1$s e USING (content_id)
             WHERE p.listing_id = $2 AND p.state <> ''quarantined''
         )
         SELECT l.id, greatest(0, 1 - min(e.vec <=> asked.vec)) AS score
         FROM %2$s JOIN photo p ON p.listing_id = l.id AND p.state <> ''quarantined''
                   JOIN embedding_%1$s e ON e.content_id = p.content_id, asked
         WHERE %3$s AND l.id <> $2
         GROUP BY l.id ORDER BY min(e.vec <=> asked.vec), l.id LIMIT $3',
        version, filtered_listings(version, filters), filter_condition(filters))
        USING filters, $1, $2;
END
$$;

COMMENT ON FUNCTION modiste.exact_listings(bigint, integer, jsonb) IS
'What similar_listings should answer: every listing that passes `filters` is compared, without any index, in seconds for
a million. It is for measuring: no filter has a default, and only ids and scores come back.';
