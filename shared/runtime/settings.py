"""Settings of the services, read from SEMCOM_* variables (and a .env file) once, at the start."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_S = TypeVar("_S", bound=BaseSettings)
# What a header can carry as it is: HTTP drops blanks around a value, and gRPC takes ASCII alone.
_TOKEN = re.compile(r"[!-~]([ -~]*[!-~])?")

DEFAULT_WEIGHTS = Path(__file__).resolve().parents[2] / "weights"


class ServiceSettings(BaseSettings):
    """What all services have; see `shared.runtime.access` for who may call them."""

    model_config = SettingsConfigDict(
        env_prefix="SEMCOM_", env_file=".env", env_ignore_empty=True, extra="ignore"
    )

    host: str = Field("127.0.0.1", description="Address the service listens on.")
    root_path: str = Field(
        "",
        pattern=r"^(/[^/\s?#]+)*$",
        description="Below which a proxy serves the HTTP edge, such as /semcom.",
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    access_token: SecretStr | None = Field(None, min_length=16, description="Callers have to send it.")
    tls_certificate: Path | None = Field(None, description="PEM file of the service's certificate chain.")
    tls_key: Path | None = Field(None, description="PEM file of its private key.")
    tls_authority: Path | None = Field(None, description="PEM file of who signs all services' certificates.")
    cors_origins: str = Field(
        "",
        pattern=r"^(https?://[^,/\s]+(,https?://[^,/\s]+)*)?$",
        description="Origins of other web pages that may call the service, with commas between; empty: none.",
    )
    ends_with_input: bool = Field(False, description="Stop when standard input ends, as on SIGTERM.")
    stop_timeout_s: float = Field(
        8.0, gt=0, le=3600, description="Longest time for what is at work when the service is told to stop."
    )
    insecure: bool = Field(False, description="Listen beyond loopback without a token and TLS.")

    @field_validator("access_token")
    @classmethod
    def _can_be_sent(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and not _TOKEN.fullmatch(token.get_secret_value()):
            raise ValueError("printable ASCII characters without blanks before or after them")
        return token


class ChannelSettings(ServiceSettings):
    """channel_service: SEMCOM_CHANNEL_*."""

    channel_grpc_port: int = Field(50051, ge=0, le=65535)
    channel_http_port: int = Field(8001, ge=0, le=65535)
    page_url: str = Field("http://127.0.0.1:8000/", description="Of the web page, to which GET / sends.")
    receiver_address: str = "127.0.0.1:50052"
    receiver_timeout_s: float = Field(60.0, gt=0)
    channel_max_requests: int = Field(
        1024, ge=1, description="Relay requests in hand at a time; further ones are refused."
    )
    channel_store: str = Field("semcom.sqlite3", description="SQLite file of the reports.")
    channel_recordings: str = Field("recordings", description="Folder of traces and recordings.")
    channel_max_rows: int = Field(0, ge=0, description="Instances kept, the oldest go first; 0 keeps all.")


class ReceiverSettings(ServiceSettings):
    """receiver: SEMCOM_RECEIVER_*."""

    receiver_grpc_port: int = Field(50052, ge=0, le=65535)
    receiver_http_port: int = Field(8002, ge=0, le=65535)
    weights: Path = Field(DEFAULT_WEIGHTS, description="Folder with one folder of weights a system.")
    torch_threads: int = Field(0, ge=0, description="Of the networks; 0: one on each core.")
    receiver_max_batch: int = Field(
        32, ge=1, le=4096, description="Frames of several requests decoded together."
    )
    receiver_max_waiting: int = Field(256, ge=1, description="Requests that may wait to be decoded.")


class TransmitterSettings(ServiceSettings):
    """transmitter: SEMCOM_TRANSMITTER_*."""

    transmitter_http_port: int = Field(8000, ge=0, le=65535)
    channel_address: str = "127.0.0.1:50051"
    channel_url: str = Field("http://127.0.0.1:8001", description="HTTP side of channel_service.")
    request_timeout_s: float = Field(
        90.0, gt=0, le=3600, description="Longest time of a request that names no timeout_s."
    )
    transmitter_max_requests: int = Field(
        128, ge=1, description="Requests in hand at a time; further ones get 429."
    )
    transmitter_max_batch: int = Field(
        12, ge=1, le=64, description="Instances of several requests encoded and sent together."
    )
    transmitter_encoders: int = Field(
        2, ge=1, le=64, description="Batches encoded at a time; those at work share torch_threads."
    )
    transmitter_max_calls: int = Field(16, ge=1, description="Calls of the channel service at a time.")
    weights: Path = Field(DEFAULT_WEIGHTS, description="Folder with one folder of weights a system.")
    max_upload_bytes: int = Field(20 << 20, gt=0)
    torch_threads: int = Field(0, ge=0, description="Of the networks; 0: one on each core.")


class ExtensionSettings(BaseSettings):
    """Rows that modules outside any distribution add to a table; see `shared.registry`."""

    model_config = SettingsConfigDict(
        env_prefix="SEMCOM_", env_file=".env", env_ignore_empty=True, extra="ignore"
    )

    systems: str = Field("", description="NAME=module:OBJECT, with commas between several.")
    channels: str = Field("", description="NAME=module:OBJECT, with commas between several.")


def load_settings(cls: type[_S]) -> _S:
    """Read `cls` from the environment; on a bad value say which and exit with status 2."""
    try:
        return cls()
    except ValidationError as error:
        for problem in error.errors():
            name = "SEMCOM_" + str(problem["loc"][0]).upper()
            is_secret = cls.model_fields[str(problem["loc"][0])].annotation == SecretStr | None
            value = "(hidden)" if is_secret else repr(problem["input"])
            print(f"{name} = {value} is not allowed: {problem['msg']}", file=sys.stderr)
        raise SystemExit(2) from None
