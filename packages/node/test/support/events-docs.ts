/**
 * docs/events.md, made from the catalogue.
 *
 * Guarantees: pure; every event is in it. test/unit/log/catalogue.test.ts compares the file with this and writes it when
 * UPDATE_DOCS is set.
 */
import type { EventArea, EventEntry } from '../../src/log/catalogue/entry.ts';
import { AREAS, isKept } from '../../src/log/events.ts';

const INTRO = `# Events

<!-- Made from packages/node/src/log/catalogue by \`UPDATE_DOCS=1 npm test\`. Do not edit. -->

Whatever an operator may want to know of a node is an event: a name, an id, a level, a message that never changes, and fields
with what varies. They are the same on every system. An id is never used for another event, and stays when words change:
rules and alerts are best made of ids or names.

## Where they are

| started by | events | the rest of the log |
|---|---|---|
| Windows, as a service | Event Viewer, Windows Logs, Application: the source is the name of the service, the event id is the id, the text has the message and \`field: value\` lines | JSON lines in \`%ProgramData%\\zeroth\\NAME\\log\\zeroth.log\`, with the events |
| systemd | the journal, with fields (below); without koffi as JSON lines with their priority | the journal, as JSON lines |
| launchd | JSON lines in \`/Library/Logs/zeroth/NAME.log\` | there |
| \`zeroth run\` | standard error: words on a terminal, else JSON lines (\`event\` and \`id\`) | there |
| \`zeroth run --log FILE\` | JSON lines in FILE; at 16 MiB it becomes FILE.1, …, FILE.4, and the oldest goes | there |
| \`telemetry:\` in the configuration | log records of OpenTelemetry, with the name of the event | the same |

- The log has what \`log.level\` lets through; a line of level \`debug\` needs \`log.level: debug\`.
- The Windows Event Log has all of level warn, error and fatal, and those of level info with a ● below: the life of the
  node, what was changed and by whom, and what ends a trouble that is there. It has them whatever \`log.level\` says. Peers that come
  and go are in the log only: they would wash everything else out.
- The journal has what the log has, and the same events as the Windows Event Log whatever \`log.level\` says.
- Level fatal is \`Error\` in the Event Viewer, and priority 2 (crit) in the journal; error is 3, warn 4, info 6.
- A storm is folded: of one event of the same route, side, stream (\`signal\`, \`key\`, \`source\`) the first ten of a second are told
  one by one, the rest as one with their number in \`folded\`; its other fields are those of the last. \`count\` of \`drop\` and
  \`undelivered\` of \`retired:early\` are sums. \`store:damaged\` and \`route:gap\` are folded after 100, \`admin:unauthorized\` is told
  once in ten seconds, \`telemetry:failed\` once in a minute. What is fatal is never held back.

## Looking for them

\`\`\`
journalctl -u zeroth -p warning                             warn and above
journalctl -u zeroth ZEROTH_EVENT=config:applied            who changed the configuration, and when
journalctl -u zeroth ZEROTH_ID=430 -o json                  dropped messages, with all fields (ZEROTH_ROUTE, ZEROTH_COUNT, …)

Get-WinEvent -FilterHashtable @{LogName='Application'; ProviderName='zeroth'; Level=1,2,3} -MaxEvents 50
Get-WinEvent -FilterHashtable @{LogName='Application'; ProviderName='zeroth'; Id=105,106}

jq -c 'select(.id == 430)' zeroth.log                       JSON lines
zeroth service logs --name zeroth                           any of them
\`\`\`

## What to be woken by

| id | why |
|---|---|
| 105, 106, 911 | it did not start, or it ended: the service manager starts it again, and if this comes again and again it does not help |
| 303 | a route ended, and the node with it |
| 512, 525, 526, 532 | records or places are lost or damaged |
| 520, 304 | a stream takes nothing: producers wait. 521 and 305 end it |
| 204 | a configuration was refused: the node runs on with the one before |
| 909 | a stop did not come to an end, and was cut |

Look at these in the morning: 412 (a peer breaks the protocol), 414 and 415 (silent or slow peers; 416 ends it), 430 (drops),
522 (a full stream), 620 and 621 (dead letters), 702 (wrong tokens), 800 (the collector; 801 ends it).
In the Task Scheduler of Windows an event can start a task: \`schtasks /Create /TN zeroth-down /TR C:\\ops\\page.cmd /SC ONEVENT
/EC Application /MO "*[System[Provider[@Name='zeroth'] and (EventID=105 or EventID=106)]]"\`.
`;

export function eventsDocs(): string {
  return `${INTRO}${AREAS.map(table).join('')}`;
}

function table({ title, events }: EventArea): string {
  const rows = Object.entries<EventEntry>(events)
    .sort(([, a], [, b]) => a.id - b.id)
    .map(([name, entry]) => row(name, entry));
  return `\n## ${title}\n\n| id | level | event | message | fields |\n|---|---|---|---|---|\n${rows.join('')}`;
}

function row(name: string, entry: EventEntry): string {
  const { id, level, message } = entry;
  const fields = Object.entries(entry.fields).map(([field, what]) => `\`${field}\`: ${what}`);
  const mark = level === 'info' && isKept(entry) ? 'info ●' : level;
  return `| ${id} | ${mark} | \`${name}\` | ${message} | ${fields.join('<br>')} |\n`;
}
