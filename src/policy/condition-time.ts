import { Environment } from '@marcbachmann/cel-js';

/** Parts of a time that a time zone changes, and that stay as they are for a whole minute. */
const PARTS = [
  'getFullYear',
  'getMonth',
  'getDate',
  'getDayOfMonth',
  'getDayOfWeek',
  'getDayOfYear',
  'getHours',
  'getMinutes',
] as const;

const OURS = 'sluice_';
const MINUTE_MS = 60_000;

/** What a call is to be named so that remembered() answers it; null: it is none of these. */
export const rememberedName = (name: string): string | null =>
  (PARTS as readonly string[]).includes(name) ? OURS + name : null;

/** A time zone takes 40 µs to look up: `now.getHours("Europe/Berlin")` asks once a minute. */
export function registerTimes(env: Environment): void {
  for (const part of PARTS) {
    const asked = new Environment()
      .registerVariable('t', 'google.protobuf.Timestamp')
      .registerVariable('zone', 'string')
      .parse(`t.${part}(zone)`);
    const known = new Map<string, { minute: number; value: unknown }>();
    env.registerFunction(`google.protobuf.Timestamp.${OURS}${part}(string): int`, (t: Date, zone: string) => {
      const minute = Math.floor(t.getTime() / MINUTE_MS);
      const last = known.get(zone);
      if (last?.minute === minute) return last.value;
      const value: unknown = asked({ t, zone });
      known.set(zone, { minute, value }); // zones are literals of the expression: few
      return value;
    });
  }
}

export function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }) !== null;
  } catch {
    return false;
  }
}
