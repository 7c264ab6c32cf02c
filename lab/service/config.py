"""What the service must be told at its start. It comes on standard input, so no secret is in an argument."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from lab.settings import LabSettings


class ServiceConfig(BaseModel):
    """Where the servers are, what to write, how to behave; whether it is the first of several instances."""

    model_config = ConfigDict(frozen=True)

    settings: LabSettings
    hashes: list[str] = Field(repr=False)
    listen_fd: int
    database_url: str = Field(repr=False)
    cache_url: str = Field(repr=False)
    namespace: str
    phase_log: Path
    token_secret: str = Field(repr=False)
    admin_token: str = Field(repr=False)
    is_first: bool = True

    @property
    def key_prefix(self) -> str:
        return f"{self.namespace}:"
