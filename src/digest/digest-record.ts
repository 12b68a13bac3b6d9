import type { Confidence, Digest, Target } from '../exchange/digest.ts';
import type { OperationFacts } from '../exchange/operation-facts.ts';

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
  judged: OperationFacts | null = null;
  /** Which of its literals is the row limit; -1 = none is. */
  limitLiteral = -1;
  /** `judged` by that limit, of a few limits. */
  limited: Map<number, OperationFacts> | null = null;
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
