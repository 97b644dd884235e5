import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { banner } from '../../../src/cli/banner.ts';
import type { RouteStatus, SideStatus } from '../../../src/flow/status.ts';

const none = { messages: 0, bytes: 0, dropped: 0 };

const counters = {
  messagesIn: 0,
  messagesOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  dropped: 0,
  droppedBy: {},
  peers: 0,
  queuedIn: 0,
  queuedOut: 0,
  connections: 0,
  reconnects: 0,
  highWaterMarkHits: 0,
};

function side(socketType: string, peerType: string, ...endpoints: SideStatus['endpoints']): SideStatus {
  return { ...counters, socketType, peerType, endpoints };
}

const bind = (address: string): SideStatus['endpoints'][number] => ({
  how: 'bind',
  configured: address,
  address,
});
const connect = (address: string): SideStatus['endpoints'][number] => ({
  how: 'connect',
  configured: address,
  address,
});

function route(pattern: RouteStatus['pattern'], frontend: SideStatus, backend: SideStatus): RouteStatus {
  return {
    name: `my-${pattern}`,
    pattern,
    state: 'running',
    frontend,
    backend,
    toBack: none,
    toFront: none,
    stream: null,
  };
}

describe('banner', () => {
  const words = { version: '1.2.3', name: 'plant-7', file: 'zeroth.yaml', sessions: [], admin: [] };

  it('shows addresses as they are bound, and lines to copy that reach them from here', () => {
    const jobs = route(
      'pipeline',
      side('PULL', 'PUSH', bind('tcp://0.0.0.0:5560')),
      side('PUSH', 'PULL', bind('tcp://[::]:5561')),
    );
    assert.equal(
      banner([jobs], words),
      `zeroth 1.2.3, node plant-7: zeroth.yaml

  my-pipeline (pipeline)  frontend  tcp://0.0.0.0:5560  connect a PUSH to port 5560 of this machine
                          backend   tcp://[::]:5561     connect a PULL to port 5561 of this machine

Read a first message in another terminal, and send it in a third:
  npx zeroth pull tcp://127.0.0.1:5561
  npx zeroth push tcp://127.0.0.1:5560 hello

zeroth status shows how it does. Ctrl-C stops it.
`,
    );
  });

  it('does so for ws, which has a path', () => {
    const text = banner(
      [
        route(
          'pipeline',
          side('PULL', 'PUSH', bind('ws://0.0.0.0:5560/in')),
          side('PUSH', 'PULL', bind('ws://[::]:5561/')),
        ),
      ],
      words,
    );
    assert.match(text, /ws:\/\/0\.0\.0\.0:5560\/in +connect a PUSH to port 5560 of this machine\n/);
    assert.match(text, /ws:\/\/\[::\]:5561\/ +connect a PULL to port 5561 of this machine\n/);
    assert.match(text, /pull ws:\/\/127\.0\.0\.1:5561\/\n.*push ws:\/\/127\.0\.0\.1:5560\/in hello\n/);
  });

  it('tells where the node itself connects, and copies no line for that', () => {
    const orders = route(
      'reqrep',
      side('ROUTER', 'REQ', connect('tcp://10.0.0.1:1')),
      side('DEALER', 'REP', bind('ipc:///tmp/x')),
    );
    const text = banner([orders], words);
    assert.match(text, /tcp:\/\/10\.0\.0\.1:1 +the node connects there \(ROUTER to REQ\)/);
    assert.doesNotMatch(text, /npx/);
  });

  it('prefers a pipeline, and has a line for a consumer that the node connects to', () => {
    const telemetry = route(
      'pubsub',
      side('XSUB', 'PUB', bind('tcp://*:5555')),
      side('XPUB', 'SUB', bind('tcp://*:5556')),
    );
    const jobs = route(
      'pipeline',
      side('PULL', 'PUSH', bind('tcp://*:5560')),
      side('PUSH', 'PULL', connect('tcp://a:1')),
    );
    assert.match(
      banner([telemetry], words),
      /npx zeroth sub .*\n.*npx zeroth pub tcp:\/\/127\.0\.0\.1:5555 greeting hello\n/,
    );
    const both = banner([telemetry, jobs], words);
    assert.match(both, /Send a first message:\n {2}npx zeroth push tcp:\/\/127\.0\.0\.1:5560 hello\n\n/);
  });

  it('tells which routes keep what passes, and where clients of streams connect', () => {
    const stream = { first: 1, next: 1, bytes: 0, waiting: 0, waitingSince: null, trouble: null };
    const jobs = {
      ...route('pipeline', side('PULL', 'PUSH', bind('tcp://*:1')), side('PUSH', 'PULL', bind('tcp://*:2'))),
      stream,
    };
    const text = banner([jobs], { ...words, sessions: ['tcp://127.0.0.1:5550', 'tcp://0.0.0.0:5551'] });
    const admin = ['http://127.0.0.1:5580'];
    assert.match(
      banner([jobs], { ...words, admin }),
      /^ {2}control +http:\/\/127\.0\.0\.1:5580 +health and metrics: \/health, \/metrics$/m,
    );
    assert.match(text, /^ {2}my-pipeline \(pipeline, kept\) {2}frontend/m);
    assert.match(text, /^ {2}sessions +tcp:\/\/127\.0\.0\.1:5550 +clients of streams connect here$/m);
    assert.match(
      text,
      /^ {12,}tcp:\/\/0\.0\.0\.0:5551 +clients of streams connect to port 5551 of this machine$/m,
    );
  });
});
