import { type Access, binaryName, type PolicyVocabulary, shownName } from '../../exchange/operation-facts.ts';

/**
 * How a policy's `targets` says exactly this resource, in the protocol's own notation; null where it cannot. There is no
 * notation known here: likely spellings are tried, and one that is read back as the resource itself is taken.
 * `isPattern`: the name is a pattern already.
 */
export function notationOf(
  { type, schema, name, open }: Omit<Access, 'verb'>,
  vocabulary: PolicyVocabulary,
  isPattern: boolean,
): string | null {
  // A name may be no text at all: nothing in a file says it.
  if (binaryName(shownName(schema)) !== schema || binaryName(shownName(name)) !== name) return null;
  const literal = isPattern ? (text: string) => text : globOf;
  const wanted = {
    // A schema that nobody said may be any.
    schema: schema === '' ? '*' : literal(schema),
    name: name === '' ? '*' : `${literal(name)}${open === true ? '*' : ''}`,
  };
  const read = (text: string): 'exact' | 'any type' | null => {
    const pattern = vocabulary.target(text);
    if ('fault' in pattern) return null;
    // Of what there is only one a type's name says it all.
    if (text === type && pattern.type === type && pattern.name === '*') return 'exact';
    if (pattern.schema !== wanted.schema || pattern.name !== wanted.name) return null;
    return pattern.type === type ? 'exact' : pattern.type === '' ? 'any type' : null;
  };
  const spellings = spellingsOf(shownName(wanted.schema), shownName(wanted.name), schema === '', type);
  return (
    spellings.find((text) => read(text) === 'exact') ?? spellings.find((text) => read(text) === 'any type') ?? null
  );
}

/** A name as a pattern that matches nothing else. */
export const globOf = (name: string): string => name.replaceAll(/[*\\]/g, '\\$&');

function spellingsOf(schema: string, name: string, anySchema: boolean, type: string): string[] {
  const quoted = (quote: string, text: string) =>
    text === '*' ? text : `${quote}${text.replaceAll(quote, quote + quote)}${quote}`;
  const names = [name, quoted('"', name), quoted('`', name)];
  const whole = anySchema
    ? names
    : ['', '"', '`'].flatMap((quote) =>
        names.flatMap((one) => {
          const first = quote === '' ? schema : quoted(quote, schema);
          return [`${first}.${one}`, `${first}/${one}`];
        }),
      );
  return [...whole, ...whole.map((text) => `${type}=${text}`), type];
}
