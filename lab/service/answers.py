"""What the service answers when it cannot log somebody in: status, text, and the phase it happened in."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class Refused(Exception):  # noqa: N818 - an answer of the service, not a mistake in it
    """A request that ends without success, in the words of the case."""

    def __init__(self, status: int, message: str, phase: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.phase = phase
        self.retry_after_s = retry_after_s


def malformed() -> Refused:
    return Refused(400, "Malformed request: expected JSON with username and password", "request")


def invalid_credentials(phase: str) -> Refused:
    return Refused(401, "Invalid credentials", phase)


def invalid_token() -> Refused:
    return Refused(401, "Invalid token", "token")


def rate_limited(retry_after_s: int) -> Refused:
    return Refused(429, "Rate limit exceeded, please slow down", "rate_limit", retry_after_s)


def busy() -> Refused:
    return Refused(503, "Service temporarily busy, please retry", "lock", retry_after_s=1)


def broken(message: str, phase: str) -> Refused:
    return Refused(500, message, phase)


async def answer_refused(_request: Request, error: Exception) -> Response:
    """The JSON answer to a Refused, as Starlette's exception handler."""
    assert isinstance(error, Refused)
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s is not None else None
    return JSONResponse({"error": error.message}, status_code=error.status, headers=headers)
