/** docs/from-zeromq.md against the npm package `zeromq` and ours: no row too much, none missing, none that lies. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import * as theirMain from 'zeromq';
import * as theirDraft from 'zeromq/draft.js';
import * as ourDraft from '../../src/draft.ts';
import * as ourMain from '../../src/index.ts';

type Class = { prototype: object };
type Exports = Readonly<Record<string, unknown>>;
type Verdict = 'same' | 'differs' | 'not there';

interface Row {
  readonly verdict: Verdict;
  readonly note: string;
}

const theirs: Exports = { ...theirMain, ...theirDraft };
const ours: Exports = { ...ourMain, ...ourDraft };

/** The rows of the tables under "Every export", by heading, then by name. */
function tables(): Map<string, Map<string, Row>> {
  const file = new URL('../../../../../docs/from-zeromq.md', import.meta.url);
  const text = readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
  const [, part = ''] = /^## Every export, checked\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(text) ?? [];
  const found = new Map<string, Map<string, Row>>();
  for (const section of part.split(/^### /m).slice(1)) {
    const [heading = '', ...lines] = section.split('\n');
    const rows = new Map<string, Row>();
    for (const line of lines) {
      const [, names, verdict, note = ''] = /^\| (`[^|]*`) \| ([^|]*) \| ?([^|]*)\|$/.exec(line) ?? [];
      if (names === undefined) continue;
      assert.match(String(verdict), /^(same|differs|not there)$/, line);
      for (const [, name = ''] of names.matchAll(/`(\w+)`/g)) {
        assert.ok(!rows.has(name), `${heading} has ${name} twice`);
        rows.set(name, { verdict: verdict as Verdict, note: note.trim() });
      }
    }
    found.set(heading, rows);
  }
  return found;
}

/** Own members of a class, and what can be done with each. */
function members(type: Class): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(type.prototype))) {
    if (name !== 'constructor') found.set(name, kindOf(descriptor));
  }
  return found;
}

function kindOf(descriptor: PropertyDescriptor): string {
  if (typeof descriptor.value === 'function') return 'method';
  return `${descriptor.get === undefined ? '' : 'get'}${descriptor.set === undefined ? '' : 'set'}`;
}

/** What can be done with a member of one of our classes; null where there is none. A field can be read. */
function ourKind(type: Class, name: string): string | null {
  for (let level: object | null = type.prototype; level !== null; level = Object.getPrototypeOf(level)) {
    const descriptor = Object.getOwnPropertyDescriptor(level, name);
    if (descriptor !== undefined && level !== Object.prototype) return kindOf(descriptor);
  }
  return type === (ours.Proxy as Class) && /^(front|back)End$/.test(name) ? 'get' : null;
}

const isSocket = (name: string): boolean => {
  const value = theirs[name];
  return typeof value === 'function' && value.prototype instanceof theirMain.Socket;
};
const socketNames = Object.keys(theirs).filter(isSocket);
const there = socketNames.filter((name) => ours[name] !== undefined);

/** Fails unless the row tells the truth about one of our classes. */
function check(where: string, { verdict, note }: Row, name: string, kind: string, type: Class): void {
  const here = ourKind(type, name);
  if (verdict === 'not there') assert.equal(here, null, `${where}.${name} is there`);
  if (verdict === 'differs') assert.notEqual(note, '', `${where}.${name}: how?`);
  if (verdict !== 'same') return;
  // What is set only there can be read here.
  const wanted = kind === 'set' ? 'getset' : kind;
  assert.equal(here, wanted, `${where}.${name}`);
}

const found = tables();
const rowsOf = (heading: string): Map<string, Row> => {
  const rows = found.get(heading);
  assert.ok(rows !== undefined, `no heading "### ${heading}"`);
  return rows;
};

describe('docs/from-zeromq.md', () => {
  for (const [heading, exports, own] of [
    ['zeromq', theirMain, ourMain],
    ['zeromq/draft', theirDraft, ourDraft],
  ] as [string, Exports, Exports][]) {
    it(`has each export of ${heading}, and no other`, () => {
      const rows = rowsOf(heading);
      assert.deepEqual([...rows.keys()].sort(), Object.keys(exports).filter(isExport).sort());
      for (const [name, { verdict }] of rows) {
        if (verdict === 'not there') assert.equal(own[name], undefined, `${name} is there`);
        else assert.equal(typeof own[name], typeof exports[name], name);
      }
    });
  }

  for (const name of ['Context', 'Observer', 'Proxy']) {
    it(`has each member of ${name}, and no other`, () => {
      const rows = rowsOf(name);
      const wanted = members(theirs[name] as Class);
      assert.deepEqual([...rows.keys()].sort(), [...wanted.keys()].sort());
      for (const [member, kind] of wanted) {
        const setOnly = name === 'Context' && kind === 'set';
        const row = rows.get(member)!;
        if (!setOnly) check(name, row, member, kind, ours[name] as Class);
        else assert.equal(ourKind(ours[name] as Class, member), 'set', member);
      }
    });
  }

  it('has each member that all sockets have, and no other', () => {
    const rows = rowsOf('Socket');
    const wanted = members(theirMain.Socket as unknown as Class);
    assert.deepEqual([...rows.keys()].sort(), [...wanted.keys()].sort());
    for (const [member, kind] of wanted) {
      for (const name of there) check(name, rows.get(member)!, member, kind, ours[name] as Class);
    }
  });

  it('has each member that single types add, and no other', () => {
    const headings = ['Sockets that send', 'Sockets that receive', 'Members of single types'];
    const rows = new Map(headings.flatMap((heading) => [...rowsOf(heading)]));
    // Dish has its own there as well; of zeromq.js's Socket they say so above.
    const seen = new Set<string>(['join', 'leave']);
    for (const name of there) {
      for (const [member, kind] of members(theirs[name] as Class)) {
        seen.add(member);
        const row = rows.get(member);
        assert.ok(row !== undefined, `no row for ${name}.${member}`);
        check(name, row, member, kind, ours[name] as Class);
      }
    }
    assert.deepEqual([...rows.keys()].sort(), [...seen].sort());
  });

  it('tells of each default that differs', () => {
    const socket = rowsOf('Socket');
    const differing = new Set<string>();
    for (const name of there) {
      const [there, here] = [make(theirs[name]), make(ours[name])];
      for (const [member, kind] of [
        ...members(theirMain.Socket as unknown as Class),
        ...members(theirs[name] as Class),
      ]) {
        if (!kind.startsWith('get') || member === 'context' || member === 'events') continue;
        const value = read(there, member);
        if (value !== UNREADABLE && value !== read(here, member)) differing.add(member);
      }
      there.close();
      here.close();
    }
    // A DISH that can't send is writable there.
    assert.deepEqual([...differing].sort(), ['linger', 'reconnectMaxInterval', 'writable']);
    for (const name of ['linger', 'reconnectMaxInterval']) {
      assert.equal(socket.get(name)?.verdict, 'differs', name);
    }
    assert.match(String(socket.get('linger')?.note), /30000 and 5000/);
  });
});

/** Modules in the old format have names of the loader's beside their own. */
function isExport(name: string): boolean {
  return name !== 'default' && name !== 'module.exports' && name !== '__esModule';
}

type Open = { close(): void } & Record<string, unknown>;

function make(type: unknown): Open {
  return new (type as new () => Open)();
}

const UNREADABLE = Symbol('throws, for the system has no such option');

function read(socket: Open, member: string): unknown {
  try {
    return socket[member];
  } catch {
    return UNREADABLE;
  }
}
