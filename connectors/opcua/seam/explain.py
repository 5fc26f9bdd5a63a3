"""What asyncua raises, in the words of this room."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Iterator
from typing import Any

from asyncua import ua

from connectors.errors import (
    ConnectorError,
    EndpointUnreachable,
    GatewayNotTrusted,
    LinkDown,
    RequestRefused,
    UserRejected,
)
from connectors.opcua import codes
from connectors.opcua.settings import OpcUaSettings


def lost_answer(settings: OpcUaSettings, answer: asyncio.Future[Any]) -> ConnectorError | None:
    """Why a publish request will never be answered; None if it was."""
    if answer.cancelled():
        return LinkDown(settings.endpoint, "publish request cancelled")
    error = answer.exception()
    return None if error is None else LinkDown(settings.endpoint, f"{type(error).__name__}: {error}")


def code_name(code: int) -> str:
    """The standard's name of a status code."""
    name: str = ua.status_codes.get_name_and_doc(code)[0]
    return name


@contextlib.contextmanager
def explained(settings: OpcUaSettings, request: str, *, opening: bool = False) -> Iterator[None]:
    """Turn what the library raises into this room's errors.

    Args:
        settings: Of the link.
        request: What was asked.
        opening: The link does not work yet: it cannot break, only fail to come about.

    Raises:
        UserRejected, GatewayNotTrusted, RequestRefused: The server said no.
        EndpointUnreachable, LinkDown: It did not say anything that can be read; when opening, and afterwards.
    """
    endpoint = settings.endpoint
    try:
        yield
    except ua.UaStatusCodeError as error:
        code = int(error.code)
        name = code_name(code)
        if code in codes.USER_REJECTED:
            shown = settings.user_certificate
            user = settings.user or (shown.name if shown else None)
            raise UserRejected(endpoint, user, name) from error
        if code in codes.CERTIFICATE_REJECTED:
            raise GatewayNotTrusted(endpoint, name) from error
        raise RequestRefused(endpoint, request, code, name) from error
    except (AssertionError, OSError, ua.UaError, struct.error, ValueError) as error:  # OSError: also every time-out
        detail = f"{request}: {type(error).__name__} {error}".rstrip()
        if not opening:
            raise LinkDown(endpoint, detail) from error
        if isinstance(error, AssertionError):  # 2.1.0: the server closes the channel at once, for it does not trust us
            raise GatewayNotTrusted(endpoint, f"{request} was not answered") from error
        raise EndpointUnreachable(endpoint, detail) from error
