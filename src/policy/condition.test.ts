import { expect, test } from 'vitest';
import { cpuMs } from '../../test/support/cpu-time.ts';
import { Flag } from '../exchange/exchange.ts';
import { binaryName, type OperationFacts } from '../exchange/operation-facts.ts';
import { compileCondition, conditionFault, type Span } from './condition.ts';
import { CONDITION_VARIABLES, ConditionFacts } from './condition-facts.ts';
import { op, sessionOf, turnOf } from './policy.fixture.ts';

const NOW = Date.UTC(2026, 10, 21, 19, 30); // a Saturday

function ask(text: string, about: OperationFacts = op('SELECT', ['select hr.pay', 'call function sleep'])): string {
  const session = sessionOf({ transactionState: 'in_transaction' }, '[::ffff:10.1.2.3]:50000');
  const facts = new ConditionFacts('test', 'front', () => NOW);
  const turn = turnOf([about], session);
  turn.ops[0]!.flags = Flag.prepared;
  facts.about(about, turn, 0, session);
  return compileCondition(text).ask(facts);
}

const truths = [
  'protocol == "test" && listener == "front"',
  'operation == "SELECT"',
  'verbs == ["select", "call"]',
  '"call" in verbs && !("delete" in verbs)',
  'targets == ["hr.pay", "sleep"]',
  'targets.exists(t, t.startsWith("hr."))',
  'types == ["table", "function"]',
  'user == "ann" && database == "shop" && application == "web" && driver == "pg"',
  'client == "10.1.2.3"',
  'prepared && transaction_state == "in_transaction"',
  'has_where && !unresolved',
  'limit == -1 && limit < 100',
  'message_bytes == 100',
  'digest == ""',
  'hour == 19 && weekday == 6',
  'now.getHours("Europe/Berlin") == 20',
  'now.getHours("America/New_York") == 14 && now.getMinutes("Asia/Kolkata") == 0 && now.getDayOfWeek("UTC") == 6',
  'now.getFullYear("UTC") == 2026 && now.getMonth("UTC") == 10 && now.getDate("UTC") == 21',
  'timestamp("2026-01-31T23:30:00Z").getDayOfMonth("Europe/Berlin") == 0 && now.getHours() == 19',
  'now > timestamp("2026-01-01T00:00:00Z")',
  'stages.size() == 0 && categories.size() == 0',
  'operation.matches("^SEL(ECT)?$")',
  'targets.all(t, t.matches("a|e"))',
];
for (const text of truths) test(`holds: ${text}`, () => expect(ask(text)).toBe('yes'));
for (const text of ['operation == "DELETE"', 'limit > 0', 'user.matches("bob")'])
  test(`does not hold: ${text}`, () => expect(ask(text)).toBe('no'));

test('every variable has the type that it is declared with', () => {
  const literals: Record<string, string> = {
    string: '""',
    'list<string>': '[""]',
    bool: 'true',
    int: '0',
    'google.protobuf.Timestamp': 'now',
  };
  for (const [name, { type }] of Object.entries(CONDITION_VARIABLES))
    expect(ask(`${name} == ${literals[type]} || true`), name).toBe('yes');
});

test('names that stand for all that begin so end with a star', () => {
  expect(ask('targets == ["hr.pay*"]', op('SELECT', ['select hr.pay…']))).toBe('yes');
});

const unknowns: [name: string, text: string, about: OperationFacts][] = [
  ['an index that is not there', 'targets[5] == "x"', op('SELECT')],
  ['a name that is no UTF-8', 'targets.exists(t, t == "x")', op('SELECT', ['select \xff'])],
  ['more names than are looked at', '"x" in targets', op('SELECT', new Array<string>(257).fill('select a'))],
  ['a name longer than is looked at', '"x" in targets', op('SELECT', [`select ${'a'.repeat(1025)}`])],
];
for (const [name, text, about] of unknowns)
  test(`cannot be evaluated: ${name}`, () => expect(ask(text, about)).toBe('unknown'));

test('names are text', () => {
  expect(ask('targets == ["hr.gehälter"]', op('SELECT', [`select hr.${binaryName('gehälter')}`]))).toBe('yes');
});

const faults: [text: string, fault: string | RegExp, column: number][] = [
  ['user ==', 'Unexpected token: EOF', 8],
  ['usr == "a"', 'Unknown variable: usr', 1],
  ['true && usr == "a"', 'Unknown variable: usr', 9],
  ['limit + user == 1', /no such overload/, 1],
  ['limit', 'is int, and must be bool', 1],
  ['user', 'is string, and must be bool', 1],
  ['user == 1', /no such overload/, 1],
  ['user.matches(user)', 'matches() needs its pattern as a literal', 1],
  ['user.matches("(")', /pattern/, 14],
  ['user.matches("a{2,}")', /pattern/, 14],
  ['now.getHours("Europe/Berln") > 3', 'is no time zone: "Europe/Berlin", "UTC"', 14],
  ['now.getHours(user) > 3', 'getHours() needs its time zone as a literal', 1],
  ['cel.bind(x, targets, true)', 'cel.bind is not available', 1],
  ['x'.repeat(5000), 'is longer than 4096 characters', 1],
];
for (const [text, fault, column] of faults)
  test(`fault: ${text.slice(0, 30)}`, () => {
    const found = conditionFault(text);
    expect(found).toEqual({ text: fault instanceof RegExp ? expect.stringMatching(fault) : fault, column });
    expect(() => compileCondition(text)).toThrow();
  });

test('loops within loops within loops are refused', () => {
  const loop = (inner: string) => `targets.exists(t, ${inner})`;
  expect(conditionFault(loop(loop('t == "a"')))).toBeNull();
  expect(conditionFault(loop(loop(loop('t == "a"'))))?.text).toBe('has more than 2 loops within each other');
});

test('the worst that may be written, on the worst that a client may send, is short', () => {
  const worst = compileCondition(
    'targets.all(a, targets.all(b, a == b || a.matches("(a+)+$") || !b.matches("(.*a)*x")))',
  );
  const about = op('SELECT', new Array<string>(256).fill(`select ${'a'.repeat(60)}!`));
  const facts = new ConditionFacts('test', 'front', () => NOW);
  const session = sessionOf();
  facts.about(about, turnOf([about]), 0, session);
  const startedAt = cpuMs();
  expect(worst.ask(facts)).toBe('yes');
  expect(cpuMs() - startedAt).toBeLessThan(1000);
});

test('a time zone is asked for once a minute', () => {
  let now = Date.UTC(2026, 10, 21, 19, 59, 59, 900);
  const facts = new ConditionFacts('test', 'front', () => now);
  const session = sessionOf();
  const about = op('SELECT');
  facts.about(about, turnOf([about]), 0, session);
  const evening = compileCondition('now.getHours("UTC") == 20');
  expect(evening.ask(facts)).toBe('no');
  now += 200;
  expect(evening.ask(facts)).toBe('yes');
  now -= 200;
  expect(evening.ask(facts)).toBe('no');
});

const spans: [text: string, span: Span][] = [
  ['operation == "SELECT" && "a" in targets', 0],
  ['targets.exists(t, t == "a")', 0],
  ['user == "ann"', 1],
  ['user == "ann" && hour > 6', 2],
  ['prepared', 2],
];
for (const [text, span] of spans)
  test(`how long the answer of ${text} holds`, () => expect(compileCondition(text).span).toBe(span));
