import type { Confidence, Digest, Target } from '../exchange/digest.ts';

/** A digest as the cache keeps it: all fields from birth, in one order. */
export class DigestRecord implements Digest {
  readonly id: string;
  readonly protocol: string;
  readonly text: string;
  summary = '';
  operation = '';
  targets: readonly Target[] = [];
  confidence: Confidence = 'none';
  settled = false;
  literalSensitive = false;
  readonly truncated: boolean;
  readonly slot: number;
  sample = '';

  constructor(id: string, protocol: string, text: string, truncated: boolean, slot: number) {
    this.id = id;
    this.protocol = protocol;
    this.text = text;
    this.truncated = truncated;
    this.slot = slot;
  }
}
