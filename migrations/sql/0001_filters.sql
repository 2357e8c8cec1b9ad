-- Filters of a similarity question: a JSON object whose keys are combined with AND, a list meaning any of its values.
--
-- `filter_condition` checks the object and returns the WHERE condition for it, made of fixed fragments only: no key or
-- value of the asker is ever part of the SQL text. The fragments read the values out of $1 (the object itself) through
-- IMMUTABLE functions, so that the planner sees them as constants.

-- The values of a key as text[]: 'x' and ["x", "y"] alike; numbers and booleans in their JSON spelling.
CREATE FUNCTION modiste.filter_texts(filters jsonb, key text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE jsonb_typeof(filters -> key)
           WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements_text(filters -> key))
           ELSE ARRAY[filters ->> key] END
$$;

-- {"metadata.season": ["Summer", "Fall"]} -> {'{"season": "Summer"}', '{"season": "Fall"}'}, for metadata @> ANY (…).
-- `place` counts the metadata keys of the object in their own order.
CREATE FUNCTION modiste.filter_metadata(filters jsonb, place integer) RETURNS jsonb[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT array_agg(jsonb_build_object(substr(key, 10), value))
    FROM (SELECT key FROM jsonb_object_keys(filters) AS key WHERE starts_with(key, 'metadata.')
          ORDER BY key COLLATE "C" OFFSET place - 1 LIMIT 1) AS chosen,
         unnest(modiste.filter_texts(filters, key)) AS value
$$;

-- Raises 22023 unless the value of `key` is of the right type: text, number or flag, alone or in a list.
CREATE FUNCTION modiste.check_filter(filters jsonb, key text, kinds text[], lists boolean) RETURNS void
LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
    value jsonb := filters -> key;
    bad jsonb;
BEGIN
    IF jsonb_typeof(value) = 'array' AND lists THEN
        SELECT item INTO bad FROM jsonb_array_elements(value) AS item WHERE jsonb_typeof(item) <> ALL (kinds) LIMIT 1;
    ELSIF jsonb_typeof(value) <> ALL (kinds) THEN
        bad := value;
    END IF;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'filter "%" takes %, not %', key,
              array_to_string(kinds, ' or ') || CASE WHEN lists THEN ' or a list of them' ELSE '' END, bad
              USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

CREATE FUNCTION modiste.filter_condition(filters jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = modiste, pg_temp
AS $$
DECLARE
    known constant jsonb := jsonb_build_object(
        'catalogue', 'l.catalogue', 'category', 's.category', 'seller_category', 'l.seller_category',
        'brand', 'l.brand', 'gender', 'l.gender', 'colour', 'l.colour', 'size', 'l.size', 'currency', 'l.currency');
    conditions text[] := '{}';
    metadata_keys integer := 0;
    key text;
BEGIN
    IF jsonb_typeof(filters) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'filters must be a JSON object, not %', coalesce(filters::text, 'NULL')
              USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR key IN SELECT k FROM jsonb_object_keys(filters) AS k ORDER BY k COLLATE "C" LOOP
        IF known ? key THEN
            PERFORM check_filter(filters, key, '{string}', true);
            conditions := conditions || format('%s = ANY (modiste.filter_texts($1, %L))', known ->> key, key);
        ELSIF key = 'attributes' THEN
            PERFORM check_filter(filters, key, '{string}', true);
            conditions := conditions || 's.attributes @> modiste.filter_texts($1, ''attributes'')'::text;
        ELSIF key IN ('price_min', 'price_max') THEN
            PERFORM check_filter(filters, key, '{number}', false);
            conditions := conditions || format('l.price %s ($1 ->> %L)::numeric',
                                               CASE key WHEN 'price_min' THEN '>=' ELSE '<=' END, key);
        ELSIF key = 'available' THEN
            PERFORM check_filter(filters, key, '{boolean}', true);
            conditions := conditions || 'l.available = ANY (modiste.filter_texts($1, ''available'')::boolean[])'::text;
        ELSIF key = 'exclude_seller' THEN
            PERFORM check_filter(filters, key, '{string}', true);
            conditions := conditions ||
                '(l.seller IS NULL OR l.seller <> ALL (modiste.filter_texts($1, ''exclude_seller'')))'::text;
        ELSIF starts_with(key, 'metadata.') AND length(key) > 9 THEN
            PERFORM check_filter(filters, key, '{string,number,boolean}', true);
            metadata_keys := metadata_keys + 1;
            conditions := conditions || format('l.metadata @> ANY (modiste.filter_metadata($1, %s))', metadata_keys);
        ELSE
            RAISE EXCEPTION 'unknown filter "%"', key USING
                ERRCODE = 'invalid_parameter_value',
                HINT = 'Known filters: catalogue, category, seller_category, brand, gender, colour, size, attributes, '
                       'price_min, price_max, currency, available, exclude_seller, metadata.KEY';
        END IF;
    END LOOP;
    RETURN coalesce(nullif(array_to_string(conditions, ' AND '), ''), 'true');
END
$$;
