import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressConfig } from '../config/snapshot.ts';

/** What a handler answers. `stream`: takes over the response after its head was written (server-sent events). */
export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  readonly stream?: (response: ServerResponse) => void;
}

export type Handler = (request: IncomingMessage, url: URL) => Reply | Promise<Reply>;

export interface Listening {
  /** As bound: the port is real where 0 was asked for. */
  readonly address: AddressConfig;
  /** Stops listening, ends streams, gives open answers two seconds. */
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 64 * 1024;
const LAST_ANSWERS_MS = 2000;

/** Same for every answer: nothing is cached, framed, sniffed or readable from another site. */
const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};

/** How long a client may take to ask: its head, all of it; and how often that is looked at. */
export const PATIENCE = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 15_000,
  connectionsCheckingInterval: 2_000,
};

/**
 * An HTTP server with limits for strangers (threats ND-16): head 8 KiB, body 64 KiB, 64 connections, 1,000 requests each,
 * and our patience. Rejects with Node's error when it cannot listen. `failed` hears of our own bugs.
 */
export async function listen(
  address: AddressConfig,
  handler: Handler,
  failed: (error: unknown) => void = () => {},
  patience = PATIENCE,
): Promise<Listening> {
  const server = createServer(
    { ...patience, maxHeaderSize: 8 * 1024, requireHostHeader: true },
    (request, response) => {
      answer(request, response, handler).catch((error: unknown) => {
        failed(error);
        response.destroy();
      });
    },
  );
  server.maxRequestsPerSocket = 1000;
  server.maxConnections = 64;
  server.maxHeadersCount = 64;
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    else socket.destroy();
  });
  await bind(server, address);
  server.on('error', failed);
  return { address: boundTo(server, address), close: () => close(server) };
}

/** Plain text, with the newline that terminals want. */
export const text = (body: string, status = 200): Reply => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: body.endsWith('\n') || body === '' ? body : `${body}\n`,
});

export const json = (value: unknown, status = 200): Reply => ({
  status,
  type: 'application/json; charset=utf-8',
  body: `${JSON.stringify(value)}\n`,
});

async function answer(request: IncomingMessage, response: ServerResponse, handler: Handler): Promise<void> {
  response.on('error', () => response.destroy());
  const body = await readBody(request);
  if (body === 'gone') return;
  if (body === 'too_long')
    return send(request, response, { ...text('body too large', 413), headers: { Connection: 'close' } });
  const target = request.url ?? '';
  // Only the origin form: an absolute target would name another host than the Host that was checked.
  if (!target.startsWith('/')) return send(request, response, text('bad request target', 400));
  let url: URL;
  try {
    url = new URL(`http://admin${target}`);
  } catch {
    return send(request, response, text('bad request target', 400));
  }
  send(request, response, await handler(request, url));
}

function send(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  if (response.destroyed) return;
  response.writeHead(reply.status, { ...HEADERS, 'Content-Type': reply.type, ...reply.headers });
  if (request.method === 'HEAD') response.end();
  else if (reply.stream) reply.stream(response);
  else response.end(reply.body);
}

/** We take no bodies: it is read so that the answer reaches the client, and forgotten. */
function readBody(request: IncomingMessage): Promise<'whole' | 'too_long' | 'gone'> {
  return new Promise((resolve) => {
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) return;
      request.pause();
      resolve('too_long');
    });
    request.on('end', () => resolve('whole'));
    request.on('error', () => resolve('gone'));
    request.on('close', () => resolve('gone'));
  });
}

function bind(server: Server, address: AddressConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.kind === 'ip' ? { host: address.host, port: address.port } : { path: address.path }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function boundTo(server: Server, asked: AddressConfig): AddressConfig {
  const bound = server.address();
  return asked.kind === 'ip' && bound !== null && typeof bound === 'object' ? { ...asked, port: bound.port } : asked;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
