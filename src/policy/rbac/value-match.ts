import type { MetadataMatch, ValueMatch } from './rbac-config.ts';
import type { Metadata } from './rbac-input.ts';
import { stringTest } from './string-match.ts';

/** Of a value of plain data; undefined = there is none. */
export type ValueTest = (value: unknown) => boolean;

/** Envoy's ValueMatcher. */
export function valueTest(match: ValueMatch): ValueTest {
  switch (match.is) {
    case 'null':
      return (value) => value === null;
    case 'number':
      return (value) => value === match.exact;
    case 'range':
      return (value) => typeof value === 'number' && value >= match.from && value < match.to;
    case 'bool':
      return (value) => value === match.value;
    case 'present': // absence is what `invert` asks for: present_match: false matches nothing
      return (value) => match.value && value !== undefined;
    case 'string': {
      const matches = stringTest(match.match);
      return (value) => typeof value === 'string' && matches(value);
    }
    case 'list': {
      const matches = valueTest(match.oneOf);
      return (value) => Array.isArray(value) && value.some(matches);
    }
    case 'or': {
      const tests = match.of.map(valueTest);
      return (value) => tests.some((matches) => matches(value));
    }
  }
}

/** Envoy's MetadataMatcher. */
export function metadataTest({ namespace, path, value, invert }: MetadataMatch): (metadata: Metadata) => boolean {
  const matches = valueTest(value);
  return (metadata) => matches(valueIn(metadata, namespace, path)) !== invert;
}

/** Paths lead through maps only (Envoy), and never to what data inherits. */
function valueIn(metadata: Metadata, namespace: string, path: readonly string[]): unknown {
  let at: unknown = Object.hasOwn(metadata, namespace) ? metadata[namespace] : undefined;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || Array.isArray(at) || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}
