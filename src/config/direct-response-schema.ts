import { readFileSync, statSync } from 'node:fs';
import * as z from 'zod';
import { message, name } from './field-types.ts';
import { exactlyOne, given } from './rbac-values-schema.ts';
import type { FilterSchema } from './snapshot.ts';

/** Envoy's terminal filters that need no server. */

export const DIRECT_RESPONSE_TYPE_URL =
  'type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config';
export const ECHO_TYPE_URL = 'type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo';

/** As much as a listener keeps for a client that does not read. */
const MAX_BYTES = 1_048_576;
const SOURCES = ['filename', 'inline_bytes', 'inline_string', 'environment_variable'] as const;

/** config.core.v3.DataSource, read while the configuration is; in the snapshot as base64. */
const bytes = message(
  {
    filename: name().optional(),
    inline_bytes: z.base64().optional(),
    inline_string: z.string().optional(),
    environment_variable: name().optional(),
  },
  'watched_directory',
)
  .refine((source) => given(source).length === 1, exactlyOne(SOURCES))
  .transform((source, context): string => {
    const read = readSource(source);
    const fault =
      typeof read === 'string' ? read : read.length > MAX_BYTES ? `is longer than ${MAX_BYTES} bytes` : null;
    if (fault === null) return (read as Buffer).toString('base64');
    context.addIssue({ code: 'custom', message: fault, input: source, path: given(source) });
    return z.NEVER;
  });

/** The bytes, or why there are none. */
function readSource(source: Readonly<Partial<Record<(typeof SOURCES)[number], string | undefined>>>): Buffer | string {
  if (source.inline_string !== undefined) return Buffer.from(source.inline_string);
  if (source.inline_bytes !== undefined) return Buffer.from(source.inline_bytes, 'base64');
  if (source.environment_variable !== undefined) {
    const value = process.env[source.environment_variable];
    return value === undefined ? 'is not set in the environment' : Buffer.from(value);
  }
  try {
    const { size } = statSync(source.filename!);
    return size > MAX_BYTES ? `is longer than ${MAX_BYTES} bytes` : readFileSync(source.filename!);
  } catch (error) {
    return `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`;
  }
}

/** `response`: base64; '' = the connection is closed without a word. */
const directResponseConfig = message({ response: bytes.optional() }).transform(({ response = '' }) => ({ response }));

export type DirectResponseConfig = z.output<typeof directResponseConfig>;

const terminal = (filterName: string, typeUrl: string, config: FilterSchema['config']): FilterSchema => ({
  filterName,
  typeUrl,
  terminal: true,
  protocol: null,
  config,
  options: null,
});

export const directResponseSchema = terminal(
  'envoy.filters.network.direct_response',
  DIRECT_RESPONSE_TYPE_URL,
  directResponseConfig,
);
export const echoSchema = terminal('envoy.filters.network.echo', ECHO_TYPE_URL, message({}));
