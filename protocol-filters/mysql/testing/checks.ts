import { expect } from 'vitest';
import { Side } from '../../../src/exchange/side.ts';
import { byteByByte, envoy, pieces, play, type Script, said, told } from './story.ts';

/** Ways of cutting that have found most: whole, byte by byte, in headers, behind them. */
export const CUTS = [undefined, byteByByte, pieces([3, 8]), pieces([1, 40, 5])];

/** Plays it in every way of cutting: bytes flow on unchanged, the fault is said and counted once. */
export function expectFault(script: Script, fault: string, stat = 'decoder_errors'): void {
  const full: Script = [...script, ['>', Buffer.from('tail of the client')], ['<', Buffer.from('tail of the server')]];
  for (const cut of CUTS) {
    const on = play(full, {}, cut);
    expect(on.harness.opaqueReasons).toEqual([fault]);
    expect(envoy(on, stat)).toBe(1);
    expect(on.harness.sent(Side.upstream).equals(said(full, '>'))).toBe(true);
    expect(on.harness.sent(Side.downstream).equals(said(full, '<'))).toBe(true);
    expect(on.harness.openExchanges).toBe(0);
  }
}
/** Plays it in every way of cutting: it tells this, and bytes flow on unchanged. */
export const expectTold = (script: Script, want: string[]): void => {
  for (const cut of CUTS) {
    const on = play(script, {}, cut);
    expect(told(on)).toEqual(want);
    expect(on.harness.opaqueReasons).toEqual([]);
    expect(on.harness.sent(Side.upstream).equals(said(script, '>'))).toBe(true);
    expect(on.harness.sent(Side.downstream).equals(said(script, '<'))).toBe(true);
  }
};
