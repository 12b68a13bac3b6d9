/**
 * Where sessions of key-value protocols say what a key cost. Bounded and approximate: heavy hitters by calls, by bytes
 * and by time. One a filter chain and worker; called once an exchange that named a key, when its reply is complete.
 */
export interface KeySink {
  /**
   * The key is buf[start..end), lent for the call. `bytes`: what its exchange moved, request and reply. `ms`: its latency,
   * 0 where there is none (a wait, no reply).
   */
  touch(buf: Uint8Array, start: number, end: number, bytes: number, ms: number): void;
}

/** Takes keys and forgets them. */
export const NO_KEYS: KeySink = { touch() {} };
