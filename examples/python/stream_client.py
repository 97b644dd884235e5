"""Durable streams in a page of Python: a client of the session protocol (docs/wire.md) on pyzmq.

    client = StreamClient("tcp://127.0.0.1:5550", "press-4")
    client.publish("events", [b"line-2", b"hello"])      # a record: a list of frames, here a key and a body
    client.flush()                                       # returns when all of it is durable
    for record in client.consume("events", group="db", start="first"):
        print(record.sequence, record.key, record.body)
        record.ack()                                     # what is not acknowledged is delivered again

Published records are sent again until the node has stored them, and it drops repetitions; consumers go on where they
were, whoever of the two was away. One thread: the connection is looked after whenever a method is called.
"""
import itertools
import json
import random
import struct
import sys
import time
import uuid
from collections import deque

import zmq

U32, U64 = struct.Struct(">I"), struct.Struct(">Q")
HEAD, RECEIPT, RANGE = struct.Struct(">QQI"), struct.Struct(">QQQ"), struct.Struct(">QQ")
MORE, LONG = 1, 2


class StreamError(Exception):
    """The node refused for good; the first argument is its code."""


def encode_record(frames):
    """Frames as they travel in ZMTP: flags, size, body."""
    record, last = bytearray(), len(frames) - 1
    for index, frame in enumerate(frames):
        flags = MORE if index < last else 0
        record += bytes((flags, len(frame))) if len(frame) < 256 else bytes((flags | LONG,)) + U64.pack(len(frame))
        record += frame
    return bytes(record)


def decode_run(run):
    """The records of a run, each a list of frames."""
    frames, at = [], 0
    while at < len(run):
        flags = run[at]
        size, at = (U64.unpack_from(run, at + 1)[0], at + 9) if flags & LONG else (run[at + 1], at + 2)
        frames.append(run[at:at + size])
        at += size
        if not flags & MORE:
            yield frames
            frames = []


class Producer:
    def __init__(self):
        self.opened = False         # OPENED came; until then nothing is sent
        self.open_at = None         # when to say OPEN again
        self.next = 1               # number of the next record
        self.pending = deque()      # [first number, records, run] that are not STORED
        self.octets = 0             # of those runs

    def add(self, count, run):
        self.pending.append([self.next, count, run])
        self.octets += len(run)
        self.next += count

    def settle(self, last):
        """Everything up to the number `last` is stored."""
        while self.pending and self.pending[0][0] + self.pending[0][1] - 1 <= last:
            self.octets -= len(self.pending.popleft()[2])

    def renumber(self, first):
        for entry in self.pending:
            entry[0], first = first, first + entry[1]
        self.next = first


class Consumer:
    def __init__(self, request, prefix):
        self.request, self.prefix = request, prefix
        self.queue = deque()        # records to hand out
        self.held = set()           # sequences that were delivered, not acknowledged
        self.acked = {}             # what may be delivered once more, because an ACK was lost: the last ones
        self.next = None            # without a group: where to go on


class Record:
    def __init__(self, client, number, head, frames):
        self.sequence, self.timestamp, self.deliveries = head
        self.frames, self.body = frames, frames[-1]
        self.key = frames[0] if len(frames) > 1 else b""
        self._client, self._number = client, number

    def ack(self):
        self._client._ack(self._number, self.sequence)

    def nack(self, delay=0.0):
        """Asks for another delivery, after `delay` seconds."""
        self._client._ack(self._number, self.sequence, delay)


class StreamClient:
    def __init__(self, endpoint, name, heartbeat=5.0):
        self.endpoint, self.heartbeat, self.socket = endpoint, heartbeat, None
        self.hello = {"protocol": 1, "name": name, "instance": uuid.uuid4().hex, "heartbeat": int(heartbeat * 1000)}
        self.producers, self.consumers, self.last_number = {}, {}, 0
        self._connect()

    def publish(self, stream, *records):
        """Sends records, each a list of frames; waits only while more is under way than the node allows."""
        if stream not in self.producers:
            self.producers[stream] = Producer()
            self._open(stream, self.producers[stream])
        producer, run = self.producers[stream], b"".join(map(encode_record, records))
        self._pump(0)
        while not producer.opened or producer.octets and producer.octets + len(run) > self.window:
            self._pump()
        producer.add(len(records), run)
        self._publish(stream, producer.pending[-1])

    def flush(self):
        """Returns when everything that was published is durable."""
        while any(producer.pending for producer in self.producers.values()):
            self._pump()

    def consume(self, stream, strategy="group", group=None, start="new", prefix=b"", credit=1000):
        """Yields records for ever; acknowledge each. Closing the generator cancels the consumer."""
        self.last_number += 1
        number = self.last_number
        request = {"stream": stream, "strategy": strategy if group else "broadcast", "from": start, "credit": credit}
        if group:
            request["group"] = group
        consumer = self.consumers[number] = Consumer(request, prefix)
        self._consume(number, consumer)
        try:
            while True:
                while not consumer.queue:
                    self._pump()
                yield consumer.queue.popleft()
        finally:
            if self.consumers.pop(number, None):
                self._send(b"CANCEL", U32.pack(number))

    def close(self):
        self._send(b"BYE", b"{}")
        self.socket.close(linger=1000)

    def _connect(self):
        """A new socket, so that no queue holds what is old; then everything that is under way once more."""
        for attempt in itertools.count():
            if self.socket is not None:
                self.socket.close(linger=0)
            self.socket = zmq.Context.instance().socket(zmq.DEALER)
            self.socket.connect(self.endpoint)
            self._send(b"HELLO", json.dumps(self.hello).encode())
            if self.socket.poll(int(1000 * min(self.heartbeat, 2 ** min(attempt, 5) * random.uniform(0.5, 1)))):
                command, body, *_ = self.socket.recv_multipart()
                answer = json.loads(body)
                if command == b"WELCOME":
                    break
                if command == b"ERROR" and answer["code"] != "TOO_MANY_SESSIONS":
                    raise StreamError(answer["code"], answer.get("message"))
                time.sleep(random.uniform(0.5, 1))
            elif attempt == 1:
                print(f"waiting for the node at {self.endpoint}", file=sys.stderr)
        self.window, self.heartbeat, self.heard = answer["window"], answer["heartbeat"] / 1000, time.monotonic()
        for stream, producer in self.producers.items():
            self._open(stream, producer)
        for number, consumer in self.consumers.items():
            self._consume(number, consumer)

    def _open(self, stream, producer):
        producer.opened, producer.open_at = False, None
        self._send(b"OPEN", stream.encode())

    def _publish(self, stream, entry):
        self._send(b"PUBLISH", stream.encode(), U64.pack(entry[0]), entry[2])

    def _consume(self, number, consumer):
        if "group" not in consumer.request and consumer.next is not None:  # the node has forgotten the place
            consumer.request["from"] = {"sequence": min(consumer.held, default=consumer.next)}
        self._send(b"CONSUME", U32.pack(number), json.dumps(consumer.request).encode(), consumer.prefix)

    def _send(self, *frames):
        self.sent = time.monotonic()
        self.socket.send_multipart(frames)

    def _ack(self, number, sequence, delay=None):
        consumer = self.consumers.get(number)
        if consumer is None or sequence not in consumer.held:
            return
        consumer.held.remove(sequence)
        if delay is None:
            consumer.acked[sequence] = True
            if len(consumer.acked) > 10 * consumer.request["credit"]:
                del consumer.acked[next(iter(consumer.acked))]
            self._send(b"ACK", U32.pack(number), RANGE.pack(sequence, sequence))
        else:
            self._send(b"NACK", U32.pack(number), RANGE.pack(sequence, sequence), U32.pack(int(delay * 1000)))

    def _pump(self, timeout=None):
        """Handles what the node said; waits for it until something of ours is due."""
        due = [self.sent + self.heartbeat] + [p.open_at for p in self.producers.values() if p.open_at]
        wait = max(0.0, min(due) - time.monotonic()) if timeout is None else timeout
        if self.socket.poll(int(wait * 1000) + (wait > 0)):
            self.heard = time.monotonic()
            while self.socket.poll(0):
                self._handle(*self.socket.recv_multipart())
        now = time.monotonic()
        if now - self.heard > 3 * self.heartbeat:
            self._connect()
        elif now - self.sent >= self.heartbeat:
            self._send(b"PING", b"")
        for stream, producer in self.producers.items():
            if producer.open_at and producer.open_at <= now:
                self._open(stream, producer)

    def _handle(self, command, *frames):
        if command == b"RECORDS":
            self._records(U32.unpack(frames[0])[0], frames[1:])
        elif command == b"STORED":
            receipts = RECEIPT.iter_unpack(frames[1])
            self.producers[frames[0].decode()].settle(max(last for _, last, _ in receipts))
        elif command == b"OPENED":
            stream, last = frames[0].decode(), U64.unpack(frames[1])[0]
            self._opened(stream, self.producers[stream], last)
        elif command == b"REFUSED":
            self._refused(self.producers[frames[0].decode()], U64.unpack(frames[1])[0], json.loads(frames[2]))
        elif command == b"CONSUMING":
            consumer = self.consumers.get(U32.unpack(frames[0])[0])
            if consumer is not None and consumer.next is None:
                consumer.next = json.loads(frames[1])["next"]
        elif command == b"GAP":
            number, (first, last) = U32.unpack(frames[0])[0], (U64.unpack(frame)[0] for frame in frames[1:3])
            print(f"records {first} to {last} are gone: {json.loads(frames[3])['reason']}", file=sys.stderr)
            if number in self.consumers:
                self.consumers[number].next = last + 1
        elif command == b"ENDED":
            trouble = json.loads(frames[1])
            if self.consumers.pop(U32.unpack(frames[0])[0], None):
                raise StreamError(trouble["code"], trouble.get("message"))
        elif command == b"PING":
            self._send(b"PONG", b"")
        elif command == b"BYE":
            self._connect()
        elif command == b"ERROR":
            trouble = json.loads(frames[0])
            if trouble["code"] != "NO_SESSION":
                raise StreamError(trouble["code"], trouble.get("message"))
            self._connect()

    def _records(self, number, frames):
        consumer = self.consumers.get(number)
        if consumer is None:
            return
        for head, run in zip(frames[::2], frames[1::2]):
            sequence, timestamp, deliveries = HEAD.unpack(head)
            for frames_of_record in decode_run(run):
                if sequence in consumer.acked:
                    self._send(b"ACK", U32.pack(number), RANGE.pack(sequence, sequence))
                elif sequence not in consumer.held:
                    consumer.held.add(sequence)
                    head_of_record = (sequence, timestamp, deliveries)
                    consumer.queue.append(Record(self, number, head_of_record, frames_of_record))
                sequence += 1
            consumer.next = max(consumer.next or 0, sequence)

    def _opened(self, stream, producer, last):
        """All answers to what was sent before OPEN are here: what is pending goes out again, in order."""
        producer.opened, producer.open_at = True, None
        producer.renumber(min(producer.pending[0][0], last + 1) if producer.pending else last + 1)
        for entry in producer.pending:
            self._publish(stream, entry)

    def _refused(self, producer, expected, refusal):
        """What followed the refused run on the way is refused, too: OPEN once for all of it."""
        producer.opened = False
        producer.open_at = producer.open_at or time.monotonic() + refusal.get("delay", 0) / 1000
        if refusal["retry"]:
            return
        if producer.pending and producer.pending[0][0] == expected:
            producer.octets -= len(producer.pending.popleft()[2])
            producer.renumber(expected)
        raise StreamError(refusal["code"], refusal.get("message"))


def main(verb="publish", count="3", endpoint="tcp://127.0.0.1:5550", stream="events"):
    """stream_client.py publish|consume [COUNT [ENDPOINT [STREAM]]]"""
    client = StreamClient(endpoint, f"python-{verb}", heartbeat=1.0)
    if verb == "publish":
        for index in range(int(count)):
            client.publish(stream, [b"python", b"message %d" % (index + 1)])
        client.flush()
        print(f"{count} records are durable")
    else:
        records = client.consume(stream, group="python", start="first")
        for _, record in zip(range(int(count)), records):
            print(record.sequence, record.key.decode(), record.body.decode(), sep="\t", flush=True)
            record.ack()
        records.close()
    client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
