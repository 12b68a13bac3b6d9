/**
 * Globs over binary names: `*` stands for any characters, `\` takes the next one as it is, everything else is itself. Time is
 * linear in the name, whatever the pattern: names come from clients (threats RD-20).
 */
export type Glob = (name: string) => boolean;

export const MAX_GLOB = 1024;

/** Why it is no pattern; '' = it is one. */
export function globFault(pattern: string): string {
  if (pattern.length > MAX_GLOB) return `is longer than ${MAX_GLOB} characters`;
  return /(?:^|[^\\])(?:\\\\)*\\$/.test(pattern) ? 'ends with a lone \\' : '';
}

/** Literal pieces between the stars: one piece = no star. */
export function globPieces(pattern: string): string[] {
  const pieces = [''];
  for (let at = 0; at < pattern.length; at++) {
    const letter = pattern[at]!;
    if (letter === '*') pieces.push('');
    else pieces[pieces.length - 1] += letter === '\\' ? (pattern[++at] ?? '') : letter;
  }
  return pieces;
}

/** Stars and nothing else. */
export const isAnyGlob = (pattern: string): boolean => /^\*+$/.test(pattern);

export function compileGlob(pattern: string): Glob {
  const pieces = globPieces(pattern);
  const first = pieces[0]!;
  if (pieces.length === 1) return (name) => name === first;
  const last = pieces.at(-1)!;
  const middle = pieces
    .slice(1, -1)
    .filter((piece) => piece !== '')
    .map(finder);
  const least = first.length + last.length;
  if (least === 0 && middle.length === 0) return () => true;
  if (middle.length === 0) return (name) => name.length >= least && name.startsWith(first) && name.endsWith(last);
  return (name) => {
    if (name.length < least || !name.startsWith(first) || !name.endsWith(last)) return false;
    const end = name.length - last.length;
    let at = first.length;
    for (const find of middle) {
      at = find(name, at, end);
      if (at < 0) return false;
    }
    return true;
  };
}

/** A character that no name has: only a star can take it, and takes whatever it stands for. */
export const MORE = '\u{10ffff}';

/** May a name that begins with `beginning` match the pattern? */
export function compileBeginning(pattern: string): Glob {
  const [first = '', ...rest] = globPieces(pattern);
  // Behind a star all that is left of the pattern may still come.
  return (beginning) => first.startsWith(beginning) || (rest.length > 0 && beginning.startsWith(first));
}

/** Does every name that `narrow` matches match `wide` too? May say no where it is so; never yes where it is not. */
export function globCovers(wide: string, narrow: string): boolean {
  return compileGlob(wide)(globPieces(narrow).join(MORE));
}

type Find = (text: string, from: number, end: number) => number;

/** Knuth, Morris and Pratt: the offset behind the first occurrence within [from, end), or -1. */
function finder(piece: string): Find {
  const { length } = piece;
  const back = new Uint16Array(length);
  for (let at = 1, same = 0; at < length; at++) {
    while (same > 0 && piece[at] !== piece[same]) same = back[same - 1]!;
    if (piece[at] === piece[same]) same++;
    back[at] = same;
  }
  return (text, from, end) => {
    let same = 0;
    for (let at = from; at < end; at++) {
      const code = text.charCodeAt(at);
      while (same > 0 && code !== piece.charCodeAt(same)) same = back[same - 1]!;
      if (code === piece.charCodeAt(same)) same++;
      if (same === length) return at + 1;
    }
    return -1;
  };
}
