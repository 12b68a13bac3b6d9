const NAME = /^[a-z0-9_]([a-z0-9._-]{0,252})$/;
const MAX_PORT = 65_535;

/**
 * `b2.example:9092`, `[::1]:9092` of a host and port as a broker named them; '' where no connection could be made to it, or
 * where it is not what a host looks like: what stands there comes from the wire and goes into a log line.
 */
export function upstreamOf(host: string, port: number): string {
  if (port < 1 || port > MAX_PORT) return '';
  const plain = host.toLowerCase();
  const bare = plain.startsWith('[') && plain.endsWith(']') ? plain.slice(1, -1) : plain;
  if (isIpv6(bare)) return `[${bare}]:${port}`;
  return NAME.test(bare) ? `${bare}:${port}` : '';
}

/** Without a zone: that would be one of the broker's own interfaces. */
const isIpv6 = (text: string): boolean => /^[0-9a-f:.]{2,45}$/.test(text) && URL.canParse(`http://[${text}]`);

/** Addresses by which clients reach this proxy. */
export class OwnAddresses {
  /** `host:port`, and hosts of which every port is ours. */
  readonly #pairs = new Set<string>();
  readonly #hosts = new Set<string>();

  /** `addresses` as configured: `host` or `host:port`, IPv6 in brackets. */
  constructor(addresses: readonly string[]) {
    for (const address of addresses) this.#add(address.toLowerCase());
  }

  #add(address: string): void {
    if (/:\d+$/.test(address) && (address.startsWith('[') || address.indexOf(':') === address.lastIndexOf(':')))
      this.#pairs.add(address);
    else this.#hosts.add(address);
  }

  /** `upstream`: as upstreamOf() writes it. `by`: the address by which the client came, `127.0.0.1:9092`. */
  has(upstream: string, by: string): boolean {
    const local = by.replace(MAPPED, '$1');
    if (upstream === local || this.#pairs.has(upstream)) return true;
    const colon = upstream.lastIndexOf(':');
    if (this.#hosts.has(upstream.slice(0, colon))) return true;
    return upstream.startsWith('localhost:') && isLoopback(local) && local.endsWith(upstream.slice(colon));
  }
}

/** How an IPv4 client is seen by a socket that takes both. */
const MAPPED = /^\[::ffff:([\d.]+)\](?=:\d+$)/i;
const isLoopback = (address: string): boolean => address.startsWith('127.') || address.startsWith('[::1]:');
