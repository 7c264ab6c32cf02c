"""Signing and reading access tokens: 24 hours, with user and workspace."""

import time
from dataclasses import dataclass

import jwt

from lab.service.answers import broken, invalid_token
from lab.service.users import User

LIFETIME_S = 24 * 3600
_ALGORITHM = "HS256"


@dataclass(frozen=True)
class Tokens:
    """Signs with one secret, at least 32 characters long."""

    secret: str

    def sign(self, user: User) -> str:
        """A token for the user; raises Refused (500) when signing fails."""
        now = int(time.time())
        claims = {
            "sub": str(user.user_id),
            "workspace_id": user.workspace_id,
            "iat": now,
            "exp": now + LIFETIME_S,
        }
        try:
            return jwt.encode(claims, self.secret, algorithm=_ALGORITHM)
        except (jwt.PyJWTError, TypeError, ValueError):
            raise broken("token generation failed", "token") from None

    def read(self, authorization: str) -> int:
        """The user id in a `Bearer` header; raises Refused (401) for anything else."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise invalid_token()
        try:
            claims = jwt.decode(
                token.strip(), self.secret, algorithms=[_ALGORITHM], options={"require": ["exp", "sub"]}
            )
            return int(claims["sub"])
        except (jwt.PyJWTError, ValueError):
            raise invalid_token() from None
