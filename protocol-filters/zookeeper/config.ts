import { z } from 'zod';
import { OPERATIONS } from './operations.ts';
import { WORDS } from './words.ts';

/** Envoy's spelling of opcodes in latency_threshold_overrides, and ours. */
const OPCODES = {
  Connect: 'connect',
  Create: 'create',
  Delete: 'delete',
  Exists: 'exists',
  GetData: 'getData',
  SetData: 'setData',
  GetAcl: 'getACL',
  SetAcl: 'setACL',
  GetChildren: 'getChildren',
  Sync: 'sync',
  Ping: 'ping',
  GetChildren2: 'getChildren2',
  Check: 'check',
  Multi: 'multi',
  Create2: 'create2',
  Reconfig: 'reconfig',
  CheckWatches: 'checkWatches',
  RemoveWatches: 'removeWatches',
  CreateContainer: 'createContainer',
  CreateTtl: 'createTTL',
  Close: 'closeSession',
  SetAuth: 'auth',
  SetWatches: 'setWatches',
  GetEphemerals: 'getEphemerals',
  GetAllChildrenNumber: 'getAllChildrenNumber',
  SetWatches2: 'setWatches2',
  AddWatch: 'addWatch',
} as const satisfies Record<string, string>;
type Opcode = keyof typeof OPCODES;
const OPCODE_NAMES = Object.keys(OPCODES) as [Opcode, ...Opcode[]];

const MAX_MS = 2 ** 31 - 1;
const NO_DURATION = 'is not a duration such as "0.1s" or "5s"';

/** As proto JSON writes it; gives milliseconds. Envoy asks for 1 ms at least. */
const threshold = z.string(NO_DURATION).transform((text, context): number => {
  const match = /^(\d{1,7})(?:\.(\d{1,9}))?s$/.exec(text);
  const ms = match ? Number(match[1]) * 1000 + Number((match[2] ?? '').padEnd(9, '0')) / 1e6 : Number.NaN;
  if (ms >= 1 && ms <= MAX_MS) return ms;
  const message = Number.isNaN(ms) ? NO_DURATION : ms < 1 ? 'is below 0.001s' : `is above ${MAX_MS / 1000}s`;
  context.addIssue({ code: 'custom', message, input: text });
  return z.NEVER;
});

/** `envoy.extensions.filters.network.zookeeper_proxy.v3.ZooKeeperProxy`. */
export const zookeeperConfig = z
  .strictObject({
    stat_prefix: z.string().min(1),
    /** Longer packets are counted as `oversized` and `decoder_error`. */
    max_packet_bytes: z.number().int().min(1).max(0xffff_ffff).default(1_048_576),
    enable_latency_threshold_metrics: z.boolean().default(false),
    default_latency_threshold: threshold.prefault('0.1s'),
    latency_threshold_overrides: z
      .array(z.strictObject({ opcode: z.enum(OPCODE_NAMES), threshold }))
      .default([])
      .superRefine((overrides, context) => {
        const seen = new Set<string>();
        overrides.forEach(({ opcode }, i) => {
          if (seen.has(opcode))
            context.addIssue({ code: 'custom', message: `has ${opcode} a second time`, path: [i, 'opcode'] });
          seen.add(opcode);
        });
      }),
    enable_per_opcode_request_bytes_metrics: z.boolean().default(false),
    enable_per_opcode_response_bytes_metrics: z.boolean().default(false),
    enable_per_opcode_decoder_error_metrics: z.boolean().default(false),
  })
  // Envoy declares access_log and does not implement it either.
  .meta({ unsupported: ['access_log'] });
export type ZookeeperConfig = z.infer<typeof zookeeperConfig>;

/** `metadata.filter_metadata.sluice.zookeeper` of the listener. */
export const zookeeperOptions = z
  .strictObject({
    /** Path patterns of one operation, and of multis; what comes above is counted under the path's first part, or all. */
    path_patterns: z.number().int().min(1).max(1024).default(64),
    /** Where policies are enforced: the four-letter words that are let through. */
    words: z.array(z.enum(WORDS)).default(['isro', 'ruok', 'srvr']),
    /** A longer packet is not held until it is judged: where policies are enforced the connection ends. */
    max_held_bytes: z
      .number()
      .int()
      .min(1024)
      .max(128 << 20)
      .default(4 << 20),
  })
  .default({ path_patterns: 64, words: ['isro', 'ruok', 'srvr'], max_held_bytes: 4 << 20 });
export type ZookeeperOptions = z.infer<typeof zookeeperOptions>;

/** Milliseconds by slot. */
export function thresholdsOf(config: ZookeeperConfig): Float64Array {
  const all = new Float64Array(OPERATIONS.length + 1).fill(config.default_latency_threshold);
  for (const { opcode, threshold: ms } of config.latency_threshold_overrides)
    all[OPERATIONS.findIndex(({ name }) => name === OPCODES[opcode])] = ms;
  return all;
}
