import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkAnswerBytes } from '../../test/support/envoy-filters/authz-answer.ts';
import { AUTHZ_METADATA } from '../../test/support/envoy-filters/value-cases.ts';
import { SimulatedPlane } from '../../test/support/simulated-plane.ts';
import { protobufFields } from '../bytes/protobuf-reader.ts';
import { ProtobufWriter } from '../bytes/protobuf-writer.ts';
import { extAuthz } from './ext-authz.ts';
import type { AuthzClient, AuthzError } from './ext-authz-client.ts';
import { checkRequest, checkResponse } from './ext-authz-messages.ts';
import { peerAddress } from './rbac-input.ts';

// With a real authorization service, and beside Envoy: test/integration/filters-envoy.test.ts.

describe('CheckRequest', () => {
  test('is what Envoy sends', () => {
    const fixture = new URL('../../test/support/envoy-filters/fixtures/envoy-1.40.json', import.meta.url);
    const [recorded = ''] = (JSON.parse(readFileSync(fixture, 'utf8')) as { requests: string[] }).requests;
    const bytes = Buffer.from(recorded, 'base64');
    const at = (message: Buffer, ...path: number[]): Buffer =>
      path.reduce((inner, field) => protobufFields(inner)!.find((one) => one.field === field)!.bytes, message);
    const portOf = (peer: number) => protobufFields(at(bytes, 1, peer, 1, 1))!.find(({ field }) => field === 3)!.value;
    const facts = { source: peerAddress(`127.0.0.1:${portOf(1)}`), destination: peerAddress(`127.0.0.1:${portOf(2)}`) };
    expect(checkRequest({ ...facts, metadata: {} })).toEqual(bytes);
  });

  test('a unix socket, IPv6, and metadata of all kinds', () => {
    const bytes = checkRequest({
      source: peerAddress('[::1]:5'),
      destination: peerAddress('/run/x.sock'),
      metadata: { n: AUTHZ_METADATA },
    });
    const text = bytes.toString('latin1');
    for (const word of ['::1', '/run/x.sock', 'Orders', 'deep', 'nothing']) expect(text).toContain(word);
    const [attributes] = protobufFields(bytes)!;
    expect(protobufFields(attributes!.bytes)!.map(({ field }) => field)).toEqual([1, 2, 11]);
  });
});

describe('CheckResponse', () => {
  test('allowed, with metadata of all kinds', () => {
    expect(checkResponse(checkAnswerBytes(true))).toEqual({ ok: true, metadata: AUTHZ_METADATA });
  });
  test('denied', () => expect(checkResponse(checkAnswerBytes(false))).toEqual({ ok: false, metadata: {} }));
  test('empty is allowed: status 0', () => expect(checkResponse(Buffer.alloc(0))).toEqual({ ok: true, metadata: {} }));
  test('no keys of a prototype come of it', () => {
    const out = new ProtobufWriter();
    const metadata = out.begin(4);
    const entry = out.begin(1);
    out.string(1, '__proto__');
    const value = out.begin(2);
    out.string(3, 'x');
    out.end(value);
    out.end(entry);
    out.end(metadata);
    const read = checkResponse(Buffer.from(out.written))!;
    expect(Object.keys(read.metadata)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(read.metadata)).toBe(Object.prototype);
  });
  test('nested too deep: no answer', () => {
    let inner = Buffer.alloc(0);
    for (let i = 0; i < 100; i++) {
      const out = new ProtobufWriter();
      const entry = out.begin(1, 3);
      out.bytes(2, Buffer.concat([Buffer.of(0x2a, ...lengthOf(inner.length)), inner]));
      out.end(entry, 3);
      inner = Buffer.from(out.written);
    }
    expect(checkResponse(Buffer.concat([Buffer.of(0x22, ...lengthOf(inner.length)), inner]))).toBeNull();
  });
  const lengthOf = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...lengthOf(n >> 7)]);
  test('noise never throws, and cut ones are no answer or a smaller one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        checkResponse(Buffer.from(bytes));
      }),
      { numRuns: 3000 },
    );
    const whole = checkAnswerBytes(true);
    for (let i = 0; i < whole.length; i++) checkResponse(whole.subarray(0, i));
  });
});

describe('a connection', () => {
  const config = {
    stat_prefix: 'a',
    failure_mode_allow: false,
    enabled: null,
    metadata_context_namespaces: [],
    service: { cluster: null, target: 'authz:1', headers: [], timeoutMs: 200 },
  };
  async function start(more = {}) {
    const waiting: { answer(what: Buffer | AuthzError): void; cancelled: boolean }[] = [];
    const client: AuthzClient = {
      check: (_target, _request, done) => {
        const one = { answer: done, cancelled: false };
        waiting.push(one);
        const cancel = (): void => {
          one.cancelled = true;
        };
        return { cancel };
      },
    };
    const simulated = await SimulatedPlane.start({
      link: (_, { stats }) => extAuthz({ ...config, ...more }, { stats, cluster: () => undefined, client }),
    });
    return { simulated, waiting };
  }

  test('its bytes wait for the answer, and go on in their order', async () => {
    const { simulated, waiting } = await start();
    const { client, server } = simulated.pair();
    client.send('one ');
    simulated.run(5);
    client.send('two');
    simulated.run(5);
    expect([server.text, waiting.length, simulated.stat('ext_authz.a.active')]).toEqual(['', 1, 1]);
    waiting[0]!.answer(Buffer.alloc(0));
    simulated.run(5);
    client.send(' three');
    simulated.run(5);
    expect([server.text, waiting.length, simulated.stat('ext_authz.a.active')]).toEqual(['one two three', 1, 0]);
  });

  test('a client that leaves meanwhile: the call is cancelled, the answer ignored', async () => {
    const { simulated, waiting } = await start();
    const { client, server } = simulated.pair();
    client.send('one');
    simulated.run(5);
    client.reset();
    simulated.run(5);
    expect([waiting[0]!.cancelled, simulated.stat('ext_authz.a.active')]).toEqual([true, 0]);
    waiting[0]!.answer(Buffer.alloc(0));
    simulated.run();
    expect([server.text, simulated.stat('ext_authz.a.ok')]).toEqual(['', 0]);
    simulated.expectBalanced();
  });

  const NO_ANSWERS: readonly (readonly [string, Buffer | AuthzError])[] = [
    ['none', { why: 'UNAVAILABLE' }],
    ['one that cannot be read', Buffer.of(0xff, 0xff)],
  ];
  for (const [name, answer] of NO_ANSWERS) {
    test(`answer: ${name}: closed`, async () => {
      const { simulated, waiting } = await start();
      const { client, server } = simulated.pair();
      client.send('one');
      simulated.run(5);
      waiting[0]!.answer(answer);
      simulated.run(5);
      expect([client.ended, server.text]).toEqual([true, '']);
      expect([simulated.stat('ext_authz.a.error'), simulated.stat('ext_authz.a.cx_closed')]).toEqual([1, 1]);
    });
    test(`answer: ${name}: goes on where failures are allowed`, async () => {
      const { simulated, waiting } = await start({ failure_mode_allow: true });
      const { client, server } = simulated.pair();
      client.send('one');
      simulated.run(5);
      waiting[0]!.answer(answer);
      simulated.run(5);
      expect(server.text).toBe('one');
      expect(simulated.stat('ext_authz.a.failure_mode_allowed')).toBe(1);
    });
  }

  test('no such cluster: closed', async () => {
    const { simulated } = await start({ service: { ...config.service, cluster: 'gone' } });
    const { client } = simulated.pair();
    client.send('one');
    simulated.run(5);
    await new Promise((resolve) => setImmediate(resolve));
    simulated.run(5);
    expect([client.ended, simulated.stat('ext_authz.a.error')]).toEqual([true, 1]);
  });
});
