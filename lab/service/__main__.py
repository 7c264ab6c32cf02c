"""Process entry: `python -m lab.service`, configuration as JSON on standard input."""

import os
import socket
import sys

import uvicorn

from lab.service.app import make_app
from lab.service.config import ServiceConfig
from lab.service.core import Service


def main() -> None:
    # A line, since the first instance goes on to talk to further ones.
    text = sys.stdin.readline()
    if not text:
        sys.exit(0)  # the supervisor gave up before it had anything to start
    config = ServiceConfig.model_validate_json(text)
    listener = socket.socket(fileno=config.listen_fd)
    os.set_inheritable(config.listen_fd, False)

    def end() -> None:
        server.should_exit = True

    server = uvicorn.Server(
        uvicorn.Config(
            lambda: make_app(Service(config), end),
            factory=True,
            http="httptools",
            loop="uvloop",
            ws="none",
            lifespan="on",
            access_log=False,
            log_level="warning",
            server_header=False,
            backlog=4096,
            # Longer than any think time: a connection closed just as a client uses it looks like an error.
            timeout_keep_alive=120,
            timeout_graceful_shutdown=1,
        )
    )
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
