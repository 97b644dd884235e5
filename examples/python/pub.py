"""Publishes a topic with values: pub.py ENDPOINT TOPIC VALUE... (pyzmq)

An XPUB is a PUB that sees its subscriptions: it waits for the first, because what nobody subscribes to is dropped.
"""
import sys

import zmq

endpoint, topic, *values = sys.argv[1:] or ["tcp://127.0.0.1:5555", "python", "1", "2", "3"]
with zmq.Context() as context, context.socket(zmq.XPUB) as pub:
    pub.connect(endpoint)
    while not topic.encode().startswith(pub.recv()[1:]):
        pass
    for value in values:
        pub.send_multipart([topic.encode(), value.encode()])
