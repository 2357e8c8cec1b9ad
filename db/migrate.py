"""Bringing a database to the schema of this program, by Alembic."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from db.engine import MIGRATIONS, first_line, transaction
from db.errors import DbError

# Any number will do as long as no other program uses it in this database.
MIGRATION_LOCK = 0x6D6F6469


class CannotMigrate(DbError):
    """The schema could not be brought up to date; nothing was changed."""


def head_revision() -> str:
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def migrate(engine: Engine) -> None:
    """Runs all missing migrations in one transaction; two at once wait for each other."""
    try:
        with transaction(engine) as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise CannotMigrate(f"{CannotMigrate.__doc__} PostgreSQL says: {first_line(error)}") from error


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config
