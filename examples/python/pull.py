"""Prints messages from a pipeline: pull.py ENDPOINT [COUNT] (pyzmq)"""
import sys

import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5561"
count = int(sys.argv[2]) if len(sys.argv) > 2 else None
with zmq.Context() as context, context.socket(zmq.PULL) as pull:
    pull.connect(endpoint)
    while count is None or count > 0:
        frames = pull.recv_multipart()
        print(*(frame.decode() for frame in frames), sep="\t", flush=True)
        count = None if count is None else count - 1
