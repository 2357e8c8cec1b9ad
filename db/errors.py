"""Everything that db raises on purpose. The docstring is the message a person reads.

DbError
├── BadDatabaseUrl        DATABASE_URL is no PostgreSQL URL
├── NotReachable          the server does not answer
├── NotMigrated           the schema is missing or old
├── ServerTooOld          PostgreSQL, or its pgvector
├── UnknownCatalogue / UnknownListing / UnknownImport / UnknownModelVersion
├── ImportCancelled       its feed is read no further
├── ImportFinished        nothing of it is left to pause, resume or cancel
├── NotInQuarantine
├── UnknownKey / KeyNameTaken
├── NotEnriched           the listing has no vector of the active version yet
├── NoActiveModel
├── OtherVersionActive    the asker's vector is not of the active version
├── NotMeasured           there is nothing to measure recall with
├── BadQuestion           a filter, an option or k that cannot be answered
├── LeaseLost             another worker owns the shard now; drop this work
├── ModelDoesNotFit       a model version that contradicts what is registered
├── NotCovered            a model version that has not seen all that answers rest on
└── ModelInUse            a model version that cannot be retired now
"""


class DbError(Exception):
    """The database could not do what was asked."""

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or (self.__doc__ or "").strip())


class BadDatabaseUrl(DbError):
    """The database URL cannot be read; write postgresql://user:password@host:5432/name, special characters as %XX."""


class NotReachable(DbError):
    """PostgreSQL does not answer; check DATABASE_URL and that the server runs."""


class NotMigrated(DbError):
    """The database schema is missing or older than this program; run `modiste migrate`."""


class ServerTooOld(DbError):
    """PostgreSQL or its extension pgvector is older than modiste needs."""


class UnknownCatalogue(DbError):
    """There is no such catalogue."""


class UnknownListing(DbError):
    """There is no such listing."""


class UnknownImport(DbError):
    """There is no such import; `modiste status` lists them."""


class ImportCancelled(DbError):
    """The import was cancelled; what was read of its feed is kept, the rest was not taken."""


class ImportFinished(DbError):
    """The import is finished; nothing of it is left to pause, resume or cancel."""


class NoForecast(DbError):
    """The import has no forecast: hand its feed in with `preview`, and ask before it is started."""


class NotInQuarantine(DbError):
    """There is no such photo in quarantine; `modiste quarantine list` shows those that are."""


class UnknownKey(DbError):
    """There is no such standing API key; `modiste keys list` shows those that are."""


class KeyNameTaken(DbError):
    """A standing API key has this name; take another, or revoke that one first with `modiste keys revoke`."""


class UnknownModelVersion(DbError):
    """There is no such model version; `modiste models` lists them."""


class NotEnriched(DbError):
    """The listing has no photo enriched by the active model version yet."""


class NoActiveModel(DbError):
    """No model version is active; register and activate one with `modiste models`."""


class OtherVersionActive(DbError):
    """The vector is not of the active model version; embed with that one and ask again."""


class NotMeasured(DbError):
    """Recall could not be measured."""


class BadQuestion(DbError):
    """The question cannot be answered as it was put."""


class LeaseLost(DbError):
    """The shard's lease was lost to another worker; this work is dropped."""


class ModelDoesNotFit(DbError):
    """The model version contradicts what is registered under its name."""


class NotCovered(DbError):
    """The model version has not seen all photos that answers rest on; `modiste models backfill` has it see them."""


class ModelInUse(DbError):
    """The model version is in use and cannot be retired now."""
