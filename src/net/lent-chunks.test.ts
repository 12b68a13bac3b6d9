import { describe, expect, test } from 'vitest';
import type { Script, ScriptedSession } from '../../test/support/scripted-protocol.ts';
import { scriptedProtocol } from '../../test/support/scripted-protocol.ts';
import { SimulatedPlane } from '../../test/support/simulated-plane.ts';
import { Side } from '../exchange/side.ts';
import type { Connection } from './connection.ts';
import { type FilterCallbacks, FilterStatus } from './filter.ts';

const { downstream, upstream } = Side;
const bytes = (text: string) => Buffer.from(text, 'latin1');
const WHY = { policy: 'p1', message: 'no', kind: 'policy' as const, closes: true };

/** What is done while the whole messages of a chunk leave by reference, and its rest is still where it was read. */
interface Moment {
  readonly connection: Connection;
  readonly session: ScriptedSession;
}
type Act = (moment: Moment) => void;

/** Messages end in `;` and leave when they are whole, `DELETE …;` as something else. */
function messages(): Script {
  let all = '';
  let judged = 0;
  return {
    open: ({ host }) => host.setGear(upstream, 'gate'),
    downstream: ({ host }, text) => {
      all += text;
      for (let end = all.indexOf(';', judged) + 1; end > 0; end = all.indexOf(';', judged) + 1) {
        if (all.startsWith('DELETE', judged)) host.replace(downstream, judged, end, bytes('ping;'));
        judged = end;
      }
      host.clear(downstream, judged);
      return undefined;
    },
    farewell: () => bytes('bye'),
  };
}

async function play(act: Act, chunks: readonly string[], bugs = 0) {
  const sessions: ScriptedSession[] = [];
  const protocol = scriptedProtocol(messages(), sessions, 'server');
  let callbacks: FilterCallbacks | null = null;
  let acted = false;
  const seen: string[] = [];
  const link = (given: FilterCallbacks) => {
    callbacks = given;
    return {
      name: 'between',
      enforces: true,
      onTurn: () => 'allow' as const,
      onData: (buf: Buffer, start: number, end: number) => {
        if (!acted && end > start) {
          acted = true;
          const behind = Buffer.from(buf.subarray(end));
          act({ connection: callbacks!.connection as Connection, session: sessions[0]! });
          expect(buf.subarray(end).equals(behind), 'the reader’s buffer is not written').toBe(true);
        }
        seen.push(buf.toString('latin1', start, end));
        return FilterStatus.Continue;
      },
    };
  };
  const simulated = await SimulatedPlane.start({ protocol, link: () => link }, { segment: (n) => n });
  const { client, server } = simulated.pair();
  for (const chunk of chunks) {
    client.send(chunk);
    simulated.run();
  }
  const told = { server: server.text, client: client.text, ended: server.ended, seen: seen.join('') };
  for (const end of [client, server]) if (end.closed === null) end.reset();
  simulated.run();
  expect(simulated.parts.errors.splice(0)).toHaveLength(bugs);
  simulated.expectBalanced();
  expect(acted).toBe(true);
  return told;
}

describe('a chunk is lent, and while its first part leaves', () => {
  const goesOn: Readonly<Record<string, Act>> = {
    'nothing happens': () => {},
    'both sides are resumed': ({ session }) => {
      session.host.resume(downstream);
      session.host.resume(upstream);
    },
    'what has left already is cleared again': ({ session }) => session.host.clear(downstream, 4),
    'the client is told something': ({ session }) => session.host.send(downstream, bytes('note')),
    'a drain begins': ({ connection }) => connection.drain(),
    'reading stops, and goes on': ({ connection }) => {
      connection.readDisable(true);
      connection.readDisable(false);
    },
  };
  for (const [name, act] of Object.entries(goesOn))
    test(`${name}: the rest stays, and leaves when it is whole`, async () => {
      const { server, seen } = await play(act, ['a;b;hal', 'f;']);
      expect([server, seen]).toEqual(['a;b;half;', 'a;b;half;']);
    });

  const ends: Readonly<Record<string, Act>> = {
    'the connection closes': ({ connection }) => connection.close('flush', 'test'),
    'it is reset': ({ connection }) => connection.close('reset', 'test'),
    'it is closed without a flush': ({ connection }) => connection.close('no_flush', 'test'),
    'the client is expelled': ({ connection }) => connection.drainable!.expel(WHY),
    'the session closes': ({ session }) => session.host.close('test'),
    'the session gives up': ({ session }) => session.host.opaque('unknown_type'),
    'a bug is told': ({ connection }) => connection.fail(new Error('a bug of a test')),
  };
  for (const [name, act] of Object.entries(ends))
    test(`${name}: nothing of the rest leaves, nor what comes behind it`, async () => {
      const { seen, server } = await play(act, ['a;b;hal', 'f;'], name === 'a bug is told' ? 1 : 0);
      expect(seen).toBe('a;b;');
      expect('a;b;'.startsWith(server)).toBe(true);
    });

  test('more of the client comes, in the middle of it: everything leaves in order', async () => {
    const more = bytes('f;g;');
    const { server, seen } = await play(
      ({ connection }) => {
        connection.onData(more, 0, more.length, false);
        more.fill(0);
      },
      ['a;b;hal', 'i;'],
    );
    expect([server, seen]).toEqual(['a;b;half;g;i;', 'a;b;half;g;i;']);
  });

  test('the client’s FIN comes: half a message stays for ever', async () => {
    const { server, seen } = await play(({ connection }) => connection.onEnd(), ['a;b;hal']);
    expect([server, seen]).toEqual(['a;b;', 'a;b;']);
  });
});

test('a lent chunk with a stand-in: the parts around it leave in order, and nothing of what it stands for', async () => {
  const text = 'a;DELETE x;b;hal';
  for (let cut = 1; cut <= text.length; cut++) {
    const chunks = [text.slice(0, cut), text.slice(cut), 'f;'].filter((each) => each !== '');
    expect((await play(() => {}, chunks)).server).toBe('a;ping;b;half;');
  }
});
