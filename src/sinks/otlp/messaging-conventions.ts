import type { DigestEntry } from '../../events/event-batch.ts';
import { type MessagingOperation, type MessagingSystem, operationOf } from '../../stats/messaging-systems.ts';
import { type Conventions, type Counted, SpanKind } from './conventions.ts';

/** A topic that only its id was told of. */
const UNKNOWN_TOPIC = '?';
/** What was sent, and what came: each request may be a batch of none. */
const SENT: Counted = { key: 'messaging.batch.message_count', column: 'batch_size', from: 1 };
const RECEIVED: Counted = { key: 'messaging.batch.message_count', column: 'rows_sent', from: 0 };
/** Of what no message is: partitions or entries asked for in one. */
const ASKED: Counted = { key: 'sluice.batch.size', column: 'batch_size', from: 2 };

const COUNTED: Readonly<Record<MessagingOperation['type'], Counted>> = {
  send: SENT,
  receive: RECEIVED,
  settle: ASKED,
  '': ASKED,
};

/** OpenTelemetry's conventions for messaging clients (Development status), for one system. */
export function messagingConventions(system: MessagingSystem): Conventions {
  const of = (entry: DigestEntry): MessagingOperation => operationOf(system, entry.operation);
  return {
    session: (session) => [
      ['messaging.system', system.name],
      ['messaging.client.id', session.application],
    ],
    digest(entry) {
      const { name, type } = of(entry);
      const topic = destinationOf(entry);
      return [
        ['messaging.operation.name', name],
        ['messaging.operation.type', type],
        ['messaging.destination.name', topic],
        ['sluice.operation', entry.operation],
        ['sluice.summary', entry.summary],
        ['sluice.targets', topic === entry.collection ? '' : entry.collection],
      ];
    },
    statusKey: null,
    counted: (entry) => COUNTED[of(entry).type],
    spanName(entry) {
      const topic = destinationOf(entry);
      return topic === '' ? '' : `${of(entry).name} ${topic}`;
    },
    spanNameAt: (entry, { upstream }) =>
      [of(entry).name, upstream].filter((part) => part !== '').join(' ') || system.name,
    spanKind: (entry) => (of(entry).type === 'send' ? SpanKind.producer : SpanKind.client),
  };
}

/**
 * The one destination of an exchange, or ''. The digest names it after the operation (`Produce orders`); that it is a topic,
 * and no `*` or `group=billing`, is known by what the digest touches.
 */
function destinationOf({ summary, operation, collection }: DigestEntry): string {
  const [first, second = ''] = summary.split(' ', 2);
  const isTopic = first === operation && second !== UNKNOWN_TOPIC && collection.split(', ').includes(second);
  return isTopic ? second : '';
}
