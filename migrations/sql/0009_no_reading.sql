-- Takes from modiste_reader what it was granted in this database, and drops it where nobody else has it: roles are of
-- the whole server. Another database that grants it something keeps it, and so does a person who is in it.
DO $$
BEGIN
    IF to_regrole('modiste_reader') IS NULL THEN
        RETURN;
    END IF;
    REVOKE ALL ON ALL TABLES IN SCHEMA modiste FROM modiste_reader;
    REVOKE ALL ON SCHEMA modiste FROM modiste_reader;
    BEGIN
        REVOKE USAGE ON SCHEMA {vector} FROM modiste_reader;
        IF NOT EXISTS (SELECT FROM pg_auth_members
                       WHERE roleid = to_regrole('modiste_reader') AND member <> to_regrole(current_user)) THEN
            DROP ROLE modiste_reader;
        END IF;
    EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
        RAISE NOTICE 'role modiste_reader was kept: %', SQLERRM;
    END;
END
$$;
