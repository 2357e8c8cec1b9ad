-- Filters and options of a question: what 0001 had, and the colour that an answer must not have.

-- The colour a listing is known by: the model's, else the seller's.
-- STABLE, as array_to_string is: PostgreSQL would not inline it otherwise, and call it for each listing at ten times the cost.
-- A regular expression takes four times as long.
CREATE FUNCTION modiste.colour_word(attributes text[], said text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT coalesce(
        nullif(split_part(split_part(E'\n' || array_to_string(attributes, E'\n'), E'\ncolour:', 2), E'\n', 1), ''), said)
$$;
COMMENT ON FUNCTION modiste.colour_word(text[], text) IS
'The colour of a listing: the value of the attribute group colour among `attributes`, else what its seller `said`.';

CREATE OR REPLACE FUNCTION modiste.filter_condition(filters jsonb) RETURNS text
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
        ELSIF key = 'other_colour_than' THEN
            PERFORM check_filter(filters, key, '{string}', true);
            conditions := conditions ||
                ('lower(modiste.colour_word(s.attributes, l.colour)) '
                 '<> ALL (modiste.filter_texts(lower($1::text)::jsonb, ''other_colour_than''))')::text;
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
                HINT = 'Known filters: catalogue, category, seller_category, brand, gender, colour, other_colour_than, '
                       'size, attributes, price_min, price_max, currency, available, exclude_seller, metadata.KEY';
        END IF;
    END LOOP;
    RETURN coalesce(nullif(array_to_string(conditions, ' AND '), ''), 'true');
END
$$;

CREATE OR REPLACE FUNCTION modiste.filtered_listings(version integer, filters jsonb) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
    SELECT 'listing l' || CASE WHEN filters ?| '{category,attributes,other_colour_than}' THEN
        format(' JOIN listing_summary s ON s.listing_id = l.id AND s.model_version_id = %s', version) ELSE '' END
$$;

CREATE OR REPLACE FUNCTION modiste.check_question(k integer, options jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
    option text;
    value jsonb;
BEGIN
    IF k IS NULL OR k NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'k must be between 1 and 1000, not %', coalesce(k::text, 'NULL')
              USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF jsonb_typeof(options) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'options must be a JSON object, not %', coalesce(options::text, 'NULL')
              USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR option, value IN SELECT o.key, o.value FROM jsonb_each(options) AS o ORDER BY o.key COLLATE "C" LOOP
        IF option = 'mode' THEN
            IF value NOT IN ('"same_style"', '"same_item"', '"other_colour"') THEN
                RAISE EXCEPTION 'option "mode" is same_style, same_item or other_colour, not %', value
                      USING ERRCODE = 'invalid_parameter_value';
            END IF;
        ELSIF option IN ('diversity', 'min_score') THEN
            IF (CASE jsonb_typeof(value) WHEN 'number' THEN value::numeric NOT BETWEEN 0 AND 1 ELSE true END) THEN
                RAISE EXCEPTION 'option "%" takes a number from 0 to 1, not %', option, value
                      USING ERRCODE = 'invalid_parameter_value';
            END IF;
        ELSIF option = 'fold' THEN
            IF jsonb_typeof(value) <> 'boolean' THEN
                RAISE EXCEPTION 'option "fold" takes true or false, not %', value
                      USING ERRCODE = 'invalid_parameter_value';
            END IF;
        ELSIF option = 'ef' THEN
            RAISE EXCEPTION 'option "ef" is not served: how far the index is walked is planned'
                  USING ERRCODE = 'feature_not_supported', HINT = 'Leave it out.';
        ELSE
            RAISE EXCEPTION 'unknown option "%"', option
                  USING ERRCODE = 'invalid_parameter_value', HINT = 'Known options: mode, min_score, diversity, fold';
        END IF;
    END LOOP;
END
$$;
