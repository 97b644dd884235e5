/**
 * What was reported to the Windows event log. Wine keeps nothing of it, but says what it was called with; of a text it
 * shows about the first 80 characters.
 */
import { readFileSync } from 'node:fs';
import { facts, run } from './machine.ts';

export interface Reported {
  /** 1 error, 2 warning, 4 information. */
  readonly type: number;
  readonly id: number;
  readonly text: string;
}

/** Everything that a source has reported so far, oldest first. */
export async function reported(source: string): Promise<readonly Reported[]> {
  return facts.trace === undefined ? ofWindows(source) : ofWine(readFileSync(facts.trace, 'utf8'), source);
}

/** Thread numbers tell whose call it is; one thread has one source at a time. */
function ofWine(trace: string, source: string): readonly Reported[] {
  const sources = new Map<string, string>();
  const called = new Map<string, { type: number; id: number }>();
  const found: Reported[] = [];
  for (const line of trace.split(/\r?\n/)) {
    const [, thread = '', call = '', rest = ''] =
      /^(\w+):\w+:\w+:(RegisterEventSourceW|ReportEventW) (.*)$/.exec(line) ?? [];
    if (call === 'RegisterEventSourceW') sources.set(thread, /L"(.*)"\)/.exec(rest)?.[1] ?? '');
    const [, type, id] = /^\(\w+,(0x\w+),0x\w+,(0x\w+),/.exec(rest) ?? [];
    if (call === 'ReportEventW' && id !== undefined)
      called.set(thread, { type: Number(type), id: Number(id) });
    const text = /^L"(.*)"(?:\.\.\.)?$/.exec(rest)?.[1];
    const event = called.get(thread);
    if (call !== 'ReportEventW' || text === undefined || event === undefined) continue;
    if (sources.get(thread) === source) found.push({ ...event, text: unescaped(text) });
  }
  return found;
}

function unescaped(text: string): string {
  return text
    .replaceAll('\\n', '\n')
    .replaceAll('\\"', '"')
    .replaceAll(/\\([0-9a-f]{4})/g, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replaceAll('\\\\', '\\');
}

async function ofWindows(source: string): Promise<readonly Reported[]> {
  const script = `@(Get-WinEvent -ErrorAction SilentlyContinue -Oldest -FilterHashtable @{LogName='Application';ProviderName='${source}'} | Select-Object Level,Id,Message) | ConvertTo-Json`;
  const { stdout } = await run(['powershell.exe', '-NoProfile', '-Command', script]);
  if (stdout.trim() === '') return [];
  const rows = [JSON.parse(stdout)].flat() as { Level: number; Id: number; Message: string }[];
  const types: Readonly<Record<number, number>> = { 2: 1, 3: 2, 4: 4 };
  return rows.map(({ Level, Id, Message }) => ({ type: types[Level] ?? 0, id: Id, text: Message }));
}
