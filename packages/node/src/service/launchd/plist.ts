/**
 * A service -> its launchd property list.
 *
 * Guarantees: pure; well-formed XML for any text without control characters; it is one of ours, and says so in a comment.
 */
import type { ServiceSpec, ServiceStatus } from '../manager.ts';

/** Seconds between two starts of a service that fails. */
const THROTTLE = 10;
/** Milliseconds beyond what the service itself takes for a stop. */
const SPARE = 20_000;
const FILES = 65_536;
const MARK = 'Written by zeroth service install';

type Value = string | number | boolean | readonly string[] | { readonly [key: string]: Value };

/** `errors`: where what it writes to its standard streams goes. */
export function plistText(
  spec: ServiceSpec,
  { user, errors }: { readonly user: string | null; readonly errors: string },
): string {
  const { name, displayName, command, folder, environment, start, stopTimeout } = spec;
  const values: Readonly<Record<string, Value>> = {
    Label: name,
    ProgramArguments: command,
    WorkingDirectory: folder,
    ...(user === null ? {} : { UserName: user }),
    ...(Object.keys(environment).length === 0 ? {} : { EnvironmentVariables: environment }),
    RunAtLoad: start === 'auto',
    // Not with a manual start: it would be one at boot as well (launchd.plist(5), SuccessfulExit).
    ...(start === 'auto' ? { KeepAlive: { SuccessfulExit: false } } : {}),
    ThrottleInterval: THROTTLE,
    ExitTimeOut: Math.ceil((stopTimeout + SPARE) / 1000),
    ProcessType: 'Interactive',
    SoftResourceLimits: { NumberOfFiles: FILES },
    HardResourceLimits: { NumberOfFiles: FILES },
    Umask: 0o027,
    StandardOutPath: errors,
    StandardErrorPath: errors,
  };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    `<!-- ${MARK}, and removed by zeroth service uninstall. -->`,
    `<!-- DisplayName=${comment(displayName)} -->`,
    ...(spec.dataDir === null ? [] : [`<!-- DataDir=${comment(spec.dataDir)} -->`]),
    '<plist version="1.0">',
    xmlOf(values, ''),
    '</plist>',
    '',
  ].join('\n');
}

function xmlOf(value: Value, indent: string): string {
  const inner = `${indent}  `;
  if (typeof value === 'string') return `${indent}<string>${escaped(value)}</string>`;
  if (typeof value === 'number') return `${indent}<integer>${value}</integer>`;
  if (typeof value === 'boolean') return `${indent}<${value}/>`;
  if (isList(value))
    return [`${indent}<array>`, ...value.map((each) => xmlOf(each, inner)), `${indent}</array>`].join('\n');
  const entries = Object.entries(value).flatMap(([key, each]) => [
    `${inner}<key>${escaped(key)}</key>`,
    xmlOf(each, inner),
  ]);
  return [`${indent}<dict>`, ...entries, `${indent}</dict>`].join('\n');
}

function isList(value: Value): value is readonly string[] {
  return Array.isArray(value);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** A comment has no two hyphens in a row. */
function comment(text: string): string {
  return escaped(text).replaceAll('-', '&#45;');
}

function unescaped(text: string): string {
  return text
    .replaceAll('&#45;', '-')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

/** What a property list of ours says; null: it is not one of ours. */
export function readPlist(text: string):
  | (Pick<ServiceStatus, 'displayName' | 'start' | 'command'> & {
      readonly dataDir: string | null;
      readonly log: string | null;
      readonly errors: string;
      /** Seconds that a stop may take. */
      readonly exitTime: number;
    })
  | null {
  if (!text.includes(`<!-- ${MARK}`)) return null;
  const [, arguments_ = ''] = /<key>ProgramArguments<\/key>\s*<array>(.*?)<\/array>/s.exec(text) ?? [];
  const words = [...arguments_.matchAll(/<string>(.*?)<\/string>/gs)].map(([, word = '']) => unescaped(word));
  const [, displayName = ''] = /<!-- DisplayName=(.*) -->/.exec(text) ?? [];
  const [, dataDir] = /<!-- DataDir=(.*) -->/.exec(text) ?? [];
  const [, errors = ''] = /<key>StandardErrorPath<\/key>\s*<string>(.*?)<\/string>/s.exec(text) ?? [];
  const at = words.indexOf('--log');
  return {
    displayName: unescaped(displayName),
    start: /<key>RunAtLoad<\/key>\s*<true\/>/.test(text) ? 'auto' : 'manual',
    command: words.join(' '),
    dataDir: dataDir === undefined ? null : unescaped(dataDir),
    log: at === -1 ? null : (words[at + 1] ?? null),
    errors: unescaped(errors),
    exitTime: Number(/<key>ExitTimeOut<\/key>\s*<integer>(\d{1,6})</.exec(text)?.[1] ?? 0),
  };
}
