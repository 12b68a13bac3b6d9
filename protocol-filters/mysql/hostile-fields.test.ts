import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FAULTS } from '../../src/exchange/fault.ts';
import { AuthDialogue } from './auth.ts';
import { readChangeUser } from './change-user.ts';
import { readGreeting } from './greeting.ts';
import { readLogin } from './login.ts';
import { readExecute, readQueryHead } from './query-attributes.ts';
import { readColumnCount, readEnd, readErr, readOk, readPrepareOk } from './replies.ts';
import { readSessionTrack } from './session-track.ts';
import { CAPABILITIES, client, payloadOf, server } from './testing/builders.ts';
import { guarded, liesOf, type Read } from './testing/guarded.ts';
import { Capability as C } from './wire.ts';

/**
 * a packet's length is right and the lengths inside it lie. Whatever they say, a reader answers with a value or a
 * fault, and never looks behind its packet: the bytes there change nothing (testing/guarded.ts).
 */
const TRACE = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', a: 'b' };
const track = Buffer.concat([
  server.trackVariable('sql_mode', 'ANSI'),
  server.trackSchema('shop'),
  server.trackTransaction(),
]);
const everything = -1 & ~C.ssl;

const readers: [name: string, payload: Buffer, read: Read<unknown>][] = [
  ['greeting', payloadOf(server.greeting()), readGreeting],
  ['greeting 9', payloadOf(server.greeting9()), readGreeting],
  ['greeting refused', payloadOf(server.err(1040)), readGreeting],
  [
    'login',
    payloadOf(client.login41({ capabilities: everything, attributes: { program_name: 'p', _client_name: 'c' } })),
    (buf, start, end) => readLogin(buf, start, end, everything, 0),
  ],
  ['login 320', payloadOf(client.login320('ann', 'shop')), (buf, start, end) => readLogin(buf, start, end, -1, 0)],
  [
    'change user',
    payloadOf(client.changeUser({ attributes: { program_name: 'p' } })),
    (buf, start, end) => readChangeUser(buf, start, end, CAPABILITIES),
  ],
  [
    'OK',
    payloadOf(server.ok({ track, affectedRows: 300, info: 'x' })),
    (buf, start, end) => readOk(buf, start, end, CAPABILITIES),
  ],
  ['end of rows', payloadOf(server.end()), (buf, start, end) => readEnd(buf, start, end, CAPABILITIES)],
  ['EOF', payloadOf(server.eof()), (buf, start, end) => readEnd(buf, start, end, C.protocol41)],
  ['ERR', payloadOf(server.err()), readErr],
  [
    'prepared',
    payloadOf(Buffer.concat([server.prepared(7), Buffer.of(1)])),
    (buf, start, end) => readPrepareOk(buf, start, end, -1),
  ],
  ['column count', Buffer.of(0xfc, 1, 1, 1), (buf, start, end) => readColumnCount(buf, start, end, true)],
  [
    'session state',
    track,
    (buf, start, end) => {
      const told: string[] = [];
      const fault = readSessionTrack(buf, start, end, {
        onVariable: (name, value) => told.push(name, value),
        onSchema: (name) => told.push(name),
        onTransactionState: (state) => told.push(state),
      });
      return fault ?? told;
    },
  ],
  ['query attributes', payloadOf(client.queryWithAttributes('select 1', TRACE)), readQueryHead],
  [
    'execute',
    Buffer.concat([
      Buffer.of(0x17, 1, 0, 0, 0, 8, 1, 0, 0, 0),
      payloadOf(client.queryWithAttributes('', TRACE)).subarray(1, 2),
      payloadOf(client.queryWithAttributes('', TRACE)).subarray(3),
    ]),
    (buf, start, end) => readExecute(buf, start, end, true, false),
  ],
  [
    'authentication',
    payloadOf(server.authSwitch('caching_sha2_password')),
    (buf, start, end) => {
      const dialogue = new AuthDialogue();
      dialogue.begin('', -1);
      return [dialogue.onServer(buf, start, end), dialogue.plugin];
    },
  ],
];

const isFault = (told: unknown): boolean => FAULTS.some((fault) => fault === told);

for (const [name, payload, read] of readers)
  describe(name, () => {
    test('the honest packet is read', () => expect(isFault(guarded(payload, read))).toBe(false));

    test('lengths that lie', () => {
      for (const lie of liesOf(payload)) {
        const told = guarded(lie, read);
        if (typeof told === 'string') expect(FAULTS).toContain(told);
      }
    });

    test('noise', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (noise, likely) => {
          // Half of them begin as the packet does.
          const head = likely ? payload.subarray(0, Math.min(noise.length, payload.length)) : Buffer.alloc(0);
          guarded(Buffer.concat([head, noise]), read);
        }),
        { numRuns: 200 },
      );
    });
  });
