"""Bringing a database to the schema of this program, by Alembic."""

from typing import TYPE_CHECKING

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from db.engine import MIGRATIONS, first_line, transaction
from db.errors import DbError
from db.servers import require_new_enough

if TYPE_CHECKING:
    from alembic.config import Config

# Any number will do as long as no other program uses it in this database.
MIGRATION_LOCK = 0x6D6F6469


class CannotMigrate(DbError):
    """The schema could not be brought up to date; nothing was changed."""


def head_revision() -> str:
    """The newest migration of this program. Read off the file names: loading Alembic would slow every start down."""
    return max(path.name.split("_")[0] for path in MIGRATIONS.glob("versions/[0-9]*.py"))


def migrate(engine: Engine) -> None:
    """Runs all missing migrations in one transaction; two at once wait for each other. Raises `ServerTooOld`."""
    from alembic import command

    try:
        with transaction(engine) as connection:
            require_new_enough(connection)
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise CannotMigrate(f"{CannotMigrate.__doc__} PostgreSQL says: {first_line(error)}") from error


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config
