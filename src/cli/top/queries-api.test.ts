import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { fetchQueries } from './queries-api.ts';

let close = () => {};
afterEach(() => close());

/** A small HTTP server in the admin's place; resolves with its URL. */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  close = () => server.close();
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

test('asks for rows folded by digest', async () => {
  let asked = '';
  const url = await serve((request, response) => {
    asked = request.url ?? '';
    response.end('{"queries":[],"other":{"calls":0},"totals":{"calls":7}}');
  });
  expect((await fetchQueries(url)).totals.calls).toBe(7);
  expect(asked).toBe('/api/queries?by=digest&limit=200');
});

test.each<[name: string, answer: RequestListener, message: RegExp]>([
  ['an error status', (_, response) => response.writeHead(503).end('starting'), /answered 503/],
  ['no JSON', (_, response) => response.end('<html>'), /is no Sluice/],
  ['another JSON', (_, response) => response.end('[]'), /is no Sluice/],
  ['a hang-up', (request) => request.socket.destroy(), /no Sluice answers/],
])('%s is told', async (_, answer, message) => {
  await expect(fetchQueries(await serve(answer))).rejects.toThrow(message);
});

test('nobody there is told with its code', async () => {
  const url = await serve(() => {});
  close();
  await expect(fetchQueries(url)).rejects.toThrow(`no Sluice answers at ${url} (ECONNREFUSED)`);
});
