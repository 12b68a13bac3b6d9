import { expect, test } from 'vitest';
import { RestartPolicy } from './restart-policy.ts';

const limits = { burst: 3, windowMs: 10_000, firstDelayMs: 1000, maxDelayMs: 3000 };

for (const [name, deaths, want] of [
  ['a few deaths are answered at once', [0, 100, 200], [0, 0, 0]],
  ['a burst waits, each time longer, up to a limit', [0, 1, 2, 3, 1004, 3005, 6006], [0, 0, 0, 1000, 2000, 3000, 3000]],
  ['deaths far apart never wait', [0, 11_000, 22_000, 33_000, 44_000], [0, 0, 0, 0, 0]],
  ['peace ends the waiting', [0, 1, 2, 3, 60_000], [0, 0, 0, 1000, 0]],
] as const) {
  test(name, () => {
    const policy = new RestartPolicy(limits);
    expect(deaths.map((at) => policy.died(at))).toEqual(want);
  });
}
