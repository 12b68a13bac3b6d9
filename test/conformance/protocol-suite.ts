import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import type { ProtocolFilter } from '../../src/exchange/protocol-filter.ts';
import { seeded } from '../../src/net/simulated.ts';
import { StatsRegistry } from '../../src/stats/registry.ts';
import { fuzz } from '../fuzz/fuzz.ts';
import { filterEnv } from '../support/filter-env.ts';
import { asRecorded, type Gated } from '../support/gated.ts';
import { type Cut, folderOf, gatedSessions, recordedSessions, roundsOf, saidBy } from './recorded.ts';
import { MODES, type Mode, Rig } from './rig.ts';

const rigs: Rig[] = [];
async function rigOf(protocol: ProtocolFilter, mode: Mode, seed?: number): Promise<Rig> {
  const rig = await Rig.start(protocol, mode, seed);
  rigs.push(rig);
  return rig;
}

/** The conservation laws hold after every test, on every rig it used. */
afterEach(() => {
  for (const rig of rigs.splice(0)) {
    expect(rig.witness.wrong).toEqual([]);
    expect(rig.bugs).toEqual([]);
    for (const [law, [left, right]] of Object.entries(rig.laws)) expect(left, law).toBe(right);
  }
});

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
function heldBytes(): number {
  collect();
  collect(); // the first one's buffers are given back beside it, and surely before the second
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');
/** Envoy's counters of what is not built yet: they stand in the documents and say so. */
const STILL_ZERO = new Set(
  ['sessions_terminated_ssl', 'sessions_upstream_ssl_success', 'sessions_upstream_ssl_failed'].map(
    (name) => `postgres.<stat_prefix>.${name}`,
  ),
);
/** How peers of other protocols begin. */
const FOREIGN: readonly (readonly [string, Buffer])[] = [
  ['HTTP', ascii('POST / HTTP/1.1\r\nHost: db\r\nContent-Length: 4\r\n\r\nabcd')],
  ['HTTP/2', ascii('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
  ['TLS', Buffer.concat([Buffer.from('16030100c8010000c40303', 'hex'), Buffer.alloc(194, 7)])],
  ['SSH', ascii('SSH-2.0-OpenSSH_9.2\r\n')],
  ['PROXY', ascii('PROXY TCP4 192.0.2.1 192.0.2.2 5 6\r\n')],
  ['SMTP', ascii('EHLO example.org\r\n')],
  ['postgres', Buffer.from('000000160003000075736572007065746572000000', 'hex')],
  ['mysql', Buffer.concat([Buffer.from('4a0000000a', 'hex'), ascii('8.0.36\0'), Buffer.alloc(66, 1)])],
  ['redis', ascii('*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n')],
  ['mongodb', Buffer.concat([Buffer.from('24000000010000000000000dd0070000'.slice(0, 32), 'hex'), Buffer.alloc(20)])],
  ['kafka', Buffer.from('0000001b001200030000000100047465737400', 'hex')],
  ['zookeeper', Buffer.concat([Buffer.from('0000002c', 'hex'), Buffer.alloc(44)])],
  ['zeros', Buffer.alloc(64)],
  ['ones', Buffer.alloc(64, 0xff)],
];

/** What every protocol filter must do, whatever it speaks. A file each, so that they run side by side. */
export function testProtocol(protocol: ProtocolFilter, gated: Gated = asRecorded): void {
  const sessions = recordedSessions(protocol);
  const modes = protocol.gates ? MODES : (['observe'] as const);

  describe(`conformance: ${protocol.name}`, () => {
    test('there are recorded sessions', () => expect(sessions.length).toBeGreaterThan(0));

    for (const mode of modes) {
      const replayed = mode === 'observe' ? sessions : gatedSessions(sessions, gated);

      test.each(replayed)(
        `${mode}: $name, cut at every offset, gives the same bytes and exchanges`,
        async (session) => {
          const rig = await rigOf(protocol, mode);
          const [toServer, toClient] = [saidBy(session, '>'), saidBy(session, '<')];
          const { told } = rig.replay(session);
          // Comparisons by hand: an expect() each would take most of the time.
          const isWrong = (cuts: readonly Cut[]): boolean => {
            const seen = rig.replay(session, cuts);
            return !(seen.toServer.equals(toServer) && seen.toClient.equals(toClient) && seen.told === told);
          };
          for (const cuts of [[], ...roundsOf(session)]) {
            if (!isWrong(cuts)) continue;
            const alone = cuts.find((cut) => isWrong([cut]));
            const which = alone ? [alone] : cuts;
            const hex = (bytes: Buffer) => bytes.toString('hex');
            const seen = rig.replay(session, which);
            expect({ cuts: which, ...seen, toServer: hex(seen.toServer), toClient: hex(seen.toClient) }).toEqual({
              cuts: which,
              toServer: hex(toServer),
              toClient: hex(toClient),
              told,
            });
          }
        },
      );

      test(`${mode}: the same stream in the same pieces tells the same twice`, async () => {
        for (const session of replayed) {
          const [one, two] = [await rigOf(protocol, mode, 5), await rigOf(protocol, mode, 5)];
          const [first, second] = [one.replay(session), two.replay(session)];
          expect(second.told).toBe(first.told);
          expect(second.toClient.equals(first.toClient)).toBe(true);
        }
      });

      test(`${mode}: a peer that dies anywhere ends the session once, and every exchange once`, async () => {
        const rig = await rigOf(protocol, mode);
        for (const session of replayed)
          for (const who of ['client', 'server'] as const)
            for (const how of ['fin', 'reset'] as const)
              session.lines.forEach((last, upTo) => {
                // Before a line is behind the one before it.
                const places = [Math.ceil(last.bytes.length / 2), last.bytes.length];
                for (const at of new Set(upTo === 0 ? [0, ...places] : places)) {
                  const talk = rig.dial();
                  for (const { who: side, bytes } of session.lines.slice(0, upTo)) rig.say(talk, side, bytes);
                  if (at > 0) rig.say(talk, last.who, last.bytes.subarray(0, at));
                  const peer = who === 'client' ? talk.client : talk.server();
                  if (how === 'fin') peer?.end();
                  else peer?.reset();
                  rig.run(5);
                  rig.hangUp(talk);
                  rig.servers.length = 0;
                }
              });
        expect(rig.witness.sessionsEnded).toBe(rig.witness.sessionsStarted);
      });

      test(`${mode}: noise from either side never throws`, async () => {
        const rig = await rigOf(protocol, mode);
        const random = seeded(11);
        for (let round = 0; round < 400; round++) {
          const session = replayed[round % replayed.length]!;
          const talk = rig.dial();
          const before = rig.opaque;
          const said = { '>': [] as Buffer[], '<': [] as Buffer[] };
          const say = (who: '>' | '<', bytes: Buffer) => {
            if (who === '<' && talk.server() === null) return;
            said[who].push(bytes);
            rig.say(talk, who, bytes);
          };
          for (const { who, bytes } of session.lines.slice(0, round % (session.lines.length + 1))) say(who, bytes);
          for (let i = 0; i < 6; i++) {
            const noise = Buffer.from(Array.from({ length: 1 + Math.floor(random() * 90) }, () => random() * 256));
            say(random() < 0.5 ? '>' : '<', noise);
          }
          rig.hangUp(talk);
          expect(rig.opaque - before).toBeLessThanOrEqual(1);
          if (mode === 'observe') {
            expect(talk.client.bytes.equals(Buffer.concat(said['<']))).toBe(true);
            const toServer = Buffer.concat(said['>']);
            if (talk.server()) expect(talk.server()!.bytes.equals(toServer)).toBe(true);
          }
          rig.servers.length = 0;
        }
      });
    }

    test('observe: what speaks another protocol flows on, and is counted opaque once', async () => {
      const rig = await rigOf(protocol, 'observe');
      for (const [name, bytes] of FOREIGN) {
        if (name === protocol.name || protocol.detect?.(bytes) === 'yes') continue;
        const before = rig.opaque;
        const talk = rig.dial();
        rig.say(talk, '>', bytes);
        const more = Buffer.alloc(200, 0x41);
        rig.say(talk, '>', more);
        rig.say(talk, '<', bytes);
        expect(rig.opaque - before, name).toBe(1);
        expect(talk.server()!.bytes.equals(Buffer.concat([bytes, more])), name).toBe(true);
        expect(talk.client.bytes.equals(bytes), name).toBe(true);
        rig.hangUp(talk);
        rig.servers.length = 0;
      }
    });

    if (protocol.gates) {
      test('enforce: what speaks another protocol does not reach the server', async () => {
        const rig = await rigOf(protocol, 'enforce');
        for (const [name, bytes] of FOREIGN) {
          if (name === protocol.name || protocol.detect?.(bytes) === 'yes') continue;
          const talk = rig.dial();
          rig.say(talk, '>', Buffer.concat([bytes, Buffer.alloc(200, 0x41)]));
          rig.run(20_000);
          expect(talk.server()?.bytes.length ?? 0, name).toBe(0);
          expect(talk.client.ended || talk.client.closed !== null, name).toBe(true);
          rig.hangUp(talk);
          rig.servers.length = 0;
        }
      });
    }

    test('a declared length makes no memory grow', async () => {
      const rig = await rigOf(protocol, 'observe');
      const before = heldBytes();
      for (const { lines } of sessions)
        for (const length of [0, 1, 3, 0x7fffffff, 0x80000000, 0xffffffff])
          for (let at = 0; at < 6; at++) {
            const talk = rig.dial();
            for (const { who, bytes } of lines.slice(0, 4)) {
              const wrong = Buffer.from(bytes);
              if (wrong.length >= at + 4) wrong.writeUInt32BE(length, at);
              rig.say(talk, who, wrong);
            }
            rig.hangUp(talk);
            rig.servers.length = 0;
          }
      expect(heldBytes() - before).toBeLessThan(32 << 20);
    });

    test('memory stays flat over 1,000,000 messages of one session', async () => {
      const rig = await rigOf(protocol, 'observe');
      // What lies between two quiet points can be said again and again, and many times at once.
      let best: { lines: (typeof sessions)[number]['lines']; to: number; exchanges: number } | null = null;
      const quiet = () => rig.plane.connections()[0]?.state === 'idle';
      for (const session of sessions) {
        const talk = rig.dial();
        let [from, ended] = [-1, 0];
        session.lines.forEach(({ who, bytes }, line) => {
          rig.say(talk, who, bytes);
          if (!quiet()) return;
          const exchanges = rig.witness.ended - ended;
          if (from >= 0 && line - from === 2 && who === '<' && exchanges > (best?.exchanges ?? 0))
            best = { lines: session.lines, to: line + 1, exchanges };
          [from, ended] = [line, rig.witness.ended];
        });
        rig.hangUp(talk);
        rig.servers.length = 0;
      }
      expect(best).not.toBeNull();
      const { lines, to, exchanges } = best!;
      const talk = rig.dial();
      for (const { who, bytes } of lines.slice(0, to)) rig.say(talk, who, bytes);
      const AT_ONCE = Math.min(64, Math.ceil(32_000 / exchanges));
      const block = lines.slice(to - 2, to).map(({ who, bytes }) => ({
        who,
        bytes: Buffer.concat(Array.from({ length: AT_ONCE }, () => bytes)),
      }));
      // Every exchange is two messages at least: its request and its reply.
      const wanted = rig.witness.ended + 500_000;
      let [early, rounds] = [0, 0];
      while (rig.witness.ended < wanted && rounds < 500_000) {
        for (const { who, bytes } of block) rig.say(talk, who, bytes);
        rig.witness.told = [];
        talk.client.chunks.length = talk.server()!.chunks.length = 0;
        if (++rounds === 5) early = heldBytes();
      }
      const late = heldBytes();
      expect(rig.witness.ended).toBeGreaterThanOrEqual(wanted);
      expect(rounds).toBeGreaterThan(10);
      expect(late - early).toBeLessThan(4 << 20);
      expect(rig.plane.connections()[0]?.state).toBe('idle');
      rig.hangUp(talk);
    });

    test('every stat moves in a transcript or is named in a test, and stands in the documents', async () => {
      const moved = new Set<string>();
      for (const mode of modes) {
        const rig = await rigOf(protocol, mode);
        for (const session of mode === 'observe' ? sessions : gatedSessions(sessions, gated)) rig.replay(session);
        for (const { id, pattern } of rig.stats.list) if (rig.stats.get(id) > 0) moved.add(pattern);
      }
      const own = new StatsRegistry();
      protocol.bind(protocol.config.parse({ stat_prefix: 'c' }), protocol.options.parse({}), filterEnv({ stats: own }));
      const folder = folderOf(protocol);
      const tests = readdirSync(folder)
        .filter((file) => file.endsWith('.test.ts') && file !== 'readme.test.ts')
        .map((file) => readFileSync(new URL(file, folder), 'utf8'))
        .join('\n');
      const readme = readFileSync(new URL('README.md', folder), 'utf8');
      const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
      const missing = { moves: [] as string[], readme: [] as string[], metrics: [] as string[] };
      for (const pattern of new Set(own.list.map((stat) => stat.pattern))) {
        // A key may begin with a part: of `<opname>_rq` a test says `getdata_rq`.
        const key = pattern.slice(pattern.lastIndexOf('.') + 1).replace(/^<\w+>/, '\\w*');
        if (!STILL_ZERO.has(pattern) && !moved.has(pattern) && !new RegExp(`\\b${key}\\b`).test(tests))
          missing.moves.push(pattern);
        if (!new RegExp(`\\b${key}\\b`).test(readme)) missing.readme.push(pattern);
        if (!page.includes(`\`${pattern}\``)) missing.metrics.push(pattern);
      }
      expect(missing).toEqual({ moves: [], readme: [], metrics: [] });
    });

    test('a short fuzz with a fixed seed finds nothing', () => {
      // The same each time, on however busy a machine.
      const { cases, crashes } = fuzz({ protocols: [protocol], seed: 1, cases: 5000, forMs: 40_000 });
      expect(crashes).toEqual([]);
      expect(cases).toBeGreaterThanOrEqual(500);
    });

    test('what the fuzzer once found stays fixed', () => {
      const corpus = new URL('../fuzz/corpus/', import.meta.url);
      const files = existsSync(corpus)
        ? readdirSync(corpus).filter((file) => file.startsWith(`${protocol.name}-`))
        : [];
      for (const file of files) {
        const text = readFileSync(new URL(file, corpus), 'utf8');
        expect(fuzz({ protocols: [protocol], seed: 0, forMs: 0, replay: text }).crashes, file).toEqual([]);
      }
    });
  });
}
