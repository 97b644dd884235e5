/**
 * Configurations that come with the node.
 *
 * Guarantees: both load without problems and without warnings, and describe the same (a test holds this).
 */

/** What `zeroth run` without a file runs: one route of each pattern and a stream, reachable from this machine only. */
export const DEFAULT_CONFIG_YAML: string = `routes:
  telemetry:
    pattern: pubsub
    frontend: { bind: tcp://127.0.0.1:5555 }
    backend: { bind: tcp://127.0.0.1:5556 }
  orders:
    pattern: reqrep
    frontend: { bind: tcp://127.0.0.1:5557 }
    backend: { bind: tcp://127.0.0.1:5558 }
  jobs:
    pattern: pipeline
    frontend: { bind: tcp://127.0.0.1:5560 }
    backend: { bind: tcp://127.0.0.1:5561 }
streams:
  events:
sessions:
  bind: tcp://127.0.0.1:5550
admin:
  bind: tcp://127.0.0.1:5580
`;

/** What `zeroth init` writes. */
export const INIT_TEMPLATE: string = `# Configuration of a Zeroth node.
#   zeroth check zeroth.yaml    says what is wrong, with line and key
#   zeroth run zeroth.yaml      runs the node
#   zeroth schema               prints a JSON Schema for editors
# Durations have a unit (500ms 5s 2m 1h 1d), sizes may have one (512 64KiB 10MiB 1GiB).
# Keys that are commented out show their defaults.

node:
  # Name in the log. Default: the host name.
  # name: plant-7
  # Where streams are kept. A relative path starts at the folder of this file.
  dataDir: ./data
  # How long a stop may take to deliver what was accepted.
  stopTimeout: 10s

log:
  # trace, debug, info, warn, error, fatal or silent
  level: info
  # auto: pretty on a terminal, one JSON object per line anywhere else
  format: auto

# Each route forwards from its frontend to its backend. Each side listens (bind), connects, or both, on one
# endpoint or on several:
#   bind: tcp://*:5555                               every network interface
#   bind: [tcp://127.0.0.1:5555, ipc:///tmp/zeroth]  this machine only, and a local socket
#   connect: tcp://10.0.0.5:6000                     another program or node
routes:
  # Publishers connect to 5555, subscribers to 5556.
  telemetry:
    pattern: pubsub
    frontend: { bind: tcp://127.0.0.1:5555 }
    backend: { bind: tcp://127.0.0.1:5556 }
    # Messages that may wait for one slow subscriber; what comes above is dropped and counted.
    # sendHighWaterMark: 1000

  # Requesters connect to 5557, repliers to 5558. Requests go to the repliers in turn.
  orders:
    pattern: reqrep
    frontend: { bind: tcp://127.0.0.1:5557 }
    backend: { bind: tcp://127.0.0.1:5558 }
    # The largest message, all its frames together.
    # maxMessageSize: 64MiB

  # Producers push to 5560, workers pull from 5561. Each message goes to one worker.
  jobs:
    pattern: pipeline
    frontend: { bind: tcp://127.0.0.1:5560 }
    backend: { bind: tcp://127.0.0.1:5561 }
    # How soon a dead peer is noticed.
    # heartbeatInterval: 10s
    # heartbeatTimeout: 60s
    # Keep each job on the disk until a worker has it: workers, and the node, may be away for as long as there is
    # room. Takes the same settings as the streams below.
    # stream: {}

# Streams that belong to no route: clients publish to them, and consume from any place, also from the past.
streams:
  events:
    # What is kept; the oldest goes first. 0 is no limit.
    # retain: { bytes: 10GiB, age: 0s, count: 0 }
    # always: acknowledged is on the disk, also after a power cut. interval, never: survives a crash of the node only.
    # fsync: always

# Where clients of streams connect (@zeroth/client, or any program that speaks docs/wire.md).
sessions:
  bind: tcp://127.0.0.1:5550
  # Clients at one time.
  # maxSessions: 10000

# Health and metrics over HTTP, here for this machine: http://127.0.0.1:5580/health and /metrics (Prometheus). zeroth status,
# reload, set and the others use a local socket that is always there.
admin:
  bind: tcp://127.0.0.1:5580
  # Who has this may do over TCP whatever the commands can; needed to listen on other addresses than this machine's.
  # tokenFile: ./admin.secret
`;
