"""`python stomp_checks.py PORT`: the checks with stomp.py."""

import queue
import sys
import time

import stomp

from checks_kit import equal, report

EVERY = bytes(range(256))


class Listener(stomp.ConnectionListener):
    def __init__(self):
        self.frames = queue.Queue()
        self.connected = queue.Queue()
        self.receipts = queue.Queue()
        self.beats = 0

    def on_connected(self, frame):
        self.connected.put(frame)

    def on_message(self, frame):
        self.frames.put(frame)

    def on_receipt(self, frame):
        self.receipts.put(frame)

    def on_heartbeat(self):
        self.beats += 1


def main(port):
    connection = stomp.Connection12([("127.0.0.1", port)], heartbeats=(5000, 5000), auto_decode=False)
    listener = Listener()
    connection.set_listener("", listener)
    connection.connect(wait=True)

    def connect():
        equal(listener.connected.get(timeout=10).headers["version"], "1.2")
        connection.subscribe("/queue/a", id="1")

    def send(body, **headers):
        connection.send("/queue/a", body, headers=headers)

    def messages():
        bodies = [f"message {n} €" for n in range(100)]
        for body in bodies:
            send(body)
        equal([listener.frames.get(timeout=10).body.decode() for _ in bodies], bodies)

    def escapes():
        # It escapes values only, so that no name has a colon here.
        value = "a:b\nc\rd\\e €"
        send("x", **{"k-ö": value})
        equal(listener.frames.get(timeout=10).headers["k-ö"], value)

    def binary():
        send(EVERY)
        equal(listener.frames.get(timeout=10).body, EVERY)

    def large():
        send(EVERY * 4096)
        equal(listener.frames.get(timeout=10).body, EVERY * 4096)

    def receipt():
        send("x", receipt="r1")
        equal(listener.receipts.get(timeout=10).headers["receipt-id"], "r1")

    def heartbeat():
        before = listener.beats
        end = time.monotonic() + 10
        while listener.beats < before + 3 and time.monotonic() < end:
            time.sleep(0.02)
        equal(listener.beats >= before + 3, True)

    checks = (connect, messages, escapes, binary, large, receipt, heartbeat)
    report([check.__name__ for check in checks], {check.__name__: check for check in checks})
    connection.disconnect()


main(int(sys.argv[1]))
