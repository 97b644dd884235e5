/**
 * A small program as a service of Windows, systemd or launchd: takes lines from PUSH sockets and appends them to a file.
 *
 *     node examples/service/collector.mjs [ENDPOINT] [FILE]      default: tcp://127.0.0.1:5599 lines.log
 *     zeroth service install --name collector -- node /srv/collector.mjs tcp://127.0.0.1:5599 /var/log/lines.log
 *
 * SIGTERM stops it (what has arrived is written first), SIGHUP opens the file anew (after logrotate has moved it), SIGTSTP
 * pauses it (producers wait, nothing is lost), SIGCONT resumes it. As an installed service: `zeroth service pause` and so on.
 */
import { open } from 'node:fs/promises';
import { Pull } from '@zeroth/zmq';
import { runAsService } from 'zeroth/service';

const [endpoint = 'tcp://127.0.0.1:5599', path = 'lines.log'] = process.argv.slice(2);

/** Milliseconds that it waits for a line before it looks whether it should pause or stop. */
const LOOK = 50;
/** Milliseconds for what has arrived when it is to stop, should producers never pause. */
const LAST_LINES = 5000;

const pull = new Pull({ receiveTimeout: LOOK });
let file;
let lines = 0;
let taking = false;
let taken = Promise.resolve();
let fail;

/** Writes the next line; false: none has come. */
async function takeOne() {
  try {
    const [line] = await pull.receive();
    await file.appendFile(`${line}\n`);
    lines++;
    return true;
  } catch (error) {
    if (error.code === 'EAGAIN') return false;
    throw error;
  }
}

async function takeAll() {
  while (taking) await takeOne();
}

function begin() {
  taking = true;
  // The disk is full, say: the program can't go on. The system starts it again as it was told to.
  taken = takeAll().catch(fail);
}

async function end() {
  taking = false;
  await taken;
}

await runAsService({
  name: 'collector',
  stopTimeout: 2 * LAST_LINES,

  async start(context) {
    ({ fail } = context);
    file = await open(path, 'a');
    await pull.bind(endpoint);
    begin();
    context.event('info', 'collecting', { endpoint: pull.lastEndpoint, file: path });
  },

  // Its queue fills up, and then those of the producers.
  pause: end,

  async resume() {
    begin();
  },

  async reload() {
    const before = file;
    file = await open(path, 'a');
    await before.close();
    return `${path} is opened anew, after ${lines} lines`;
  },

  async stop() {
    await end();
    try {
      const late = performance.now() + LAST_LINES;
      while ((await takeOne()) && performance.now() < late);
    } finally {
      pull.close();
      await file.close();
    }
  },
});
