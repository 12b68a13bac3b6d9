import { compileFilter } from '../../stats/name-filter.ts';

/** One of Envoy's `type.matcher.v3.StringMatcher`. */
export interface StringMatch {
  readonly is: 'exact' | 'prefix' | 'suffix' | 'contains' | 'regex';
  readonly text: string;
  /** Of ASCII letters alone (Envoy); not of a regex. */
  readonly ignoreCase: boolean;
}

export type StringTest = (text: string) => boolean;

/** Of a checked matcher; never throws. A regex matches the whole text (RE2's full match), in time text × pattern. */
export function stringTest({ is, text: given, ignoreCase }: StringMatch): StringTest {
  const wanted = ignoreCase ? asciiLower(given) : given;
  const of: (text: string) => string = ignoreCase ? asciiLower : (text) => text;
  switch (is) {
    case 'exact':
      return (seen) => of(seen) === wanted;
    case 'prefix':
      return (seen) => of(seen).startsWith(wanted);
    case 'suffix':
      return (seen) => of(seen).endsWith(wanted);
    case 'contains':
      return (seen) => of(seen).includes(wanted);
    case 'regex':
      return compileFilter(`^(?:${given})$`);
  }
}

/** Unicode's rules would make `k` of the Kelvin sign, and so a name of another one. */
const asciiLower = (text: string): string =>
  text.replace(/[A-Z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 32));
