import { binaryName, type PolicyVocabulary, type TargetPattern } from '../exchange/operation-facts.ts';
import { compileCidr } from './cidr.ts';
import { globCovers } from './glob.ts';
import type { PolicyConfig } from './policy-config.ts';
import { SUBJECT_FIELDS } from './subject.ts';
import { foldAscii, isEverything, patternOf, UNRESOLVED_TARGET } from './target.ts';

/**
 * Does `wide`, a deny, match all that `narrow` can match? May say no where it is so; never yes where it is not. Both are
 * without faults.
 */
export function covers(wide: PolicyConfig, narrow: PolicyConfig, vocabulary: PolicyVocabulary | null): boolean {
  if (wide === narrow || wide.mode !== narrow.mode || wide.when !== '') return false;
  const subject = SUBJECT_FIELDS.every(([field]) => namesCover(wide[field], narrow[field]));
  return (
    subject &&
    rangesCover(wide, narrow) &&
    wordsCover(wide, narrow, vocabulary) &&
    targetsCover(wide, narrow, vocabulary)
  );
}

const namesCover = (wide: readonly string[], narrow: readonly string[]): boolean =>
  wide.length === 0 ||
  (narrow.length === 0 ? ['*'] : narrow).every((name) =>
    wide.some((pattern) => globCovers(binaryName(pattern), binaryName(name))),
  );

function rangesCover({ clients: wide }: PolicyConfig, { clients: narrow }: PolicyConfig): boolean {
  if (wide.length === 0) return true;
  const ranges = wide.flatMap((text) => compileCidr(text) ?? []);
  const inner = narrow.map(compileCidr);
  return narrow.length > 0 && inner.every((one) => one !== null && ranges.some((range) => range.covers(one)));
}

function wordsCover(
  { operations: wide }: PolicyConfig,
  { operations: narrow }: PolicyConfig,
  vocabulary: PolicyVocabulary | null,
): boolean {
  // A deny of everything leaves out what every session needs: another may name it.
  const harmless = new Set(vocabulary?.harmless);
  if (wide.length === 0) return !narrow.some((word) => harmless.has(foldAscii(word)));
  const words = new Set(wide.map(foldAscii));
  return narrow.length > 0 && narrow.every((word) => words.has(foldAscii(word)));
}

function targetsCover(
  { targets: wide }: PolicyConfig,
  { targets: narrow }: PolicyConfig,
  vocabulary: PolicyVocabulary | null,
): boolean {
  if (wide.length === 0) return true;
  const patterns = wide.flatMap((text) => (text === UNRESOLVED_TARGET ? [] : patternsOf(text, vocabulary)));
  if (narrow.length === 0) return patterns.some(isEverything);
  return narrow.every((text) =>
    text === UNRESOLVED_TARGET
      ? patterns.length > 0 || wide.includes(UNRESOLVED_TARGET)
      : patternsOf(text, vocabulary).some((one) => patterns.some((pattern) => patternCovers(pattern, one))),
  );
}

function patternsOf(text: string, vocabulary: PolicyVocabulary | null): TargetPattern[] {
  const pattern = patternOf(text, vocabulary);
  return 'fault' in pattern ? [] : [pattern];
}

const patternCovers = (wide: TargetPattern, narrow: TargetPattern): boolean =>
  isEverything(wide) ||
  (!isEverything(narrow) &&
    (wide.type === '' || wide.type === narrow.type) &&
    globCovers(wide.schema, narrow.schema) &&
    globCovers(wide.name, narrow.name));
