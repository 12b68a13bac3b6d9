import { readFile } from 'node:fs/promises';
import { type Command, helpText, parseCommand } from './args.ts';

/**
 * The command line. Each command's code is loaded when it is asked for: `run` must not load what its primary does not
 * need. Exit codes: 0 fine, 1 runtime failure, 2 wrong usage or configuration.
 */
async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseCommand(argv);
  if (parsed.ok) return execute(parsed.command);
  for (const problem of parsed.problems) process.stderr.write(`sluice: ${problem}\n`);
  process.stderr.write('sluice help says more\n');
  return 2;
}

async function execute(command: Command): Promise<number> {
  switch (command.name) {
    case 'run':
      return (await import('./run.ts')).run(command);
    case 'check':
      return (await import('./check.ts')).runCheck(command, await configIo());
    case 'expand':
      return (await import('./expand.ts')).runExpand(command, await configIo());
    case 'demo':
      return (await import('./demo.ts')).demo(command);
    case 'top':
      return (await import('./top.ts')).top(command);
    case 'clickhouse':
      return (await import('./clickhouse.ts')).runClickhouse(command, await configIo());
    case 'policy': {
      const { protocols } = await import('../server/catalog.ts');
      const io = { ...(await configIo()), protocols };
      return (await import('./policy.ts')).runPolicy(command, io);
    }
    case 'version':
      process.stdout.write(`${(await import('../server/version.ts')).sluiceVersion()}\n`);
      return 0;
    case 'help':
      process.stdout.write(helpText(command.topic));
      return 0;
  }
}

async function configIo() {
  const { filterSchemas } = await import('../server/catalog.ts');
  const { stdout, stderr } = process;
  return { stdout, stderr, filters: filterSchemas(), readFile: (path: string) => readFile(path, 'utf8') };
}

// A reader that went away (`| head`) is no error.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

// Not process.exit(): what was printed into a pipe must leave first.
process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`sluice: ${error instanceof Error ? error.stack : error}\n`);
  return 1;
});
