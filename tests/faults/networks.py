"""Networks of a test's own: a namespace, alone or at the other end of a cable. Only root may make one."""

from __future__ import annotations

import os
import subprocess
from ipaddress import ip_address
from pathlib import Path

CABLE = f"lv{os.getpid()}"
"""Of this process alone: the tests of another checkout may run on this machine too."""

_SUBNET = ip_address("10.200.0.0") + 4 * (os.getpid() % 2**14)
NEAR, FAR = str(_SUBNET + 1), str(_SUBNET + 2)


class Network:
    """A network namespace that lives as long as the process that holds it."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "ip link set lo up; exec sleep 600"])
        mine = Path("/proc/self/ns/net").readlink()
        while Path(f"/proc/{self._holder.pid}/ns/net").readlink() == mine:
            pass

    @property
    def prefix(self) -> tuple[str, ...]:
        """Starts a command in it."""
        return ("nsenter", "-t", str(self._holder.pid), "-n")

    def run(self, *command: str) -> None:
        """Run a command in it."""
        subprocess.run([*self.prefix, *command], check=True)

    def ports(self, first: int, last: int) -> None:
        """Leave only these ports to outgoing connections."""
        self.run("sysctl", "-q", "-w", f"net.ipv4.ip_local_port_range={first} {last}")

    def connect(self) -> None:
        """Lay a cable to this machine's network: NEAR is here, FAR is there."""
        pid = str(self._holder.pid)
        for command in (
            ["ip", "link", "add", CABLE, "type", "veth", "peer", "name", CABLE, "netns", pid],
            ["ip", "addr", "add", f"{NEAR}/30", "dev", CABLE],
            ["ip", "link", "set", CABLE, "up"],
        ):
            subprocess.run(command, check=True)
        self.run("ip", "addr", "add", f"{FAR}/30", "dev", CABLE)
        self.run("ip", "link", "set", CABLE, "up")

    def unplug(self) -> None:
        """What is sent is lost, and neither end is told."""
        self.run("ip", "link", "set", CABLE, "down")

    def plug_in(self) -> None:
        """The cable works again."""
        self.run("ip", "link", "set", CABLE, "up")

    def close(self) -> None:
        """It is gone, and the cable with it, which the kernel alone would take its time for."""
        subprocess.run(["ip", "link", "del", CABLE], check=False, stderr=subprocess.DEVNULL)
        self._holder.kill()
        self._holder.wait()
