"""Answers requests in capitals: rep.py ENDPOINT [COUNT] (pyzmq)"""
import sys

import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5558"
count = int(sys.argv[2]) if len(sys.argv) > 2 else None
with zmq.Context() as context, context.socket(zmq.REP) as rep:
    rep.connect(endpoint)
    while count is None or count > 0:
        rep.send_string(rep.recv_string().upper())
        count = None if count is None else count - 1
