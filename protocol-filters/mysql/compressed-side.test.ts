import { deflateSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Side } from '../../src/exchange/side.ts';
import { CAPABILITIES, client, server, u8, u24 } from './testing/builders.ts';
import { CUTS } from './testing/checks.ts';
import { loginAs, own, play, type Script, said, told } from './testing/story.ts';
import { Capability as C } from './wire.ts';

const batch = (...parts: Buffer[]): Buffer => Buffer.concat(parts);
const transparent = (on: ReturnType<typeof play>, script: Script): void => {
  expect(on.harness.sent(Side.upstream).equals(said(script, '>'))).toBe(true);
  expect(on.harness.sent(Side.downstream).equals(said(script, '<'))).toBe(true);
};

describe('compression', () => {
  /** Frames of a stream; the plain length of a stored frame is 0. */
  const frames = (how: 'zlib' | 'zstd' | 'stored', bytes: Buffer, size: number): Buffer => {
    const out: Buffer[] = [];
    for (let at = 0, id = 0; at < bytes.length; at += size, id++) {
      const plain = bytes.subarray(at, at + size);
      const body = how === 'stored' ? plain : how === 'zlib' ? deflateSync(plain) : zstdCompressSync(plain);
      out.push(u24(body.length), u8(id), u24(how === 'stored' ? 0 : plain.length), body);
    }
    return Buffer.concat(out);
  };

  for (const algorithm of ['zlib', 'zstd'] as const)
    for (const how of [algorithm, 'stored'] as const)
      test(`MY-06: ${algorithm}, ${how} frames, packets over several of them, every cut`, () => {
        const capabilities = CAPABILITIES | (algorithm === 'zlib' ? C.compress : C.zstdCompressionAlgorithm);
        for (const size of [7, 33, 10_000])
          for (const cut of CUTS) {
            const script: Script = [
              ['<', server.greeting({ capabilities })],
              ['>', client.login41({ capabilities })],
              ['<', server.ok({}, 2)],
              ['>', frames(how, client.query('select a from t'), size)],
              ['<', frames(how, server.result(['1', '2', '3']), size)],
              ['>', frames(how, batch(client.ping(), client.query('selec')), size)],
              ['<', frames(how, batch(server.ok(), server.err()), size)],
            ];
            const on = play(script, {}, cut);
            expect(told(on)).toEqual([
              'query | select a from t | ok | returned 3',
              'ping | ping | ok',
              'query | selec | error | 1064 | pipelined',
            ]);
            expect(on.harness.opaqueReasons).toEqual([]);
            expect(own(on, `compressed_${algorithm}`)).toBe(1);
            expect(on.harness.ended[0]).toMatchObject({
              requestBytes: client.query('select a from t').length,
              replyBytes: server.result(['1', '2', '3']).length,
            });
            expect(on.harness.session.farewell()).toBe(null);
            transparent(on, script);
          }
      });

  test('where both can both, the server takes zlib', () => {
    const capabilities = CAPABILITIES | C.compress | C.zstdCompressionAlgorithm;
    const on = play([
      ...loginAs({ capabilities }),
      ['>', frames('zlib', client.ping(), 1000)],
      ['<', frames('zlib', server.ok(), 1000)],
    ]);
    expect(told(on)).toEqual(['ping | ping | ok']);
    expect([own(on, 'compressed_zlib'), own(on, 'compressed_zstd')]).toEqual([1, 0]);
  });

  test('the final OK and the first frame in one segment', () => {
    const capabilities = CAPABILITIES | C.compress;
    const on = play([
      ['<', server.greeting({ capabilities })],
      ['>', client.login41({ capabilities })],
      ['<', batch(server.ok({}, 2), frames('zlib', server.err(4031, 'HY000', 'no', 0), 1000))],
    ]);
    expect(on.harness.opaqueReasons).toEqual([]);
    expect(own(on, 'errors')).toBe(1);
  });
});
