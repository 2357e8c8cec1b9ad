-- A filter of attributes that could never be met is an error, as every filter of the wrong type is.

-- Raises 22023 for what is no group:value, and for a group that the active version does not have. A version of another
-- program's may tell no groups: then any will do.
CREATE FUNCTION modiste.check_attributes(attributes text[]) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = modiste, pg_temp
AS $$
DECLARE
    bad text;
    labels jsonb;
    known text[];
BEGIN
    SELECT a INTO bad FROM unnest(attributes) AS a WHERE a !~ '^[^:]+:.' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'filter "attributes" takes group:value, not "%"', bad
              USING ERRCODE = 'invalid_parameter_value', HINT = 'For example "colour:Blue".';
    END IF;
    SELECT v.manifest -> 'labels' INTO labels FROM model_version v WHERE v.state = 'active' AND v.manifest @? '$.labels.groups';
    IF NOT FOUND THEN
        RETURN;
    END IF;
    known := ARRAY(SELECT name #>> '{}' FROM jsonb_path_query(labels, '$.groups[*].name') AS name);
    SELECT split_part(a, ':', 1) INTO bad FROM unnest(attributes) AS a WHERE split_part(a, ':', 1) <> ALL (known) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the active model version has no attribute group "%"', bad USING
            ERRCODE = 'invalid_parameter_value',
            HINT = coalesce('Its groups: ' || nullif(array_to_string(known, ', '), ''), 'It has none at all.');
    END IF;
END
$$;
COMMENT ON FUNCTION modiste.check_attributes(text[]) IS
'Raises 22023 unless each is group:value, with a group of the active version.';

CREATE OR REPLACE FUNCTION modiste.filter_condition(filters jsonb) RETURNS text
LANGUAGE plpgsql STABLE
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
            PERFORM check_filter(filters, key, '{string}', true), check_attributes(filter_texts(filters, key));
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
