import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

const guard = new URL('./process-guard.ts', import.meta.url).href;
const log = new URL('./log.ts', import.meta.url).href;

/** Runs a module under the guard; its exit code and what it said. */
async function guarded(body: string, closeOutput = false): Promise<{ code: number | null; said: string }> {
  const script = `import { guardProcess } from '${guard}'; import { createLogger } from '${log}';
    guardProcess(createLogger({ role: 'test' }), () => ({ connections: 3 }));
    setInterval(() => {}, 1000);
    ${body}`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script]);
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  if (closeOutput) {
    child.stdout.destroy();
    child.stderr.destroy();
  }
  const [code] = await once(child, 'exit');
  return { code, said };
}

for (const [name, body] of [
  ['a throw that nobody caught', `setImmediate(() => { throw new Error('outer', { cause: new Error('inner') }); });`],
  ['a rejection that nobody handled', `Promise.reject(new Error('outer', { cause: new Error('inner') }));`],
] as const) {
  test(`${name} ends the process with 1, and says why`, async () => {
    const { code, said } = await guarded(body);
    expect(code).toBe(1);
    expect(said).toMatch(/uncaught error.*outer.*caused by: Error: inner.*connections=3/s);
  });
}

test('a closed output is survived', async () => {
  const body = `let n = 0; setInterval(() => { console.log('x'); console.error('y'); if (++n === 20) process.exit(7); }, 5);`;
  expect((await guarded(body, true)).code).toBe(7);
});
