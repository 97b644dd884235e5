"""Sends requests and prints the replies: req.py ENDPOINT REQUEST... (pyzmq)"""
import sys

import zmq

endpoint, *requests = sys.argv[1:] or ["tcp://127.0.0.1:5557", "hello", "again"]
with zmq.Context() as context, context.socket(zmq.REQ) as req:
    req.connect(endpoint)
    for request in requests:
        req.send_string(request)
        print(req.recv_string())
