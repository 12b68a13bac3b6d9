import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '..');
const read = (name: string) => readFileSync(path.join(ROOT, name), 'utf8');
const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts;

/** Commands in the README's fenced blocks, without what stands behind a comment sign. */
const readmeCommands = [...read('README.md').matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
  .filter(([, language]) => ['', 'sh', 'bash', 'console'].includes(language!))
  .flatMap(([, , code]) => code!.split('\n'))
  .map((line) =>
    line
      .replace(/^\$ /, '')
      .replace(/\s+#.*$/, '')
      .trim(),
  );

test('CI runs the test command that the README names, and nothing else', () => {
  const commands = read('.ci/run')
    .split('\n')
    .filter((line) => /^(exec )?(npm|npx|node)\b/.test(line));
  expect(commands).toEqual(['exec npm test </dev/null']);
  expect(readmeCommands).toContain('npm test');
  expect(readmeCommands).toContain('npm run demo');
});

test('every npm script that the README names exists', () => {
  const named = readmeCommands.flatMap((line) => /^npm (?:run )?([\w:]+)/.exec(line)?.[1] ?? []);
  const builtIn = ['install', 'ci', 'exec'];
  for (const name of named) if (!builtIn.includes(name)) expect(scripts).toHaveProperty([name]);
});
