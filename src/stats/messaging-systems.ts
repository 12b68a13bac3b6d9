/** What OpenTelemetry calls an operation of a messaging system. `type` '': it is none of the conventions' (admin). */
export interface MessagingOperation {
  readonly name: string;
  readonly type: 'send' | 'receive' | 'settle' | '';
}

export interface MessagingSystem {
  /** `messaging.system`. */
  readonly name: string;
  /** By the protocol's own word. */
  readonly operations: ReadonlyMap<string, MessagingOperation>;
}

const COMMIT: MessagingOperation = { name: 'commit', type: 'settle' };

/** Systems whose protocols follow OpenTelemetry's conventions for messaging instead of databases, by our name of the protocol. */
export const MESSAGING_SYSTEMS: ReadonlyMap<string, MessagingSystem> = new Map([
  [
    'kafka',
    {
      name: 'kafka',
      operations: new Map<string, MessagingOperation>([
        ['Produce', { name: 'send', type: 'send' }],
        ['Fetch', { name: 'poll', type: 'receive' }],
        ['ShareFetch', { name: 'poll', type: 'receive' }],
        ['OffsetCommit', COMMIT],
        ['TxnOffsetCommit', COMMIT],
        ['ShareAcknowledge', { name: 'acknowledge', type: 'settle' }],
      ]),
    },
  ],
]);

/** What has no name of the conventions keeps its own. */
export const operationOf = (system: MessagingSystem, operation: string): MessagingOperation =>
  system.operations.get(operation) ?? { name: operation, type: '' };
