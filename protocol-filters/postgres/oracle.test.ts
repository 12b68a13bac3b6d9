import { readdirSync } from 'node:fs';
import { Readable } from 'node:stream';
import { parse } from 'pg-protocol';
import { describe, expect, test } from 'vitest';
import { Outcome } from '../../src/exchange/exchange.ts';
import { loadTranscript } from '../../test/support/transcript.ts';
import { envoy, play, said } from './testing/story.ts';

/** What pg-protocol, another author's decoder, reads in the same server bytes. */
interface Oracle {
  messages: number;
  rows: number;
  completed: number;
  errors: string[];
}

async function ask(bytes: Buffer): Promise<Oracle> {
  const seen: Oracle = { messages: 0, rows: 0, completed: 0, errors: [] };
  await parse(Readable.from([bytes]), (message) => {
    seen.messages++;
    if (message.name === 'dataRow' || message.name === 'copyData')
      seen.rows++; // one CopyData a row, as Postgres sends it
    else if (message.name === 'commandComplete') seen.completed++;
    else if (message.name === 'error') seen.errors.push((message as unknown as { code: string }).code);
  });
  return seen;
}

const FIXTURES = new URL('fixtures/', import.meta.url);
// Not those that begin with the one-byte answer to SSLRequest, nor what pg-protocol does not know: the walsender's stream,
// FunctionCallResponse.
const names = readdirSync(FIXTURES)
  .filter((file) => file.endsWith('.transcript') && !/ssl|walsender|psql-lo/.test(file))
  .map((file) => file.slice(0, -'.transcript'.length));

describe('pg-protocol reads the same in recorded sessions', () => {
  test('there are some', () => expect(names.length).toBeGreaterThan(12));

  test.each(names)('%s: messages, rows, completions and errors', async (name) => {
    const script = loadTranscript(new URL(`${name}.transcript`, FIXTURES));
    const on = play(script);
    const oracle = await ask(said(script, '<'));
    expect(envoy(on, 'messages_backend')).toBe(oracle.messages);
    const { ended } = on.harness;
    expect(ended.reduce((sum, x) => sum + x.rowsReturned, 0)).toBe(oracle.rows);
    expect(envoy(on, 'statements')).toBe(oracle.completed);
    expect(envoy(on, 'errors')).toBe(oracle.errors.length);
    const codes = ended.filter((x) => x.outcome === Outcome.error || x.code !== '').map((x) => x.code);
    for (const code of codes) expect(oracle.errors).toContain(code);
  });
});
