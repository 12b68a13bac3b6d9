// Runs a development tool under the pinned Node, after making sure that both are installed:
//   node scripts/run.mjs node test/bench/run.ts --quick
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bootstrap, orExplain, ROOT } from './bootstrap.mjs';

/** Environment in which `node` is the given one and the tools of node_modules are found first. */
export function toolEnv(node) {
  const bins = [path.dirname(node), path.join(ROOT, 'node_modules', '.bin')];
  return { ...process.env, PATH: [...bins, process.env.PATH ?? ''].join(path.delimiter) };
}

async function main() {
  const node = await orExplain(() => bootstrap());
  const [tool, ...args] = process.argv.slice(2);
  if (!tool) throw new Error('usage: node scripts/run.mjs TOOL [ARGUMENT…]');
  const child = spawn(tool === 'node' ? node : tool, args, {
    cwd: ROOT,
    stdio: 'inherit',
    env: toolEnv(node),
    shell: process.platform === 'win32' && tool !== 'node',
  });
  // A terminal's Ctrl-C reaches the child by itself: we only wait. What is sent to us alone goes on to the child.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => {
    process.stderr.write(`sluice: ${tool} does not start: ${error.message}\n`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
