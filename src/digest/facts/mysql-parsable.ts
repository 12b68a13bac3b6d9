/**
 * Syntax of MySQL that sqlparser-rs does not know, and that says nothing about what is touched: it is written as what the
 * parser knows, or as blanks, so that places in the text stay what they are. Literals are stand-ins; names in backticks,
 * which may hold any of these words, are left alone.
 */
export function mysqlParsable(text: string): string {
  if (!CANDIDATE.test(text)) return text;
  return text
    .split('`')
    .map((part, i) =>
      i % 2 === 1
        ? part
        : REWRITES.reduce((out, [pattern, to]) => out.replace(pattern, (found) => to.padEnd(found.length)), part),
    )
    .join('`');
}

const CANDIDATE = /lock in share mode|with rollup|low_priority|quick|ignore| mod |!|sounds like|character set/;

const REWRITES: readonly (readonly [pattern: RegExp, to: string])[] = [
  [/ lock in share mode$/g, ' for share'],
  [/ with rollup(?= having | order | limit |$|\))/g, ''],
  [/ mod (?!\()/g, ' div '],
  [/!(?!=)/g, '-'],
  [/ sounds like /g, ' like '],
  [/ character set [a-z0-9]+(?=\))/g, ''],
  [/^update (?:(?:low_priority|ignore) )+/g, 'update '],
  [/^delete (?:(?:low_priority|quick|ignore) )+/g, 'delete '],
];
