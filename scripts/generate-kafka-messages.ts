/**
 * Writes the tables of Kafka's messages from protocol-filters/kafka/schema/fixtures/messages.json, the compact copy of
 * Apache Kafka's message schemas (Apache-2.0) that we keep.
 * `--check` writes nothing and exits 1 when the tables are not what would be written.
 * `--merge <folder> <where from>` takes newer schemas into the copy first: the folder common/message/ that Kafka's jar
 * kafka-clients holds (`unzip kafka-clients-4.4.0.jar 'common/message/*'`). What a release has dropped (Produce v0-2 in
 * 4.0) stays as it was.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Copy,
  compact,
  mergeMessages,
  type SourceMessage,
} from '../protocol-filters/kafka/schema/testing/source.ts';
import { tablesText } from '../protocol-filters/kafka/schema/testing/tables-text.ts';

const folder = new URL('../protocol-filters/kafka/schema/', import.meta.url);
const copyFile = new URL('fixtures/messages.json', folder);
const tableFile = new URL('messages.generated.ts', folder);

const readCopy = (): Copy => JSON.parse(readFileSync(copyFile, 'utf8')) as Copy;

function copyText({ about, messages }: Copy): string {
  const lines = messages.map((message) => JSON.stringify(message));
  return `{"about":${JSON.stringify(about)},\n"messages":[\n${lines.join(',\n')}\n]}\n`;
}

function format(text: string): string {
  const stdin = `--stdin-file-path=${fileURLToPath(tableFile)}`;
  return execFileSync('biome', ['format', stdin], { input: text, encoding: 'utf8' });
}

/** The schemas of a folder. Theirs is JSON with comments. */
function readSchemas(folder: string): SourceMessage[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return files.map((name) => {
    const text = readFileSync(path.join(folder, name), 'utf8');
    return JSON.parse(text.replace(/^\s*\/\/.*$|\s\/\/ .*$/gm, '')) as SourceMessage;
  });
}

const [mode, from, name] = process.argv.slice(2);
if (mode === '--merge') {
  const newer = readSchemas(from!).flatMap(compact);
  let older: SourceMessage[] = [];
  let sources: string[] = [];
  try {
    ({
      messages: older,
      about: { sources },
    } = readCopy());
  } catch {
    process.stdout.write('no copy yet: this is the first\n');
  }
  const messages = mergeMessages(older, newer);
  writeFileSync(copyFile, copyText({ about: { licence: 'Apache-2.0', sources: [...sources, name!] }, messages }));
}
const text = format(tablesText(readCopy()));
if (mode === '--check') {
  if (readFileSync(tableFile, 'utf8') === text) process.exit(0);
  process.stderr.write('messages.generated.ts is not what scripts/generate-kafka-messages.ts writes\n');
  process.exit(1);
}
writeFileSync(tableFile, text);
process.stdout.write(`${text.length} characters\n`);
