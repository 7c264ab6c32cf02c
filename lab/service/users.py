"""An account as the storage knows it."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class User:
    """One row of the table `users`; a damaged `password_hash` is stored and cached like any other."""

    user_id: int
    username: str
    password_hash: str
    workspace_id: int

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str | bytes) -> "User":
        return User(**json.loads(text))
