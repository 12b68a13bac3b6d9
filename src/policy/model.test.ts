import { expect, test } from 'vitest';
import { VERDICT_NAMES } from '../exchange/exchange.ts';
import type { OperationFacts } from '../exchange/operation-facts.ts';
import { compilePolicies, type PolicyObserver } from './engine.ts';
import { modelVerdict } from './model.fixture.ts';
import {
  noJudgement,
  op,
  policySet,
  RecordingObserver,
  sessionOf,
  turnOf,
  VOCABULARY,
  type Wish,
} from './policy.fixture.ts';

const SEED = Number(process.env['SLUICE_SEED'] ?? 7);
const SETS = 2_500;
const TURNS = 12;

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = seeded(SEED);
const chance = (p: number): boolean => random() < p;
const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
const some = <T>(list: readonly T[], p: number): T[] =>
  chance(p) ? Array.from({ length: 1 + Math.floor(random() * 2) }, () => one(list)) : [];

const USERS = ['ann', 'bob', 'eve'];
const NAMES = ['pay', 'pay_old', 'log', 'p…', 'pay…', 'lo…'];
const TARGETS = [
  'pay',
  'pay*',
  '*',
  'hr.pay',
  'hr.*',
  'h*.log',
  '*.pay',
  'function=sleep',
  'function=*',
  '$unresolved',
];
const VERBS = Object.keys(VOCABULARY.verbs);
const OPERATIONS = [...VOCABULARY.operations!];

const policy = (): Wish => ({
  action: one(['allow', 'deny'] as const),
  mode: one(['enforce', 'enforce', 'shadow'] as const),
  users: some(['ann', 'b*', '*', 'eve'], 0.4),
  databases: some(['shop', 'x'], 0.1),
  applications: some(['web', 'w*'], 0.1),
  operations: some([...VERBS, ...OPERATIONS], 0.5),
  targets: some(TARGETS, 0.6),
  when: chance(0.15) ? one(['true', 'false', 'broken']) : '',
});

/** `broken` stands for a condition that cannot be evaluated. */
const written = (wish: Wish): Wish => (wish.when === 'broken' ? { ...wish, when: 'verbs[99] == ""' } : wish);

function operation(): OperationFacts {
  const accesses = Array.from({ length: Math.floor(random() * 4) }, () => {
    const verb = one(VERBS);
    const schema = one(['', 'hr.', 'it.']);
    if (chance(0.2)) return verb;
    if (chance(0.1)) return `${verb} table ${schema || '*.'}`;
    return chance(0.2) ? `${verb} function ${schema}sleep` : `${verb} ${schema}${one(NAMES)}`;
  });
  return op(one(OPERATIONS), accesses, { unresolved: chance(0.2) ? 'runs text' : '' });
}

test(`${SETS * TURNS} random messages under random policies, seed ${SEED}: the engine and the model say the same`, () => {
  const said = new Map<string, number>();
  const observer: PolicyObserver = new RecordingObserver(false);
  for (let i = 0; i < SETS; i++) {
    const wishes = Array.from({ length: 1 + Math.floor(random() * 6) }, policy);
    const unparsed = chance(0.7) ? 'deny' : 'allow';
    const simple = policySet(wishes, unparsed);
    const env = { protocol: 'test', listener: 'front', workers: 1, now: () => 0 };
    const set = policySet(wishes.map(written), unparsed);
    const engine = compilePolicies(set, VOCABULARY, env);
    const known = Array.from({ length: 6 }, operation);
    for (let j = 0; j < TURNS; j++) {
      const session = sessionOf({ user: one(USERS) });
      const facts = Array.from({ length: 1 + Math.floor(random() * 2) }, () => one(known));
      const modelled = [
        modelVerdict(simple, 'enforce', session, facts),
        modelVerdict(simple, 'shadow', session, facts),
      ];
      // Twice by the same objects, and once by others that say the same: what is remembered is what would be said anew.
      const fresh = structuredClone(facts) as OperationFacts[];
      for (const asked of [facts, facts, fresh]) {
        const judgement = noJudgement();
        const turn = turnOf(asked, session);
        const denial = engine.ask(engine.standing(session), turn, session, judgement, observer, 0, true);
        const { verdict, policy: by, shadowVerdict, shadowPolicy } = judgement;
        const answer = [wordsOf(verdict, by), wordsOf(shadowVerdict, shadowPolicy)];
        const isRight = answer.join() === modelled.join() && (denial !== null) === modelled[0]!.startsWith('denied');
        if (!isRight) expect({ answer, set, user: session.user, facts }).toEqual({ answer: modelled });
      }
      const kind = modelled[0]!.replace(/p\d$/, 'p');
      said.set(kind, (said.get(kind) ?? 0) + 1);
    }
  }
  // All kinds of verdicts were among them, and none by accident only.
  for (const kind of ['', 'allowed ', 'allowed p', 'denied p', 'denied sluice.not_allowed', 'denied sluice.unresolved'])
    expect(said.get(kind) ?? 0, kind).toBeGreaterThan(200);
});

const wordsOf = (verdict: 0 | 1 | 2, by: string): string => (verdict === 0 ? '' : `${VERDICT_NAMES[verdict]} ${by}`);
