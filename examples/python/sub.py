"""Prints what is published on a topic: sub.py ENDPOINT TOPIC [COUNT] (pyzmq)"""
import sys

import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5556"
topic = sys.argv[2] if len(sys.argv) > 2 else ""
count = int(sys.argv[3]) if len(sys.argv) > 3 else None
with zmq.Context() as context, context.socket(zmq.SUB) as sub:
    sub.connect(endpoint)
    sub.subscribe(topic)
    while count is None or count > 0:
        frames = sub.recv_multipart()
        print(*(frame.decode() for frame in frames), sep="\t", flush=True)
        count = None if count is None else count - 1
