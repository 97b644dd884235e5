"""Sends messages into a pipeline: push.py ENDPOINT MESSAGE... (pyzmq)"""
import sys

import zmq

endpoint, *messages = sys.argv[1:] or ["tcp://127.0.0.1:5560", "hello", "from", "Python"]
with zmq.Context() as context, context.socket(zmq.PUSH) as push:
    push.connect(endpoint)
    for message in messages:
        push.send_string(message)
