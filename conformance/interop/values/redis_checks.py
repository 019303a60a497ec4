"""`python redis_checks.py PEER PORT`: the checks with redis-py, or with hiredis alone over a socket."""

import socket
import sys

from checks_kit import equal, report

EVERY = bytes(range(256))
NAMES = ["commands", "pipeline", "binary", "large", "resp3", "push", "benchmark-1", "benchmark-16"]


def checks_of(send, send_all):
    def commands():
        equal(send("SET", "a", "1") in (b"OK", True), True)
        equal(send("GET", "a"), b"1")
        equal(send("EXISTS", "a", "b"), 1)
        equal(send("INCR", "a"), 2)
        equal(send("DEL", "a"), 1)
        equal(send("GET", "a"), None)
        try:
            error = send("NONE")
        except Exception as raised:
            error = raised
        equal("unknown command" in str(error), True)

    def pipeline():
        numbers = [str(n).encode() for n in range(1000)]
        equal(send_all([("ECHO", n) for n in numbers]), numbers)

    def binary():
        for value in (EVERY, b""):
            send("SET", "binary", value)
            equal(send("GET", "binary"), value)

    def large():
        value = EVERY * (4 * 2**20 // 256)
        send("SET", "large", value)
        equal(send("GET", "large"), value)

    return {"commands": commands, "pipeline": pipeline, "binary": binary, "large": large}


def of_redis(port):
    import redis

    def open_client(protocol):
        return redis.Redis(host="127.0.0.1", port=port, protocol=protocol)

    client = open_client(2)

    def send_all(commands):
        pipe = client.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        return pipe.execute()

    def resp3():
        client = open_client(3)
        client.execute_command("HSET", "map", "k", "v")
        equal(client.execute_command("HGETALL", "map"), {b"k": b"v"})
        kinds = client.execute_command("KINDS")
        equal(kinds[:5], [1, b"a", None, True, 1.5])
        equal(int(kinds[5]), 2**70)
        equal(set(kinds[6]), {b"x"})
        equal(kinds[7], [[]])

    def push():
        for protocol in (2, 3):
            reader = open_client(protocol).pubsub()
            reader.subscribe("news")
            first = reader.get_message(timeout=10)
            equal(first["type"], "subscribe")
            client.publish("news", "hello")
            message = reader.get_message(timeout=10)
            equal((message["type"], message["data"]), ("message", b"hello"))
            reader.close()

    checks = checks_of(client.execute_command, send_all)
    report(NAMES, {**checks, "resp3": resp3, "push": push})


def of_hiredis(port):
    import hiredis

    connection = socket.create_connection(("127.0.0.1", port))
    reader = hiredis.Reader()

    def read():
        while True:
            reply = reader.gets()
            if reply is not False:
                return reply
            reader.feed(connection.recv(65536))

    def send(*words):
        connection.sendall(hiredis.pack_command(words))
        return read()

    def send_all(commands):
        connection.sendall(b"".join(hiredis.pack_command(words) for words in commands))
        return [read() for _ in commands]

    def resp3():
        equal(send("HELLO", "3")[b"proto"], 3)
        send("HSET", "map", "k", "v")
        equal(send("HGETALL", "map"), {b"k": b"v"})
        # A boolean is not told apart from a number: gets() says False for "more is needed" only.
        kinds = send("KINDS")
        equal(kinds[:5], [1, b"a", None, True, 1.5])
        equal(int(kinds[5]), 2**70)
        equal(list(kinds[6]), [b"x"])
        equal(kinds[7], [[]])

    def push():
        equal(list(send("SUBSCRIBE", "news")), [b"subscribe", b"news", 1])
        replies = send_all([("PUBLISH", "news", "hello"), ("PING",)])
        equal(list(replies[0]), [b"message", b"news", b"hello"])

    report(NAMES, {**checks_of(send, send_all), "resp3": resp3, "push": push})


{"redis": of_redis, "hiredis": of_hiredis}[sys.argv[1]](int(sys.argv[2]))
