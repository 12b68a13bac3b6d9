import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';
import type { AddressConfig } from '../config/snapshot.ts';

/**
 * Who may ask: the page shows query texts and needs no password, so a web page from elsewhere must not reach it through
 * the user's browser (threats TE-01). Host must name this server by something that its owner chose or that no DNS answer
 * can point here; Origin, where a browser sends one, must be the same.
 */
export interface Guard {
  /** Why the request is refused, or null. */
  refuses(request: IncomingMessage): string | null;
}

/** `names`: further host names that the operator reaches the server by, without port. */
export function createGuard(address: AddressConfig, names: readonly string[]): Guard {
  const own = new Set(['localhost', '[::1]']);
  for (const name of names) own.add(canonical(name) ?? '');
  own.delete('');
  // Bound to every address: any literal address may be ours, and a literal cannot be re-bound by DNS.
  const anyLiteral = address.kind === 'ip' && ['0.0.0.0', '::', ''].includes(address.host);
  if (address.kind === 'ip') own.add(canonical(address.host.includes(':') ? `[${address.host}]` : address.host) ?? '');

  const knows = (host: string): boolean =>
    own.has(host) ||
    host.endsWith('.localhost') ||
    (isIPv4(host) && host.startsWith('127.')) ||
    (anyLiteral && (isIPv4(host) || host.startsWith('[')));

  return {
    refuses({ headers, rawHeaders, method }) {
      const hosts = rawHeaders.filter((word, at) => at % 2 === 0 && word.toLowerCase() === 'host').length;
      const host = headers.host ?? '';
      const name = canonical(host);
      if (hosts !== 1 || name === null || !knows(name)) return 'this server does not go by that Host';
      const { origin } = headers;
      if (origin !== undefined && hostOf(origin) !== hostOf(`http://${host}`))
        return 'requests from other origins are refused';
      // Sent by browsers even where Origin is not. Following a link to the page is fine; fetching from elsewhere is not.
      const site = headers['sec-fetch-site'];
      const follows = method === 'GET' && headers['sec-fetch-mode'] === 'navigate';
      if (site !== undefined && site !== 'same-origin' && site !== 'none' && !follows)
        return 'requests from other sites are refused';
      return null;
    },
  };
}

/** `host[:port]` as URLs write it, without the port; null for what is no such thing. */
function canonical(host: string): string | null {
  if (!/^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.test(host)) return null;
  try {
    return new URL(`http://${host}`).hostname.replace(/\.$/, '');
  } catch {
    return null;
  }
}

/** Host and port of an origin; a default port is left out, so that a TLS proxy in front may be the origin. */
function hostOf(origin: string): string | null {
  try {
    return new URL(origin).host;
  } catch {
    return null;
  }
}
