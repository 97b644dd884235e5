/**
 * A collector of OpenTelemetry for tests: OTLP over HTTP with JSON bodies (opentelemetry-proto 1.x, "JSON Protobuf
 * Encoding"). It reads strictly: an unknown field, a number where the encoding asks for a text of digits, an id that is not
 * hex, or a wrong header is a problem, and the answer is 400.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

type Json = Readonly<Record<string, unknown>>;
type Attributes = Readonly<Record<string, unknown>>;

export interface ReceivedMetric {
  readonly name: string;
  readonly unit: string;
  readonly type: 'gauge' | 'sum' | 'histogram';
  readonly attributes: Attributes;
  /** Of a histogram its count. */
  readonly value: number;
}

export interface ReceivedLog {
  readonly severity: string;
  readonly body: string;
  readonly eventName: string;
  readonly attributes: Attributes;
}

export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: Attributes;
}

export class OtlpReceiver {
  readonly metrics: ReceivedMetric[] = [];
  readonly logs: ReceivedLog[] = [];
  readonly spans: ReceivedSpan[] = [];
  readonly resources: Attributes[] = [];
  readonly headers: IncomingMessage['headers'][] = [];
  /** What was not as the protocol says. */
  readonly problems: string[] = [];
  /** What to do with requests. */
  mode: 'take' | 'refuse' | 'hang' = 'take';
  requests = 0;
  readonly #server: Server;
  readonly #waiting: Set<() => void> = new Set();

  constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  static async open(t: TestContext): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver();
    await receiver.listen(0);
    t.after(() => receiver.close());
    return receiver;
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Waits until something that was received fits. */
  async until<T>(find: () => T | undefined | false): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined && found !== false) return found;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    this.headers.push(request.headers);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
    if (this.mode === 'hang') return;
    if (this.mode === 'refuse') {
      response.writeHead(400).end('{}');
      return;
    }
    try {
      if (request.method !== 'POST') throw new Error(`method ${request.method}`);
      if (request.headers['content-type'] !== 'application/json')
        throw new Error(`content-type ${request.headers['content-type']}`);
      this.#read(request.url ?? '', JSON.parse(Buffer.concat(chunks).toString()));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    } catch (error) {
      this.problems.push(`${request.url}: ${String(error)}`);
      response.writeHead(400).end('{}');
    }
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  #read(path: string, body: unknown): void {
    const [kind, scopes, items] =
      {
        '/v1/metrics': ['resourceMetrics', 'scopeMetrics', 'metrics'],
        '/v1/logs': ['resourceLogs', 'scopeLogs', 'logRecords'],
        '/v1/traces': ['resourceSpans', 'scopeSpans', 'spans'],
      }[path] ?? [];
    if (kind === undefined || scopes === undefined || items === undefined) throw new Error('unknown path');
    for (const resource of list(only(object(body), kind)[kind])) {
      const { resource: of, [scopes]: inner } = only(resource, 'resource', scopes, 'schemaUrl');
      this.resources.push(attributesOf(only(object(of), 'attributes', 'droppedAttributesCount').attributes));
      for (const scope of list(inner)) {
        only(object(only(scope, 'scope', items, 'schemaUrl').scope), 'name', 'version');
        for (const item of list(scope[items])) {
          if (items === 'metrics') this.metrics.push(...metricsOf(item));
          else if (items === 'logRecords') this.logs.push(logOf(item));
          else this.spans.push(spanOf(item));
        }
      }
    }
  }
}

function metricsOf(item: Json): ReceivedMetric[] {
  const metric = only(item, 'name', 'description', 'unit', 'gauge', 'sum', 'histogram', 'metadata');
  const type = (['gauge', 'sum', 'histogram'] as const).find((each) => metric[each] !== undefined);
  if (type === undefined) throw new Error(`${text(metric.name)} has no data`);
  const data = only(object(metric[type]), 'dataPoints', 'aggregationTemporality', 'isMonotonic');
  if (type !== 'gauge' && data.aggregationTemporality !== 2) throw new Error('not cumulative');
  if (type === 'sum' && data.isMonotonic !== true) throw new Error('a sum that may go back');
  return list(data.dataPoints).map((point) => {
    const value = type === 'histogram' ? histogramCount(point) : numberOf(point);
    for (const key of ['startTimeUnixNano', 'timeUnixNano']) digits(point[key]);
    return {
      name: text(metric.name),
      unit: text(metric.unit),
      type,
      attributes: attributesOf(point.attributes),
      value,
    };
  });
}

function numberOf(point: Json): number {
  only(point, 'attributes', 'startTimeUnixNano', 'timeUnixNano', 'asDouble', 'asInt', 'flags');
  if (point.asInt !== undefined) return digits(point.asInt);
  if (typeof point.asDouble !== 'number') throw new Error('no value');
  return point.asDouble;
}

function histogramCount(point: Json): number {
  only(
    point,
    ...['attributes', 'startTimeUnixNano', 'timeUnixNano', 'count', 'sum', 'bucketCounts', 'explicitBounds'],
    ...['min', 'max', 'flags'],
  );
  const counts = array(point.bucketCounts).map(digits);
  const bounds = array(point.explicitBounds);
  if (counts.length !== bounds.length + 1) throw new Error('buckets and bounds do not fit');
  const count = digits(point.count);
  if (counts.reduce((sum, each) => sum + each, 0) !== count) throw new Error('buckets do not add up');
  return count;
}

function logOf(item: Json): ReceivedLog {
  const keys = [
    'timeUnixNano',
    'observedTimeUnixNano',
    'severityNumber',
    'severityText',
    'body',
    'eventName',
  ];
  const log = only(item, ...keys, 'attributes', 'droppedAttributesCount', 'flags', 'traceId', 'spanId');
  digits(log.timeUnixNano);
  const body = valueOfAny(object(log.body));
  return {
    severity: text(log.severityText),
    body: text(body),
    eventName: log.eventName === undefined ? '' : text(log.eventName),
    attributes: attributesOf(log.attributes),
  };
}

function spanOf(item: Json): ReceivedSpan {
  const ids = ['traceId', 'spanId', 'parentSpanId', 'traceState', 'flags'];
  const times = ['startTimeUnixNano', 'endTimeUnixNano'];
  const counts = ['droppedAttributesCount', 'events', 'droppedEventsCount', 'links', 'droppedLinksCount'];
  const span = only(item, ...ids, ...times, ...counts, 'name', 'kind', 'attributes', 'status');
  for (const time of times) digits(span[time]);
  if (typeof span.kind !== 'number' || span.kind < 1 || span.kind > 5) throw new Error(`kind ${span.kind}`);
  return {
    name: text(span.name),
    traceId: hex(span.traceId, 32),
    spanId: hex(span.spanId, 16),
    parentSpanId: hex(span.parentSpanId, 16),
    attributes: attributesOf(span.attributes),
  };
}

function attributesOf(value: unknown): Attributes {
  return Object.fromEntries(
    list(value ?? []).map((pair) => {
      const { key, value: any } = only(pair, 'key', 'value');
      return [text(key), valueOfAny(object(any))];
    }),
  );
}

function valueOfAny(value: Json): unknown {
  const [kind, ...more] = Object.keys(value);
  // common.proto, AnyValue: no field at all is an empty value.
  if (kind === undefined) return null;
  if (more.length > 0) throw new Error('a value has one kind');
  const inner = value[kind];
  switch (kind) {
    case 'stringValue':
      return text(inner);
    case 'boolValue':
    case 'doubleValue':
      return inner;
    case 'intValue':
      return typeof inner === 'number' ? inner : digits(inner);
    case 'arrayValue':
      return list(object(inner).values).map(valueOfAny);
    case 'kvlistValue':
      return attributesOf(object(inner).values);
    default:
      throw new Error(`value ${kind}`);
  }
}

function only(value: Json, ...keys: readonly string[]): Json {
  for (const key of Object.keys(value)) if (!keys.includes(key)) throw new Error(`unknown field ${key}`);
  return value;
}

function object(value: unknown): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('no object');
  return value as Json;
}

function array(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error('no list');
  return value;
}

const list = (value: unknown): readonly Json[] => array(value).map(object);

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error(`no text: ${JSON.stringify(value)}`);
  return value;
}

/** 64 bits: a text of digits, and a number as well for who reads. */
function digits(value: unknown): number {
  if (!/^\d+$/.test(String(value))) throw new Error(`no digits: ${JSON.stringify(value)}`);
  return Number(value);
}

function hex(value: unknown, length: number): string {
  if (typeof value !== 'string' || value.length !== length || !/^[0-9a-f]+$/.test(value))
    throw new Error(`no id: ${JSON.stringify(value)}`);
  return value;
}
