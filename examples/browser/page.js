// What the page does: a SUB, a REQ and a client of a node. Everything that came from elsewhere is shown as text.
import { connect, json } from '@zeroth/client';
import { Request, Subscriber } from '@zeroth/zmq/browser';

const $ = (id) => document.getElementById(id);
const endpoints = await (await fetch('endpoints.json')).json();

/** How it is with a connection, in the corner of its card. */
function show(id, good, text) {
  $(id).textContent = text;
  $(id).classList.toggle('good', good);
}

function watch(socket, id) {
  socket.events.on('peer:ready', () => show(id, true, 'connected'));
  socket.events.on('peer:gone', () => show(id, false, 'connecting again'));
  socket.events.on('peer:unreachable', () => show(id, false, 'nobody there, trying again'));
}

/** The newest on top, fifty of them. */
function log(list, text, note) {
  const item = document.createElement('li');
  const small = document.createElement('small');
  small.textContent = note;
  item.append(text, ' ', small);
  list.prepend(item);
  while (list.children.length > 50) list.lastChild.remove();
}

function onSubmit(id, work) {
  $(id).addEventListener('submit', (event) => {
    event.preventDefault();
    void work(event.target.elements);
  });
}

// ---- SUB

const subscriber = new Subscriber();
watch(subscriber, 'readings-state');
subscriber.connect(endpoints.readings);
let prefix = '';
subscriber.subscribe(prefix);

onSubmit('subscription', (fields) => {
  subscriber.unsubscribe(prefix);
  prefix = fields.prefix.value;
  subscriber.subscribe(prefix);
  rows.clear();
  $('readings').replaceChildren();
});

const rows = new Map();

function rowOf(topic) {
  let row = rows.get(topic);
  if (row === undefined) {
    row = $('readings').insertRow();
    row.insertCell().textContent = topic;
    row.insertCell();
    rows.set(topic, row);
  }
  return row;
}

async function listen() {
  let count = 0;
  for await (const [topic, value] of subscriber) {
    rowOf(String(topic)).cells[1].textContent = String(value);
    $('count').value = ++count;
  }
}
void listen();

// ---- REQ

const request = new Request({ receiveTimeout: 5000, relaxed: true, correlate: true });
watch(request, 'questions-state');
request.connect(endpoints.questions);

onSubmit('question', async (fields) => {
  const start = performance.now();
  try {
    await request.send(fields.text.value);
    const [answer] = await request.receive();
    log($('replies'), String(answer), `${(performance.now() - start).toFixed(1)} ms`);
  } catch (error) {
    log($('replies'), 'no reply', error.message);
  }
});

// ---- a durable stream

async function follow() {
  const zeroth = await connect(endpoints.sessions, { timeout: 60_000 });
  const events = zeroth.stream('events', { codec: json() });

  onSubmit('record', async (fields) => {
    try {
      const { sequence } = await events.publish({ text: fields.text.value, at: new Date().toISOString() });
      $('stored').textContent = `record ${sequence} is on the disk of the node`;
    } catch (error) {
      $('stored').textContent = error.message;
    }
  });

  const states = (async () => {
    for await (const { type } of zeroth.states()) show('stream-state', type === 'connected', type);
  })();
  for await (const record of events.consume({ from: 'first', live: true })) {
    const { text, at } = record.value;
    log($('records'), text, `#${record.sequence}, ${new Date(at).toLocaleTimeString()}`);
  }
  await states;
}
void follow().catch((error) => show('stream-state', false, error.message));
