import { type Access, binaryName, type PolicyVocabulary, type TargetPattern } from '../exchange/operation-facts.ts';
import { compileBeginning, compileGlob, isAnyGlob, MORE } from './glob.ts';

/** The target of what nobody can know. */
export const UNRESOLVED_TARGET = '$unresolved';

/** Upper case ASCII letters as lower ones, and no others: `ſ` and the Kelvin sign stay what they are (threats RD-06). */
export const foldAscii = (word: string): string =>
  /[A-Z]/.test(word) ? word.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : word;

export interface Target {
  /** In doubt yes: a schema that the query did not say, all of a schema. */
  mayBe(access: Access): boolean;
  /** In doubt no. */
  is(access: Access): boolean;
}

/** Without a vocabulary a target is a name. */
export const patternOf = (
  text: string,
  vocabulary: PolicyVocabulary | null,
): TargetPattern | { readonly fault: string } =>
  vocabulary?.target(text) ?? { type: '', schema: '*', name: binaryName(text) };

/** Anything at all, with what has no resource. */
export const isEverything = ({ type, schema, name }: TargetPattern): boolean =>
  type === '' && isAnyGlob(schema) && isAnyGlob(name);

/** `folds`: names match without regard to ASCII case. Throws where it can match nothing. */
export function compileTarget(text: string, vocabulary: PolicyVocabulary | null, folds: boolean): Target {
  const pattern = patternOf(text, vocabulary);
  if ('fault' in pattern) throw new Error(`target ${JSON.stringify(text)} ${pattern.fault}`);
  if (isEverything(pattern)) return EVERYTHING;
  const { type } = pattern;
  const schema = compileName(pattern.schema, folds);
  const name = compileName(pattern.name, folds);
  const begins = compileName(pattern.name, folds, compileBeginning);
  // What has no resource is none of them.
  const isType = (access: Access): boolean => access.type !== '' && (type === '' || access.type === type);
  return {
    mayBe: (access) =>
      isType(access) &&
      (schema === null || access.schema === '' || schema(access.schema)) &&
      (name === null || access.name === '' || (access.open ? begins!(access.name) : name(access.name))),
    is: (access) =>
      isType(access) &&
      (schema === null || ((access.schema !== '' || pattern.schema === '') && schema(access.schema))) &&
      (name === null || (access.name !== '' && name(access.open ? access.name + MORE : access.name))),
  };
}

/** Null: any. */
function compileName(pattern: string, folds: boolean, compile = compileGlob): ((name: string) => boolean) | null {
  if (isAnyGlob(pattern)) return null;
  if (!folds) return compile(pattern);
  const glob = compile(foldAscii(pattern));
  return (name) => glob(foldAscii(name));
}

const EVERYTHING: Target = { mayBe: () => true, is: () => true };
