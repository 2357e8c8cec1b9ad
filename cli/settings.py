"""The environment, read once: every setting of modiste, all of them optional."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

SHIPPED_MODELS = Path(__file__).resolve().parent.parent / "models"


class Settings(BaseSettings):
    """See docs/settings.md. Names are those of the environment, in lower case."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    database_url: str | None = None
    broker_url: str | None = None
    modiste_home: Path = Path("~/.modiste")
    modiste_store: str | None = None
    modiste_host: str = "127.0.0.1"
    modiste_port: int = Field(default=8000, ge=1, le=65535)
    modiste_api_key: SecretStr | None = None
    modiste_rate_per_minute: int = Field(default=1200, ge=0)
    modiste_max_upload_mb: int = Field(default=4096, ge=1)
    modiste_allow_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    modiste_fetch_at_once: int = Field(default=8, ge=1, le=64)
    modiste_fetch_per_second: float = Field(default=200.0, gt=0)
    modiste_fetch_deadline_s: float = Field(default=30.0, ge=1.0, le=600.0)
    modiste_model: Path | None = None
    modiste_lease_s: float = Field(default=30.0, ge=1.0, le=3600.0)
    modiste_recall_every_h: float = Field(default=24.0, ge=0)
    modiste_metrics_port: int | None = Field(default=None, ge=1, le=65534)
    modiste_metrics_host: str = "127.0.0.1"
    modiste_log_format: Literal["text", "json"] = "text"
    modiste_log_level: Literal["info", "debug"] = "info"

    @field_validator("modiste_allow_hosts", mode="before")
    @classmethod
    def split_hosts(cls, value: object) -> object:
        """`a.example,b.example:8080` as people write lists in the environment."""
        return tuple(host.strip() for host in value.split(",") if host.strip()) if isinstance(value, str) else value

    @property
    def home(self) -> Path:
        return self.modiste_home.expanduser().absolute()

    @property
    def store_url(self) -> str:
        return self.modiste_store or str(self.home / "store")

    @property
    def first_model(self) -> Path:
        """The model of an empty registry: MODISTE_MODEL, else the newest that ships."""
        if self.modiste_model:
            return self.modiste_model.expanduser()
        shipped = sorted(path.parent for path in SHIPPED_MODELS.glob("*/manifest.json"))
        return shipped[-1] if shipped else SHIPPED_MODELS
