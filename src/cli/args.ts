import { parseArgs } from 'node:util';
import { nearest, show } from '../config/problem.ts';
import { COMMANDS, type CommandSpec, DEFAULT_ADMIN, DEMO_DATABASES, type OptionSpec } from './command-table.ts';

/** What the command line asks for. */
export type Command =
  | RunCommand
  | { readonly name: 'check'; readonly config: string }
  | { readonly name: 'expand'; readonly config: string; readonly urls: readonly string[] }
  | DemoCommand
  | { readonly name: 'top'; readonly once: boolean; readonly json: boolean; readonly admin: string }
  | ClickhouseCommand
  | PolicyCommand
  | { readonly name: 'version' }
  | { readonly name: 'help'; readonly topic: string | null };

/** Either URLs or a file. What is null or false was not said. */
export interface RunCommand {
  readonly name: 'run';
  readonly urls: readonly string[];
  readonly config: string | null;
  /** `listen[i]` and `names[i]` belong to `urls[i]`; empty = none is given. */
  readonly listen: readonly string[];
  readonly names: readonly string[];
  readonly admin: string | null;
  readonly metrics: string | null;
  readonly concurrency: number | null;
  readonly accessLog: string | null;
  /** Folder of an embedded ClickHouse. */
  readonly history: string | null;
  readonly showLiterals: boolean;
}

export interface DemoCommand {
  readonly name: 'demo';
  /** null = until Ctrl-C. */
  readonly forMs: number | null;
  /** Protocols; empty = all. */
  readonly only: readonly string[];
  /** Folder that stays; null = a temporary one, where there can be a history. */
  readonly history: string | null;
}

/** Either a file, whose clickhouse sinks are meant, or where one is. What is null or false was not said. */
export interface ClickhouseCommand {
  readonly name: 'clickhouse';
  readonly config: string | null;
  readonly url: string | null;
  readonly path: string | null;
  readonly database: string | null;
  readonly username: string | null;
  readonly cluster: string | null;
  readonly ttlDays: number | null;
  readonly dryRun: boolean;
}

/** `from` null: the running Sluice at `admin` is asked. */
export type PolicyCommand =
  | {
      readonly name: 'policy';
      readonly action: 'suggest';
      readonly admin: string;
      readonly from: string | null;
      readonly byApplication: boolean;
      readonly shadow: boolean;
    }
  | {
      readonly name: 'policy';
      readonly action: 'test';
      readonly config: string;
      readonly against: string;
      readonly json: boolean;
    };

export type ParsedArgs =
  | { readonly ok: true; readonly command: Command }
  /** Wrong usage, all of it; the process ends with 2. */
  | { readonly ok: false; readonly problems: readonly string[] };

const NAMES = Object.keys(COMMANDS) as Command['name'][];
/** Of the outside contract, with issues of their own. */
const LATER = ['replay'];

const isCommand = (name: string): name is Command['name'] => Object.hasOwn(COMMANDS, name);

/** Reads the arguments after `sluice`. Tells everything that is wrong with them at once; never throws. */
export function parseCommand(argv: readonly string[]): ParsedArgs {
  const [first, ...rest] = argv;
  if (first === undefined || first === '-h' || first === '--help') return ok({ name: 'help', topic: null });
  if (first === '-v' || first === '--version') return ok({ name: 'version' });
  if (LATER.includes(first)) return wrong([`${first} comes with a later version`]);
  if (!isCommand(first)) return wrong([unknownCommand(first)]);
  const { values, words, problems } = read(first, rest);
  if (values.has('help')) return ok({ name: 'help', topic: first });
  const command = build(first, values, words, problems);
  return problems.length > 0 ? wrong(problems) : ok(command);
}

const ok = (command: Command): ParsedArgs => ({ ok: true, command });
const wrong = (problems: readonly string[]): ParsedArgs => ({ ok: false, problems });

function unknownCommand(word: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(word)) return `${show(word)} is not a command: write sluice run URL`;
  const meant = nearest(word, NAMES);
  return `${show(word)} is none of ${NAMES.join(', ')}${meant === null ? '' : `; did you mean ${meant}?`}`;
}

type Values = ReadonlyMap<string, readonly string[]>;

/** Splits arguments into options and words by the command's table; parseArgs itself would stop at the first mistake. */
function read(name: Command['name'], args: readonly string[]): { values: Values; words: string[]; problems: string[] } {
  const problems: string[] = [];
  const values = new Map<string, string[]>();
  const words: string[] = [];
  const specs: Readonly<Record<string, OptionSpec>> = {
    ...COMMANDS[name].options,
    help: { type: 'boolean', short: 'h', help: '' },
  };
  const options = Object.fromEntries(
    Object.entries(specs).map(([option, { type, short }]) => [
      option,
      { type, multiple: true, ...(short === undefined ? {} : { short }) },
    ]),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
    const flag = token.rawName;
    if (spec === undefined) {
      const meant = nearest(
        token.name,
        Object.keys(specs).map((one) => one.replaceAll('-', '_')),
      );
      problems.push(
        `unknown option ${redactedFlag(flag)}${meant === null ? '' : `, did you mean --${meant.replaceAll('_', '-')}?`}`,
      );
    } else if (spec.type === 'boolean') {
      if (token.value === undefined) values.set(token.name, ['']);
      else problems.push(`${flag} takes no value`);
    } else if (!token.value || (!token.inlineValue && token.value.startsWith('--'))) {
      problems.push(`${flag} needs a value: ${flag} ${spec.value ?? ''}`);
      if (!values.has(token.name)) values.set(token.name, []); // said, though not what
    } else if (values.has(token.name) && spec.multiple !== true) problems.push(`${flag} is given twice`);
    else values.set(token.name, [...(values.get(token.name) ?? []), token.value]);
  }
  return { values, words, problems };
}

const redactedFlag = (flag: string): string => show(flag).slice(1, -1);

function build(name: Command['name'], values: Values, words: readonly string[], problems: string[]): Command {
  const one = (option: string): string | null => values.get(option)?.[0] ?? null;
  const noWords = (allowed = 0) => {
    for (const word of words.slice(allowed))
      problems.push(`${show(word)} is one argument too many: sluice ${COMMANDS[name].usage}`);
  };
  switch (name) {
    case 'run':
      return buildRun(values, words, problems);
    case 'check':
    case 'expand': {
      const config = one('config');
      const urls = name === 'expand' && config === null && words.every((word) => word.includes('://')) ? words : [];
      if (urls.length > 0) return { name: 'expand', config: '', urls };
      if (!values.has('config') && words.length === 1)
        problems.push(`write sluice ${name} -c ${show(words[0]).slice(1, -1)}`);
      else if (!values.has('config')) problems.push(`${name} needs a file: sluice ${COMMANDS[name].usage}`);
      if (config !== null || words.length > 1) noWords();
      return name === 'check' ? { name, config: config ?? '' } : { name, config: config ?? '', urls };
    }
    case 'demo': {
      noWords();
      const text = one('for');
      const forMs = text === null ? null : durationMs(text);
      if (text !== null && forMs === null)
        problems.push(`--for: ${show(text)} is not a duration such as 20s, 500ms or 5m`);
      const only = values.get('only') ?? [];
      for (const other of only)
        if (!DEMO_DATABASES.includes(other))
          problems.push(`--only: ${show(other)} is none of ${DEMO_DATABASES.join(', ')}`);
      return { name, forMs, only: [...new Set(only)], history: one('history') };
    }
    case 'top': {
      noWords();
      const json = values.has('json');
      if (json && !values.has('once')) problems.push('--json goes with --once');
      return { name, once: values.has('once'), json, admin: running(one('admin')) };
    }
    case 'clickhouse':
      return buildClickhouse(values, words, problems);
    case 'policy':
      return buildPolicy(values, words, problems);
    case 'version':
      noWords();
      return { name };
    case 'help': {
      noWords(1);
      const topic = words[0] ?? null;
      if (topic !== null && LATER.includes(topic)) problems.push(`${topic} comes with a later version`);
      else if (topic !== null && !isCommand(topic)) problems.push(unknownCommand(topic));
      return { name, topic };
    }
  }
}

function buildRun(values: Values, urls: readonly string[], problems: string[]): RunCommand {
  const one = (option: string): string | null => values.get(option)?.[0] ?? null;
  const config = one('config');
  const [listen, names] = [values.get('listen') ?? [], values.get('name') ?? []];
  if (config === null && urls.length === 0 && problems.length === 0)
    problems.push('run needs a URL or -c FILE, such as sluice run postgres://127.0.0.1:5432');
  if (config !== null && urls.length > 0) problems.push('run takes URLs or -c FILE, not both');
  for (const [option, given, what] of [
    ['listen', listen, 'where to listen'],
    ['name', names, 'what a listener is called'],
  ] as const)
    if (config !== null && given.length > 0) problems.push(`--${option} goes with URLs: with -c the file says ${what}`);
    else if (config === null && urls.length > 0 && given.length > 0 && given.length !== urls.length)
      problems.push(`--${option}: ${given.length} for ${urls.length} URLs; give one for each, or none`);
  const text = one('concurrency');
  const concurrency = text === null ? null : wholeNumber(text);
  if (text !== null && (concurrency === null || concurrency > 1024))
    problems.push(`--concurrency: ${show(text)} is not a whole number from 0 to 1024`);
  return {
    name: 'run',
    urls,
    config,
    listen,
    names,
    admin: one('admin'),
    metrics: one('metrics'),
    concurrency,
    accessLog: one('access-log'),
    history: one('history'),
    showLiterals: values.has('show-literals'),
  };
}

function buildClickhouse(values: Values, words: readonly string[], problems: string[]): ClickhouseCommand {
  const one = (option: string): string | null => values.get(option)?.[0] ?? null;
  if (words[0] !== 'migrate')
    problems.push(
      words[0] === undefined
        ? 'write sluice clickhouse migrate'
        : `${show(words[0])} is not migrate: sluice clickhouse migrate`,
    );
  for (const word of words.slice(1))
    problems.push(`${show(word)} is one argument too many: sluice ${COMMANDS.clickhouse.usage}`);
  const where = ['config', 'url', 'path'].filter((option) => values.has(option));
  if (where.length === 0 && problems.length === 0) problems.push('say which: -c FILE, --url URL or --path DIR');
  if (where.length > 1) problems.push(`${where.map((option) => `--${option}`).join(' and ')} do not go together`);
  if (values.has('config'))
    for (const option of ['database', 'username', 'cluster', 'ttl-days'])
      if (values.has(option)) problems.push(`--${option} does not go with -c: the file says it`);
  const text = one('ttl-days');
  const ttlDays = text === null ? null : wholeNumber(text);
  if (text !== null && ttlDays === null) problems.push(`--ttl-days: ${show(text)} is not a whole number`);
  return {
    name: 'clickhouse',
    config: one('config'),
    url: one('url'),
    path: one('path'),
    database: one('database'),
    username: one('username'),
    cluster: one('cluster'),
    ttlDays,
    dryRun: values.has('dry-run'),
  };
}

/** Where the running one is: an address, or what the one that runs has printed (`http://127.0.0.1:9901/`). */
const running = (admin: string | null): string => admin?.replace(/^http:\/\/|\/$/g, '') ?? DEFAULT_ADMIN;

const OF_SUGGEST = ['admin', 'from', 'by', 'shadow'];
const OF_TEST = ['config', 'against', 'json'];

function buildPolicy(values: Values, words: readonly string[], problems: string[]): PolicyCommand {
  const one = (option: string): string | null => values.get(option)?.[0] ?? null;
  const [action = '', ...more] = words;
  if (action !== 'suggest' && action !== 'test')
    problems.push(
      action === ''
        ? 'write sluice policy suggest or sluice policy test'
        : `${show(action)} is neither suggest nor test`,
    );
  for (const word of more) problems.push(`${show(word)} is one argument too many: sluice ${COMMANDS.policy.usage}`);
  const isTest = action === 'test';
  for (const option of isTest ? OF_SUGGEST : OF_TEST)
    if (values.has(option)) problems.push(`--${option} goes with policy ${isTest ? 'suggest' : 'test'}`);
  if (isTest) {
    const [config, against] = [one('config'), one('against')];
    if (!values.has('config')) problems.push('policy test needs a file with policies: -c FILE');
    if (!values.has('against')) problems.push('policy test needs past exchanges: --against FILE, a JSON access log');
    return { name: 'policy', action, config: config ?? '', against: against ?? '', json: values.has('json') };
  }
  if (values.has('admin') && values.has('from')) problems.push('--admin and --from do not go together');
  const by = one('by') ?? 'application';
  if (by !== 'application' && by !== 'user') problems.push(`--by: ${show(by)} is neither application nor user`);
  return {
    name: 'policy',
    action: 'suggest',
    admin: running(one('admin')),
    from: one('from'),
    byApplication: by === 'application',
    shadow: values.has('shadow'),
  };
}

const wholeNumber = (text: string): number | null => (/^\d{1,6}$/.test(text) ? Number(text) : null);

function durationMs(text: string): number | null {
  const match = /^(\d{1,6}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text);
  if (!match) return null;
  const ms = Math.ceil(
    Number(match[1]) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] as 'ms' | 's' | 'm' | 'h'],
  );
  return ms > 0 && ms <= 2 ** 31 - 1 ? ms : null;
}

/** What `help`, `help COMMAND` and `COMMAND --help` print. */
export function helpText(topic: string | null): string {
  if (topic !== null && isCommand(topic)) return commandHelp(COMMANDS[topic]);
  const width = Math.max(...NAMES.map((name) => name.length)) + 2;
  const list = NAMES.map((name) => `  ${name.padEnd(width)}${COMMANDS[name].help}`).join('\n');
  return `Sluice stands in front of databases: the traffic passes byte for byte, and you see every query.

  sluice run postgres://127.0.0.1:5432

Commands
${list}

sluice help COMMAND says more. Ends with 0 when all is well, 1 when something failed while running,
2 when the command line or the configuration is wrong.
`;
}

function commandHelp({ usage, help, more, options }: CommandSpec): string {
  const flags = Object.entries(options).map(([name, { short, value, help: what }]) => [
    `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`,
    what,
  ]);
  const width = Math.max(0, ...flags.map(([flag]) => flag!.length)) + 2;
  const list = flags.map(([flag, what]) => `  ${flag!.padEnd(width)}${what}\n`).join('');
  return `sluice ${usage}\n${help}\n${more === undefined ? '' : `\n${more}\n`}${list === '' ? '' : `\nOptions\n${list}`}`;
}
