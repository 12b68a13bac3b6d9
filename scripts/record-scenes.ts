import { readdir, writeFile } from 'node:fs/promises';
import { protocolFilters } from '../protocol-filters/registry.ts';
import { tellScriptOf } from '../test/support/story.ts';
import { loadTranscript, type Recorded, writeTranscript } from '../test/support/transcript.ts';
import { type Recorder, startRecorder } from './record-recorder.ts';

/** A transcript has to stay readable. */
const MAX_BYTES = 48 * 1024;

/** One recorded session: what is done, and what the reader is told of it. */
export interface Scene {
  readonly name: string;
  /** What was done, for the reader. */
  readonly title: string;
  /** Plays it through the recorder's port. */
  play(port: number): Promise<void>;
  /** Which of the scene's connections to keep; the last one unless said. */
  readonly session?: number | ((sessions: Recorder['sessions']) => readonly Recorded[] | undefined);
}

const fixturesOf = (protocol: string): URL => new URL(`../protocol-filters/${protocol}/fixtures/`, import.meta.url);

/** Whole turns up to the bound; the transcript says that it was cut. */
function trimmed(lines: readonly Recorded[]): [lines: readonly Recorded[], cut: boolean] {
  let bytes = 0;
  const kept: Recorded[] = [];
  for (const line of lines) {
    if (bytes + line.bytes.length > MAX_BYTES) return [kept, true];
    bytes += line.bytes.length;
    kept.push(line);
  }
  return [kept, false];
}

/** Plays a scene against the server and writes its `.transcript`; `server` names who answered. */
export async function recordScene(protocol: string, scene: Scene, serverPort: number, server: string): Promise<void> {
  const recorder = await startRecorder(serverPort);
  try {
    await scene.play(recorder.port);
  } catch (error) {
    throw new Error(scene.name, { cause: error });
  } finally {
    await recorder.close();
  }
  const { session = -1 } = scene;
  const lines = typeof session === 'number' ? recorder.sessions.at(session) : session(recorder.sessions);
  if (lines === undefined || lines.length === 0) throw new Error(`${scene.name}: nothing was said`);
  const [kept, cut] = trimmed(lines);
  const comments = [scene.title, server, ...(cut ? ['cut to a readable length'] : [])];
  await writeFile(new URL(`${scene.name}.transcript`, fixturesOf(protocol)), writeTranscript(comments, kept));
  process.stdout.write(`${scene.name}: ${kept.length} turns${cut ? ', cut' : ''}\n`);
}

/**
 * Writes beside each recorded session what our decoder tells of it, to be read by a human before it is committed: the
 * test suite holds the decoder to it from then on.
 */
export async function retell(protocol: string): Promise<void> {
  const filter = protocolFilters.find(({ name }) => name === protocol);
  if (filter === undefined) throw new Error(`there is no protocol filter ${protocol}: nothing can be told`);
  const fixtures = fixturesOf(protocol);
  for (const file of (await readdir(fixtures)).sort()) {
    if (!file.endsWith('.transcript')) continue;
    const told = tellScriptOf(filter, loadTranscript(new URL(file, fixtures)));
    await writeFile(new URL(file.replace(/\.transcript$/, '.events'), fixtures), told);
    process.stdout.write(`${file}: ${told.split('\n').length - 1} lines\n`);
  }
}
