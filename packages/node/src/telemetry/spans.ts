/**
 * Spans of the records that clients published with a trace context (W3C Trace Context, `traceparent`).
 *
 * Guarantees: what is no `traceparent` goes on as it came; a trace that its publisher does not follow is not followed; of
 * the others `traceSample` of a hundred are, whole traces, chosen by the trace id. A span that has no room is dropped
 * and counted, its record goes on with the context that it came with.
 */
import type { Context, SpanContext, Tracer } from '@opentelemetry/api';
import { isSpanContextValid, ROOT_CONTEXT, SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import type { SpanHook } from '../session/spans.ts';
import type { Backlog } from './backlog.ts';

export function spanHook(tracer: Tracer, backlog: Backlog): SpanHook {
  return {
    published: (stream, sequence, traceparent) => {
      const parent = parentOf(traceparent);
      if (parent === null || !backlog.hasRoom) return lost(parent, backlog, traceparent);
      const attributes = attributesOf('store', stream, sequence);
      const span = tracer.startSpan(`store ${stream}`, { kind: SpanKind.CONSUMER, attributes }, parent);
      if (!span.isRecording()) return traceparent;
      backlog.enter();
      span.end();
      return format(span.spanContext());
    },
    delivered: (stream, group, sequence, traceparent) => {
      const parent = parentOf(traceparent);
      if (parent === null || !backlog.hasRoom) {
        lost(parent, backlog, traceparent);
        return;
      }
      const attributes = {
        ...attributesOf('deliver', stream, sequence),
        ...(group === null ? {} : { 'messaging.consumer.group.name': group }),
      };
      const span = tracer.startSpan(`deliver ${stream}`, { kind: SpanKind.PRODUCER, attributes }, parent);
      if (!span.isRecording()) return;
      backlog.enter();
      span.end();
    },
  };
}

/** No span for this record: because there is no context, or because there is no room. */
function lost(parent: Context | null, backlog: Backlog, traceparent: string): string {
  if (parent !== null) backlog.drop();
  return traceparent;
}

function attributesOf(operation: string, stream: string, sequence: number): Record<string, string> {
  return {
    'messaging.system': 'zeroth',
    'messaging.operation.name': operation,
    'messaging.destination.name': stream,
    'messaging.message.id': String(sequence),
  };
}

/** Version 00, and later ones as far as they say the same (Trace Context, 4.3 Versioning of traceparent). */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.{0,200})?$/;

/** Null: that is no context, or its trace is not followed. */
function parentOf(traceparent: string): Context | null {
  const [, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(traceparent) ?? [];
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED;
  const parent: SpanContext = { traceId, spanId, traceFlags, isRemote: true };
  if (traceFlags !== TraceFlags.SAMPLED || !isSpanContextValid(parent)) return null;
  return trace.setSpanContext(ROOT_CONTEXT, parent);
}

function format({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
