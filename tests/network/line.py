"""A line with two ends that delays and loses what goes over it, both ways.

    line.py END END

The ends are network interfaces in this namespace. One JSON object a line on standard input changes it:
{"delay": 0.1, "loss": 0.05, "seed": 1}; each is answered with "ok", and so is the beginning.

Linux has this as `tc … netem`, but many a container and small virtual machine has a kernel without it.
"""

import heapq
import json
import random
import select
import socket
import sys
import time

SOL_PACKET = 263
PACKET_VNET_HDR = 15
PACKET_IGNORE_OUTGOING = 23
EVERY_PROTOCOL = socket.htons(3)
# A frame may be a batch of packets that is cut up only by the network card, with a header that says so.
LONGEST = 10 + 14 + 65536 + 256
# Longer queues than any test fills.
BUFFER = 16 * 1024 * 1024


def end(interface: str) -> socket.socket:
    """Everything that comes in at an interface, and a way out."""
    one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, EVERY_PROTOCOL)
    # Checksums are left to the network card, which there is none of: this passes on that they are.
    one.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    one.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    one.bind((interface, 0))
    one.setblocking(False)
    return one


class Line:
    """The frames that are under way, and what becomes of the next one."""

    def __init__(self, ends: list[socket.socket]) -> None:
        self.ends = ends
        self.delay = 0.0
        self.loss = 0.0
        self.luck = random.Random(1)
        self.under_way: list[tuple[float, int, socket.socket, bytes]] = []
        self.number = 0

    def change(self, wish: dict[str, float]) -> None:
        self.delay = wish.get("delay", self.delay)
        self.loss = wish.get("loss", self.loss)
        if "seed" in wish:
            self.luck = random.Random(wish["seed"])

    def take(self, source: socket.socket) -> None:
        """Take in all that waits at an end."""
        other = self.ends[1 - self.ends.index(source)]
        while True:
            try:
                frame = source.recv(LONGEST)
            except BlockingIOError:
                return
            except OSError:
                return  # the interface is down
            if self.luck.random() >= self.loss:
                self.number += 1
                at = time.monotonic() + self.delay
                heapq.heappush(self.under_way, (at, self.number, other, frame))

    def deliver(self) -> float | None:
        """Let out what is due; the seconds until there is more."""
        while self.under_way:
            wait = self.under_way[0][0] - time.monotonic()
            if wait > 0:
                return wait
            _, _, other, frame = heapq.heappop(self.under_way)
            try:
                other.send(frame)
            except OSError:
                pass  # down, or full: lost, as on a real line
        return None


def main() -> None:
    ends = [end(interface) for interface in sys.argv[1:3]]
    line = Line(ends)
    print("ok", flush=True)
    while True:
        ready, _, _ = select.select([*ends, sys.stdin], [], [], line.deliver())
        for source in ready:
            if source is not sys.stdin:
                line.take(source)
        if sys.stdin in ready:
            wish = sys.stdin.readline()
            if not wish:
                return
            line.change(json.loads(wish))
            print("ok", flush=True)


main()
