import { isIP } from 'node:net';
import * as z from 'zod';
import { show } from './problem.ts';

/** Node's timers fire at once above this (threats RX-18). */
export const MAX_DURATION_MS = 2 ** 31 - 1;
export const MAX_UINT32 = 2 ** 32 - 1;

/** A map with exactly these fields; `unsupported` are the other fields of Envoy's message, blank-separated. */
export const message = <S extends z.core.$ZodLooseShape>(shape: S, unsupported = '') =>
  z.strictObject(shape).meta({ unsupported: unsupported.split(' ').filter((name) => name !== '') });

/** A name: not empty, one line, at most 256 characters, nothing a terminal or a metric would stumble over. */
export const name = () =>
  z
    .string()
    .min(1)
    .max(256)
    .refine((text) => !/[\p{C}\u2028\u2029]/u.test(text), { error: 'holds control characters' });

export const wholeNumber = (min: number, max: number) => z.int().min(min).max(max);

/** One of Envoy's enum values; `notYet` are the values that only Envoy knows. */
export const choice = <const T extends readonly [string, ...string[]]>(values: T, notYet: readonly string[] = []) =>
  z.enum(values, {
    error: ({ input }) => {
      if (input === undefined) return 'is required';
      if (input === null) return 'has no value';
      const allowed = values.join(', ');
      return typeof input === 'string' && notYet.includes(input)
        ? `${show(input)} is known to Envoy, not supported by Sluice yet; use ${values.length > 1 ? 'one of ' : ''}${allowed}`
        : `${show(input)} is ${values.length > 1 ? 'none of' : 'not'} ${allowed}`;
    },
  });

/**
 * A duration as proto JSON writes it, `"5s"` or `"0.25s"`; gives whole milliseconds, rounded up so that a positive one
 * never becomes 0, which often means "off". At most 2^31-1 ms.
 */
export const duration = ({ minMs = 0 }: { minMs?: number } = {}) =>
  z
    .string({ error: ({ input }) => (input === null ? 'has no value' : sayNoDuration(input, PROTO_EXAMPLES)) })
    .transform((text, context): number => {
      const ms = protoDurationMs(text);
      const fault =
        ms === null
          ? sayNoDuration(text, PROTO_EXAMPLES)
          : ms > MAX_DURATION_MS
            ? `${show(text)} is above ${MAX_DURATION_MS / 1000}s`
            : ms < minMs
              ? `${show(text)} is below ${minMs / 1000}s`
              : null;
      if (fault === null) return ms ?? 0;
      context.addIssue({ code: 'custom', message: fault, input: text });
      return z.NEVER;
    });

const PROTO_EXAMPLES = '"5s" or "0.25s"';
export const SHORT_EXAMPLES = '"250ms", "5s" or "1h"';
export const sayNoDuration = (seen: unknown, examples: string): string =>
  seen === undefined ? 'is required' : `${show(seen)} is not a duration such as ${examples}`;

function protoDurationMs(text: string): number | null {
  const match = /^(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(text);
  if (!match) return null;
  return Number(match[1]) * 1000 + Math.ceil(Number((match[2] ?? '').padEnd(9, '0')) / 1e6);
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration of the short form (`250ms`, `1.5s`, `10m`, `1h`) as proto JSON writes it, or null. */
export function protoDuration(text: string): string | null {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d)$/.exec(text);
  if (!match) return null;
  const micros = Math.round(Number(match[1]) * UNIT_MS[match[2]!]! * 1000);
  const fraction = String(micros % 1e6)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return `${Math.floor(micros / 1e6)}${fraction === '' ? '' : `.${fraction}`}s`;
}

const port = (min: number) => wholeNumber(min, 65535);
const SOCKET_ADDRESS_NOT_YET = 'named_port resolver_name ipv4_compat network_namespace_filepath';

const pipe = message({
  path: name()
    // sun_path is 108 bytes with its closing zero.
    .refine((path) => Buffer.byteLength(path) <= 107, {
      error: 'is longer than 107 bytes, the limit for a socket path',
    })
    .refine((path) => !path.startsWith('@'), { error: 'abstract sockets are not supported by Sluice yet' }),
  mode: wholeNumber(0, 0o777).optional(),
});

const ofEither = { error: 'needs exactly one of socket_address, pipe' };

/** Where we listen: an IP address or a unix socket. Port 0 is any free port. */
export const listenAddress = () =>
  message(
    {
      socket_address: message(
        {
          protocol: choice(['TCP'], ['UDP']).optional(),
          address: name().refine((host) => isIP(host) !== 0, {
            error: ({ input }) => `${show(input)} is not an IP address, such as 127.0.0.1 or ::1`,
          }),
          port_value: port(0),
        },
        SOCKET_ADDRESS_NOT_YET,
      ).optional(),
      pipe: pipe.optional(),
    },
    'envoy_internal_address',
  ).refine((address) => (address.socket_address === undefined) !== (address.pipe === undefined), ofEither);

/** Where a server is: an IP address, a DNS name or a unix socket. */
export const endpointAddress = () =>
  message(
    {
      socket_address: message(
        {
          protocol: choice(['TCP'], ['UDP']).optional(),
          address: name().refine((host) => isIP(host) !== 0 || isDnsName(host), {
            error: ({ input }) => `${show(input)} is neither an IP address nor a DNS name`,
          }),
          port_value: port(1),
        },
        SOCKET_ADDRESS_NOT_YET,
      ).optional(),
      pipe: pipe.optional(),
    },
    'envoy_internal_address',
  ).refine((address) => (address.socket_address === undefined) !== (address.pipe === undefined), ofEither);

export const isDnsName = (host: string): boolean =>
  host.length <= 253 &&
  !/^[\d.]+$/.test(host) && // what looks like an IPv4 address and is none
  /^(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?$/i.test(host);
