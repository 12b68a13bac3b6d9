import type { Access, OperationFacts } from '../exchange/operation-facts.ts';
import type { SessionFacts } from '../exchange/session-facts.ts';
import { VOCABULARY } from './policy.fixture.ts';
import type { PolicyConfig, PolicySetConfig } from './policy-config.ts';

/**
 * What docs/policy.md says, as simply as it can be written: one question at a time, nothing compiled, nothing remembered.
 * Names are ASCII, conditions are `true`, `false` or `broken`.
 */
export function modelVerdict(
  { policies, unparsed }: PolicySetConfig,
  mode: PolicyConfig['mode'],
  session: SessionFacts,
  facts: readonly OperationFacts[],
): string {
  const rules = policies.filter((policy) => policy.mode === mode && policy.action !== 'limit');
  if (rules.length === 0) return '';
  const verdicts = facts.map((op) => ofOne(rules, unparsed, session, op));
  const denied = verdicts.find((verdict) => verdict.startsWith('denied'));
  return denied ?? verdicts.find((verdict) => verdict !== 'allowed ') ?? 'allowed ';
}

function ofOne(
  rules: readonly PolicyConfig[],
  unparsed: PolicySetConfig['unparsed'],
  session: SessionFacts,
  op: OperationFacts,
): string {
  const mine = rules.filter((rule) => isAbout(rule, session));
  const deny = mine.find((rule) => rule.action === 'deny' && denies(rule, op) && holds(rule));
  if (deny) return `denied ${deny.name}`;
  const isList = rules.some((rule) => rule.action === 'allow');
  const allowers: string[] = [];
  for (const access of op.accesses) {
    const isHarmless = VOCABULARY.harmless.includes(access.verb);
    const isGuarded = VOCABULARY.guarded!.includes(access.verb);
    if (isHarmless || (!isList && !isGuarded)) continue;
    const rule = mine.find((one) => one.action === 'allow' && allows(one, op, access) && holds(one));
    if (!rule) return 'denied sluice.not_allowed';
    allowers.push(rule.name);
  }
  if (op.unresolved !== '' && unparsed === 'deny') {
    const rule = mine.find(
      (one) => one.action === 'allow' && one.targets.includes('$unresolved') && isCalled(one, op) && holds(one),
    );
    if (!rule) return 'denied sluice.unresolved';
    allowers.push(rule.name);
  }
  return `allowed ${allowers[0] ?? ''}`;
}

const holds = ({ when, action }: PolicyConfig): boolean =>
  when === '' || when === 'true' || (when !== 'false' && action === 'deny');

function isAbout(rule: PolicyConfig, session: SessionFacts): boolean {
  const one = (patterns: readonly string[], fact: string) =>
    patterns.length === 0 || patterns.some((pattern) => like(pattern, fact));
  return (
    one(rule.users, session.user) &&
    one(rule.databases, session.database) &&
    one(rule.applications, session.application) &&
    one(rule.drivers, session.driver)
  );
}

/** The words of an operation list, in lower case. */
const words = (rule: PolicyConfig): string[] => rule.operations.map((word) => word.toLowerCase());

/** By the name of the operation; of an allow, a verb is none. */
function isCalled(rule: PolicyConfig, op: OperationFacts): boolean {
  const names = words(rule).filter((word) => rule.action !== 'allow' || !(word in VOCABULARY.verbs));
  return rule.operations.length === 0 || names.includes(op.operation.toLowerCase());
}

const does = (rule: PolicyConfig, op: OperationFacts, access: Access): boolean =>
  isCalled(rule, op) || words(rule).includes(access.verb);

function denies(rule: PolicyConfig, op: OperationFacts): boolean {
  const named = rule.targets.filter((target) => target !== '$unresolved');
  if (op.unresolved !== '' && rule.targets.length > 0) {
    if (named.length > 0) return true;
    if (isCalled(rule, op) || op.accesses.some((access) => does(rule, op, access))) return true;
  }
  if ((op.unresolved !== '' || op.accesses.length === 0) && rule.targets.length === 0 && isCalled(rule, op))
    return true;
  return op.accesses.some((access) => {
    if (rule.operations.length === 0 && VOCABULARY.harmless.includes(access.verb)) return false;
    return does(rule, op, access) && (rule.targets.length === 0 || named.some((target) => mayBe(target, access)));
  });
}

function allows(rule: PolicyConfig, op: OperationFacts, access: Access): boolean {
  if (VOCABULARY.guarded!.includes(access.verb) && !words(rule).includes(access.verb)) return false;
  if (!does(rule, op, access)) return false;
  return (
    rule.targets.length === 0 || rule.targets.some((target) => target !== '$unresolved' && isSurely(target, access))
  );
}

function mayBe(target: string, access: Access): boolean {
  const { type, schema, name } = read(target);
  if (type === '' && schema === '*' && name === '*') return true;
  if (access.type === '' || (type !== '' && type !== access.type)) return false;
  const names = namesOf(access);
  return (
    (access.schema === '' || like(schema, access.schema)) &&
    (access.name === '' || names.some((one) => like(name, one)))
  );
}

/** What an open access may be about: enough names for patterns of the tests to differ in. */
const namesOf = ({ name, open }: Access): string[] => (open ? ENDS.map((end) => name + end) : [name]);
const ENDS = [
  '',
  ...['pay', 'pay_old', 'log', 'sleep', 'zzz'].flatMap((word) => [...word].map((_, i) => word.slice(i))),
];

function isSurely(target: string, access: Access): boolean {
  const { type, schema, name } = read(target);
  if (type === '' && schema === '*' && name === '*') return true;
  if (access.type === '' || (type !== '' && type !== access.type)) return false;
  if (access.schema === '' && schema !== '*') return false;
  if (access.name === '' && name !== '*') return false;
  return like(schema, access.schema) && namesOf(access).every((one) => like(name, one));
}

function read(target: string): { type: string; schema: string; name: string } {
  const pattern = VOCABULARY.target(target);
  if ('fault' in pattern) throw new Error(pattern.fault);
  return pattern;
}

const like = (pattern: string, text: string): boolean =>
  new RegExp(`^${pattern.replace(/[.]/g, '\\.').replaceAll('*', '.*')}$`, 's').test(text);
