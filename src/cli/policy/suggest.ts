import { printYaml } from '../../config/yaml-source.ts';
import type { PolicyVocabulary } from '../../exchange/operation-facts.ts';
import { globOf, notationOf } from './notation.ts';
import { operationOf, type Seen } from './seen.ts';

/** One policy of the short form. */
export interface SuggestedPolicy {
  readonly name: string;
  readonly proxies: string;
  readonly action: 'allow';
  readonly mode?: 'shadow';
  readonly users: string;
  readonly databases?: string;
  readonly applications?: string;
  readonly operations: readonly string[] | string;
  readonly targets: readonly string[] | string;
}

export interface Suggestion {
  readonly policies: readonly SuggestedPolicy[];
  /** What could not be said, one a line, heaviest first. */
  readonly left: readonly Left[];
  readonly exchanges: number;
  /** Some of it is from digests that fold names and leave some out. */
  readonly approximate: boolean;
}

export interface Left {
  readonly who: string;
  readonly what: string;
  readonly why: string;
  readonly calls: number;
}

export interface SuggestOptions {
  /** Applications of a user are told apart. */
  readonly byApplication: boolean;
  readonly shadow: boolean;
  vocabularyOf(protocol: string): PolicyVocabulary | null;
}

/** Above so many applications a user's are not told apart: their names are made anew for each process, it seems. */
const MAX_APPLICATIONS = 20;

/** All that one client was seen doing, by target. */
interface Client {
  readonly seen: Seen;
  readonly vocabulary: PolicyVocabulary;
  /** Notation of the target, '*' = none, → verbs and names of operations. */
  readonly does: Map<string, Set<string>>;
}

/** Collects what was seen and writes the least that allows it. */
export class Suggester {
  readonly #options: SuggestOptions;
  readonly #seen: Seen[] = [];
  readonly #left = new Map<string, Left>();
  #exchanges = 0;
  #approximate = false;

  constructor(options: SuggestOptions) {
    this.#options = options;
  }

  add(seen: Seen): void {
    if (seen.wasDenied || seen.calls === 0) return;
    this.#exchanges += seen.calls;
    this.#seen.push(seen);
  }

  finish(): Suggestion {
    const crowded = this.#crowded();
    const clients = new Map<string, Client>();
    for (const seen of this.#seen) {
      const vocabulary = this.#options.vocabularyOf(seen.protocol);
      if (vocabulary === null) {
        this.#leave(seen, 'no policies can be written for its protocol');
        continue;
      }
      const { listener, user, database } = seen;
      const isApart = this.#options.byApplication && !crowded.has(JSON.stringify([listener, user]));
      const application = isApart ? seen.application : '';
      const key = JSON.stringify([listener, user, database, application]);
      const known = clients.get(key);
      const client = known ?? { seen: { ...seen, application }, vocabulary, does: new Map() };
      if (known === undefined) clients.set(key, client);
      this.#learn(client, seen);
    }
    const taken = new Set<string>();
    const policies = [...clients.values()].flatMap((client) => this.#policiesOf(client, taken));
    const left = [...this.#left.values()].sort((a, b) => b.calls - a.calls);
    return { policies, left, exchanges: Math.round(this.#exchanges), approximate: this.#approximate };
  }

  /** Users, of a listener, with too many applications. */
  #crowded(): Set<string> {
    const names = new Map<string, Set<string>>();
    for (const { listener, user, application } of this.#seen) {
      const key = JSON.stringify([listener, user]);
      const known = names.get(key);
      if (known) known.add(application);
      else names.set(key, new Set([application]));
    }
    return new Set([...names].filter(([, all]) => all.size > MAX_APPLICATIONS).map(([key]) => key));
  }

  #learn(client: Client, seen: Seen): void {
    const { vocabulary, does } = client;
    const allow = (target: string, word: string): void => {
      const words = does.get(target);
      if (words) words.add(word);
      else does.set(target, new Set([word]));
    };
    const operation = operationOf(seen, vocabulary);
    if (operation === null) {
      this.#leave(seen, 'what it touches is not told');
      return;
    }
    const { facts, exact, told } = operation;
    if (facts.unresolved !== '') {
      this.#leave(seen, `nobody can read it for certain: ${facts.unresolved}`);
      return;
    }
    if (!told) {
      this.#leave(seen, 'what it does depends on more than its digest tells');
      return;
    }
    if (!exact) this.#approximate = true;
    for (const access of facts.accesses) {
      if (vocabulary.harmless.includes(access.verb)) continue;
      const target = access.type === '' ? '*' : notationOf(access, vocabulary, !exact);
      if (target !== null) allow(target, access.verb === '' ? seen.operation : access.verb);
      else this.#leave(seen, `${access.verb} of ${access.type} ${JSON.stringify(access.name)} has no notation`);
    }
  }

  #policiesOf({ seen, does }: Client, taken: Set<string>): SuggestedPolicy[] {
    // Targets with the same words share a policy.
    const byWords = new Map<string, string[]>();
    for (const [target, words] of does) {
      const key = JSON.stringify([target === '*' ? '*' : '', ...[...words].sort()]);
      byWords.set(key, [...(byWords.get(key) ?? []), target]);
    }
    return [...byWords].map(([key, targets]) => {
      const operations = (JSON.parse(key) as string[]).slice(1);
      return {
        name: freeName([seen.user, seen.application, ...operations], taken),
        proxies: seen.listener,
        action: 'allow',
        ...(this.#options.shadow ? { mode: 'shadow' as const } : {}),
        users: seen.user === '' ? '*' : globOf(seen.user),
        ...(seen.database === '' ? {} : { databases: globOf(seen.database) }),
        ...(seen.application === '' ? {} : { applications: globOf(seen.application) }),
        operations: operations.length === 1 ? operations[0]! : operations,
        targets: targets.length === 1 ? targets[0]! : targets.sort(),
      };
    });
  }

  #leave({ listener, user, application, operation, text, calls }: Seen, why: string): void {
    const who = [listener, user, application].filter((part) => part !== '').join(', ');
    const what = text === '' ? operation : text;
    const key = JSON.stringify([who, what, why]);
    this.#left.set(key, { who, what, why, calls: (this.#left.get(key)?.calls ?? 0) + calls });
  }
}

function freeName(words: readonly string[], taken: Set<string>): string {
  const stem = words
    .filter((word) => word !== '')
    .join(' ')
    .replaceAll(/[\p{C}\u2028\u2029]/gu, '')
    .slice(0, 80)
    .trim();
  let free = stem === '' ? 'allowed' : stem;
  for (let n = 2; taken.has(free); n++) free = `${stem} ${n}`;
  taken.add(free);
  return free;
}

const MAX_LEFT = 50;

/** The suggestion as a part of a sluice.yaml, with what it could not say as comments. `other`: exchanges that lost their row. */
export function printSuggestion({ policies, left, exchanges, approximate }: Suggestion, other = 0): string {
  const comments = [
    `Allows what was seen in ${exchanges} exchanges, and nothing else. It belongs into the sluice.yaml that has these proxies.`,
    'Before it is enforced: sluice policy test, or mode: shadow for a while.',
    ...(approximate
      ? [
          'Of several keys or groups in one request only the first is known: run it in mode: shadow before it is enforced.',
        ]
      : []),
    ...(other > 0 ? [`${other} exchanges more were counted together and are not in it: raise digest_rows.`] : []),
  ];
  const shown = left.slice(0, MAX_LEFT);
  if (left.length > 0)
    comments.push(
      '',
      'Not allowed by it, for it cannot say so. What nobody can read is allowed by the target $unresolved alone.',
      ...shown.map(
        ({ who, what, why, calls }) => `  ${who}: ${oneLine(what)} (${Math.round(calls)} times): ${oneLine(why)}`,
      ),
      ...(left.length > MAX_LEFT ? [`  and ${left.length - MAX_LEFT} more`] : []),
    );
  const head = comments.map((line) => `# ${line}`.trimEnd()).join('\n');
  return `${head}\n${printYaml({ policies: policies.map((one) => ({ ...one }) as never) })}`;
}

const oneLine = (text: string): string => text.replaceAll(/[\p{C}\s]+/gu, ' ').slice(0, 160);
