import { expect, test } from 'vitest';
import { byteByByte, envoy, pieces, play, type Script, type Stage, told } from './story.ts';

/** All stories are told three ways: each line in one read, byte by byte, in odd pieces. */
export function tells(name: string, script: Script, want: readonly string[], more?: (on: Stage) => void): void {
  test(name, () => {
    for (const cut of [undefined, byteByByte, pieces([3, 1, 7, 2])]) {
      const on = play(script, {}, cut);
      expect(told(on)).toEqual(want);
      expect(on.harness.opaqueReasons).toEqual([]);
      expect(envoy(on, 'downstream_rq_active')).toBe(0);
      expect(envoy(on, 'downstream_cx_active')).toBe(0);
      more?.(on);
    }
  });
}
