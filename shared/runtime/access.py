"""Who may call a service: a bearer token, TLS, and TLS on both sides. All of it is off by default.

Without it a service listens on loopback alone; `open_access` refuses any other address, unless
SEMCOM_INSECURE=yes says in words that the network is trusted.
"""

from __future__ import annotations

import hmac
import ipaddress
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from shared.errors import InvalidField, Unauthenticated
from shared.runtime.settings import ServiceSettings

_HEADER = "authorization"
_SCHEME = "bearer"


@dataclass(frozen=True)
class Access:
    """What a service asks of its callers, and shows to the services that it calls.

    Attributes:
        token: That callers have to send as `Authorization: Bearer TOKEN`; None lets everybody call.
        certificate: File of the service's own certificate chain (PEM); None for no TLS.
        key: File of its private key (PEM).
        authority: File of the certificates (PEM) that sign those of all services; then both sides of a gRPC
            call have to show a certificate. None: called services are checked against the public
            authorities, and callers need no certificate.
    """

    token: str | None = field(default=None, repr=False)
    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None

    def check(self, authorization: str | bytes | None) -> None:
        """Compare what a caller sent with the token, in a time that does not depend on where they differ.

        Args:
            authorization: Value of the header `authorization`; None where there is none.

        Raises:
            Unauthenticated: If a token is asked for, and another one or none came.
        """
        if self.token is None:
            return
        sent = authorization.encode() if isinstance(authorization, str) else authorization or b""
        scheme, _, shown = sent.partition(b" ")
        is_right = hmac.compare_digest(shown.strip(), self.token.encode())
        if not is_right or scheme.lower() != _SCHEME.encode():
            raise Unauthenticated()

    def check_metadata(self, metadata: Iterable[tuple[str, str | bytes]] | None) -> None:
        """The same for the metadata of a gRPC call.

        Raises:
            Unauthenticated: If a token is asked for, and another one or none came.
        """
        if self.token is not None:
            self.check(dict(metadata or ()).get(_HEADER))

    def add_port(self, server: grpc.aio.Server, address: str) -> int:
        """Let a gRPC server listen on `address`, with TLS where there is a certificate; its port.

        Raises:
            RuntimeError: If the address cannot be had.
        """
        if self.certificate is None or self.key is None:
            return server.add_insecure_port(address)
        pair = (self.key.read_bytes(), self.certificate.read_bytes())
        credentials = grpc.ssl_server_credentials(
            [pair], self._authority_bytes(), require_client_auth=self.authority is not None
        )
        return server.add_secure_port(address, credentials)

    def open_channel(self, address: str, options: list[tuple[str, Any]]) -> grpc.aio.Channel:
        """A channel to a service with the same access settings.

        Args:
            address: Where the service listens, as gRPC resolves names.
            options: gRPC channel arguments.
        """
        interceptors: list[Any] | None = [_TokenSender(self.token)] if self.token else None
        if self.certificate is None or self.key is None:
            return grpc.aio.insecure_channel(address, options=options, interceptors=interceptors)
        credentials = grpc.ssl_channel_credentials(
            self._authority_bytes(), self.key.read_bytes(), self.certificate.read_bytes()
        )
        return grpc.aio.secure_channel(address, credentials, options=options, interceptors=interceptors)

    @property
    def http_options(self) -> Mapping[str, Any]:
        """Arguments of uvicorn's Config that let an HTTP edge speak TLS. Browsers need no certificate."""
        if self.certificate is None:
            return {}
        return {"ssl_certfile": str(self.certificate), "ssl_keyfile": str(self.key)}

    def _authority_bytes(self) -> bytes | None:
        return None if self.authority is None else self.authority.read_bytes()


OPEN = Access()
"""Asks nothing of anybody."""


def open_access(settings: ServiceSettings) -> Access:
    """Read the access settings of a service, and refuse those that leave it open to a network.

    Raises:
        InvalidField: If a file cannot be used, a setting lacks another one that it needs, or the service is
            told to listen beyond loopback without a token and TLS, and SEMCOM_INSECURE is not set.
    """
    token = settings.access_token
    access = Access(
        token.get_secret_value() if token is not None else None,
        settings.tls_certificate,
        settings.tls_key,
        settings.tls_authority,
    )
    _check_files(access)
    is_guarded = access.token is not None and access.certificate is not None
    if not (is_guarded or settings.insecure or _is_loopback(settings.host)):
        allowed = (
            "a loopback address; beyond it set SEMCOM_ACCESS_TOKEN, SEMCOM_TLS_CERTIFICATE and "
            "SEMCOM_TLS_KEY, or SEMCOM_INSECURE=yes where everybody on the network is trusted"
        )
        raise InvalidField("SEMCOM_HOST", settings.host, allowed)
    return access


def _check_files(access: Access) -> None:
    if (access.certificate is None) != (access.key is None):
        missing = "SEMCOM_TLS_KEY" if access.key is None else "SEMCOM_TLS_CERTIFICATE"
        raise InvalidField(missing, "(absent)", "a file: a certificate and its key are set together")
    if access.authority is not None and access.certificate is None:
        raise InvalidField("SEMCOM_TLS_CERTIFICATE", "(absent)", "a file: SEMCOM_TLS_AUTHORITY needs it")
    if access.certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _use(
            "SEMCOM_TLS_CERTIFICATE",
            access.certificate,
            lambda path: context.load_cert_chain(path, access.key),
        )
    if access.authority is not None:
        context = ssl.create_default_context()
        _use("SEMCOM_TLS_AUTHORITY", access.authority, context.load_verify_locations)


def _use(name: str, path: Path, load: Callable[[Path], None]) -> None:
    try:
        load(path)
    except OSError as error:  # of which SSLError is one
        raise InvalidField(
            name, path, f"a readable PEM file, the certificate with its key ({error})"
        ) from None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _TokenSender(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]  # in its stubs alone
    """Puts the token into the metadata of every call. Services call one another without streams."""

    def __init__(self, token: str) -> None:
        self._value = f"Bearer {token}"

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        metadata = grpc.aio.Metadata(*(details.metadata or ()))
        metadata.add(_HEADER, self._value)
        return await continuation(details._replace(metadata=metadata), request)
