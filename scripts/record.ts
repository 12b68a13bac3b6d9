import { readdirSync } from 'node:fs';
import { retell } from './record-scenes.ts';

/**
 * `npm run record -- postgres`: records the golden transcripts of a protocol from a real server.
 * `npm run record -- postgres --retell`: only tells anew, into `.events`, what the recorded ones hold.
 */
const names = readdirSync(import.meta.dirname).flatMap(
  (file) => /^record-(?!recorder|scenes)(\w+)\.ts$/.exec(file)?.[1] ?? [],
);
const [name = '', flag, ...rest] = process.argv.slice(2);
if (!names.includes(name) || rest.length > 0 || (flag !== undefined && flag !== '--retell')) {
  process.stderr.write(`usage: npm run record -- PROTOCOL [--retell], PROTOCOL one of: ${names.join(', ')}\n`);
  process.exit(2);
}
if (flag === undefined) {
  const { record } = (await import(`./record-${name}.ts`)) as { record(): Promise<void> };
  await record();
} else await retell(name);
