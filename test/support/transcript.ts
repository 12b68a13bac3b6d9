import { readFileSync } from 'node:fs';
import type { Script } from './story.ts';

/**
 * The house format of recorded sessions: `#` comments, `>` what the client sent and `<` what the server sent, in hex, one
 * line a turn of the talk. Bytes of one side between two lines of the other came in that order, whatever the segments.
 */
const BYTES_A_LINE = 48;

export interface Recorded {
  readonly who: '>' | '<';
  readonly bytes: Buffer;
}

export function writeTranscript(comments: readonly string[], lines: readonly Recorded[]): string {
  const out = comments.map((comment) => `# ${comment}`);
  for (const { who, bytes } of lines) {
    // A long turn goes over several lines; `..` says that the turn goes on.
    for (let at = 0; at < bytes.length; at += BYTES_A_LINE)
      out.push(`${at === 0 ? who : '..'} ${bytes.toString('hex', at, Math.min(at + BYTES_A_LINE, bytes.length))}`);
  }
  return `${out.join('\n')}\n`;
}

export function readTranscript(text: string): Recorded[] {
  const lines: { who: '>' | '<'; parts: Buffer[] }[] = [];
  text.split('\n').forEach((line, number) => {
    if (line === '' || line.startsWith('#')) return;
    const [who, hex = ''] = line.split(' ');
    const bytes = Buffer.from(hex, 'hex');
    if (bytes.length * 2 !== hex.length) throw new Error(`line ${number + 1}: not hex`);
    if (who === '>' || who === '<') lines.push({ who, parts: [bytes] });
    else if (who === '..' && lines.length > 0) lines.at(-1)!.parts.push(bytes);
    else throw new Error(`line ${number + 1}: ${who} is none of > < .. #`);
  });
  return lines.map(({ who, parts }) => ({ who, bytes: Buffer.concat(parts) }));
}

export const loadTranscript = (file: URL): Script =>
  readTranscript(readFileSync(file, 'utf8')).map(({ who, bytes }) => [who, bytes] as const);
