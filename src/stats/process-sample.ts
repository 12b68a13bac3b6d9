import { z } from 'zod';

/**
 * What one process says of itself, as Prometheus families. Each role samples its own and ships JSON; the exposition adds
 * the label `role` (`primary`, `facts`, `worker-0` …).
 */
const familySchema = z.object({
  name: z.string().regex(/^(process|nodejs)_[a-z0-9_]{1,100}$/),
  help: z.string().max(500),
  type: z.enum(['counter', 'gauge', 'histogram', 'summary']),
  samples: z
    .array(
      z.object({
        suffix: z.enum(['', '_bucket', '_sum', '_count']),
        labels: z.record(z.string().regex(/^[a-z_][a-z0-9_]{0,60}$/i), z.string().max(256)),
        value: z.number(),
      }),
    )
    .max(500),
});

const sampleSchema = z.object({
  role: z.string().min(1).max(60),
  pid: z.number().int(),
  families: z.array(familySchema).max(200),
});

export type ProcessFamily = z.infer<typeof familySchema>;
export type ProcessSample = z.infer<typeof sampleSchema>;

/** Reads what another process shipped; null if it is not a sample. */
export function parseProcessSample(json: string): ProcessSample | null {
  try {
    return sampleSchema.parse(JSON.parse(json));
  } catch {
    return null;
  }
}
