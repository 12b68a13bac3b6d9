import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { which } from '../../../scripts/debian-packages.mjs';
import { poll } from '../poll.ts';
import { lastLine, runTool, toolCache } from '../tool-cache.ts';

/** Apache Kafka's own broker: of the last line that still speaks the oldest versions, and of the one after. */
export type KafkaLine = '3.9' | '4';

/** Its jars and how to run them, or why it cannot be had on this machine. */
export type ObtainedKafka =
  | { readonly java: string; readonly jars: string; readonly version: string }
  | { readonly missing: string };

const FETCH_LIMIT_MS = 90_000;

/** Fetched once from Maven Central by Maven, and kept outside of the repository. */
export async function obtainKafka(line: KafkaLine): Promise<ObtainedKafka> {
  const java = which('java');
  if (java === null) return { missing: 'java is not installed (Debian package default-jre-headless)' };
  const pom = path.join(import.meta.dirname, `pom-${line}.xml`);
  const text = await readFile(pom, 'utf8');
  const jars = path.join(toolCache('apache-kafka'), createHash('sha256').update(text).digest('hex').slice(0, 16));
  const got = { java, jars, version: /kafka_2\.13<\/artifactId>\s*<version>([\d.]+)/.exec(text)![1]! };
  if (existsSync(jars)) return got;
  const maven = which('mvn');
  if (maven === null) return { missing: 'no Maven to fetch Apache Kafka (Debian package maven)' };
  await mkdir(path.dirname(jars), { recursive: true });
  return alone(`${jars}.lock`, async () => (existsSync(jars) ? got : ((await fetched(maven, pom, jars)) ?? got)));
}

/** Null when they are there, whole. */
async function fetched(maven: string, pom: string, jars: string): Promise<{ readonly missing: string } | null> {
  const draft = `${jars}.${process.pid}`;
  const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${draft}`];
  const { code, output } = await runTool(maven, args, { cwd: tmpdir(), limitMs: FETCH_LIMIT_MS });
  if (code === 0) await rename(draft, jars);
  else await rm(draft, { recursive: true, force: true });
  return code === 0 ? null : { missing: `Maven cannot fetch Apache Kafka: ${lastLine(output)}` };
}

/** One process at a time: Maven's own store of jars is not made for several. A lock of somebody who died does not count. */
async function alone<T>(lock: string, use: () => Promise<T>): Promise<T> {
  const isMine = async (): Promise<boolean> => {
    try {
      await mkdir(lock);
      return true;
    } catch {
      const { mtimeMs } = await stat(lock).catch(() => ({ mtimeMs: Date.now() }));
      if (Date.now() - mtimeMs > FETCH_LIMIT_MS) await rm(lock, { recursive: true, force: true });
      return false;
    }
  };
  await poll('another process has fetched it', isMine, { withinMs: 2 * FETCH_LIMIT_MS, everyMs: 200 });
  return use().finally(() => rm(lock, { recursive: true, force: true }));
}
