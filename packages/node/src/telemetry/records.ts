/**
 * Lines of the log as OpenTelemetry's log records.
 *
 * Guarantees: pure; a line that is no JSON object becomes a record with the line as its body; fields keep their names.
 */
import type { AnyValueMap, LogRecord } from '@opentelemetry/api-logs';
import { SeverityNumber } from '@opentelemetry/api-logs';

const SEVERITY: Readonly<Record<string, SeverityNumber>> = {
  trace: SeverityNumber.TRACE,
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
  fatal: SeverityNumber.FATAL,
};

/** Characters of a line that is sent; the rest is for the log itself. */
const LONGEST = 16 * 1024;

export function logRecord(line: string): LogRecord {
  const fields = parsed(line);
  if (fields === null) return { body: line.slice(0, LONGEST).trimEnd() };
  // The resource has the node, and that it is a process says nothing to a collector.
  const { level, time, msg, event, err, node: _node, pid: _pid, ...rest } = fields;
  const severity = typeof level === 'string' ? SEVERITY[level] : undefined;
  const at = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  return {
    ...(Number.isNaN(at) ? {} : { timestamp: at }),
    ...(severity === undefined ? {} : { severityNumber: severity, severityText: String(level) }),
    ...(typeof event === 'string' ? { eventName: event } : {}),
    body: typeof msg === 'string' ? msg : '',
    attributes: { ...rest, ...exception(err) },
  };
}

function parsed(line: string): AnyValueMap | null {
  if (line.length > LONGEST) return null;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as AnyValueMap)
      : null;
  } catch {
    return null;
  }
}

/** Under the names of the semantic conventions. */
function exception(err: unknown): AnyValueMap {
  if (typeof err !== 'object' || err === null) return {};
  const { type, message, stack } = err as AnyValueMap;
  const named = { 'exception.type': type, 'exception.message': message, 'exception.stacktrace': stack };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => typeof value === 'string'));
}
