#!/usr/bin/env node
// Starts Sluice under a Node that can run it. Plain JavaScript for any Node from 20 on: in a checkout it installs what is
// missing, then either runs the command line here (Node ≥ 24) or starts the pinned Node 24 and stands in front of it:
// signals go in, the exit code or the ending signal comes out.
import { spawn } from 'node:child_process';
import nodeModule from 'node:module';
import { Socket } from 'node:net';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bootstrap, isCheckout, orExplain, ROOT } from '../scripts/bootstrap.mjs';

/** Set for the Node we start: the descriptor whose end tells that we are gone. */
const GUARD = 'SLUICE_GUARD_FD';
/** A terminal's Ctrl-C comes twice under npm (from the terminal, and forwarded by npm): closer than this is one. */
const SAME_SIGNAL_MS = 250;

const node = await orExplain(() => bootstrap({ dev: process.argv[2] === 'demo' }));
// In a checkout each process takes the types out of its source and compiles it: kept, the next start, and the other
// processes of this one, need a third of the time.
if (isCheckout) process.env.NODE_COMPILE_CACHE ??= path.join(ROOT, 'node_modules/.cache/node-compile');
if (node === process.execPath) {
  followGuard();
  if (isCheckout) nodeModule.enableCompileCache(process.env.NODE_COMPILE_CACHE);
  const main = isCheckout ? 'src/cli/main.ts' : 'dist/src/cli/main.js';
  await import(pathToFileURL(path.join(ROOT, main)).href);
} else {
  standInFront(node);
}

function standInFront(node) {
  const child = spawn(node, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, [GUARD]: '3' },
    // A process group of its own: the terminal's Ctrl-C then reaches us alone, and the child gets it once, from us.
    detached: process.platform !== 'win32',
  });
  const lastAt = new Map();
  const forward = (signal) => {
    const now = Date.now();
    if (now - (lastAt.get(signal) ?? 0) < SAME_SIGNAL_MS) return;
    lastAt.set(signal, now);
    child.kill(signal);
  };
  const unix = process.platform === 'win32' ? [] : ['SIGQUIT', 'SIGUSR2', 'SIGWINCH'];
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', ...unix]) process.on(signal, forward);
  child.once('error', (error) => {
    process.stderr.write(`sluice: ${node} does not start: ${error.message}\n`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // Signals that do not end a Node process by default (SIGPIPE is ignored) still must end us.
    setTimeout(() => process.exit(1), 100);
  });
}

/** Started by standInFront: when it vanishes (kill -9), ask ourselves to stop, so that nothing is left running. */
function followGuard() {
  const fd = Number(process.env[GUARD]);
  delete process.env[GUARD];
  if (!Number.isInteger(fd) || fd < 3) return;
  const guard = new Socket({ fd, readable: true, writable: false });
  guard.on('error', () => {});
  guard.on('close', () => process.kill(process.pid, 'SIGTERM'));
  guard.resume();
  guard.unref();
}
