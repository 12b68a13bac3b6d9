// What policies say: shown once there is one.

import { $, cells, element, fill, heads, hint, say, setBadge, write } from './table.js';
import { age, number } from './words.js';

/** Policies that are seen at once, and exchanges. */
const FEW = 8;
const LIST = 8;
/** Rates are of this long, or of as long as the page has been open. */
const WINDOW_MS = 60_000;

const COLUMNS = [
  { label: 'Policy', className: 'what left' },
  { label: 'Denied', className: 'refused', of: (p) => number(p.denied) },
  { label: 'per min', of: (p) => pace(p) },
  { label: 'Last', of: (p) => (p.last_denied ? since(p.last_denied.at) : '') },
  { label: 'Allowed', of: (p) => (p.action === 'deny' ? '' : number(p.allowed)) },
];
const VERDICTS = [
  { label: 'Time', className: 'left time', of: (v) => clock.format(Date.parse(v.at)) },
  { label: 'Verdict', className: 'left said' },
  { label: 'Query or command', className: 'what left' },
];
const OWN = {
  'sluice.default': 'no policy had to decide',
  'sluice.not_allowed': 'no allow policy covers it',
  'sluice.unresolved': 'nobody can know what it does',
  'sluice.unreadable': 'the protocol itself could not be read',
  'sluice.brokers_only': 'what only brokers say to each other',
};
const ACTIONS = { rbac: 'Envoy RBAC', 'built-in': '', removed: 'no longer in the file' };
const clock = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

const choice = { policy: null, verdict: 'any_denied', all: false };
const counted = new Map(); // by policy: { at, denied } of the last minute
let rows = [];
let draw = () => {};

const keyOf = (p) => JSON.stringify([p.listener, p.policy, p.mode]);
const isChosen = (p) => choice.policy !== null && keyOf(choice.policy) === keyOf(p);
/** The larger unit says enough. */
function since(at) {
  const seconds = (Date.now() - Date.parse(at)) / 1000;
  return seconds < 2 ? 'just now' : `${age(seconds).replace(/ \d+ (s|min|h)$/, '')} ago`;
}
const isDenied = ({ verdict }) => verdict === 'denied';
const wouldBe = ({ shadow_verdict: verdict }) => verdict === 'denied';

function pace(p) {
  const past = counted.get(keyOf(p));
  const [first, last] = [past[0], past.at(-1)];
  const minutes = (last.at - first.at) / 60_000;
  return minutes > 0 ? number(Math.max(0, last.denied - first.denied) / minutes) : '';
}

function count(policies) {
  const at = performance.now();
  const before = new Map(counted);
  counted.clear(); // those that are gone are forgotten
  for (const p of policies) {
    const past = before.get(keyOf(p)) ?? [];
    if (past.length > 0 && past.at(-1).denied > p.denied) past.length = 0; // Sluice began anew
    past.push({ at, denied: p.denied });
    while (past[0].at < at - WINDOW_MS) past.shift();
    counted.set(keyOf(p), past);
  }
}

/** What the list is to be asked for. */
export function verdictsWanted(protocol) {
  const wanted = new URLSearchParams({ limit: String(LIST) });
  if (choice.verdict) wanted.set('verdict', choice.verdict);
  if (choice.policy) {
    wanted.set('policy', choice.policy.policy);
    wanted.set('listener', choice.policy.listener);
  }
  if (protocol) wanted.set('protocol', protocol);
  return wanted;
}

/** `now` asks the server at once. */
export function drawPolicies(now) {
  heads($('policies'), COLUMNS);
  heads($('verdicts'), VERDICTS);
  $('verdict').addEventListener('change', (event) => {
    choice.verdict = event.target.value;
    now();
  });
  $('anypolicy').addEventListener('click', () => {
    choice.policy = null;
    draw();
    now();
  });
  $('allpolicies').firstChild.addEventListener('click', () => {
    choice.all = !choice.all;
    draw();
  });
  draw = () => {
    showRows();
    now();
  };
}

function choose(p) {
  choice.policy = isChosen(p) ? null : p;
  // An allow policy denies nothing: what it says is what it allowed.
  if (choice.policy?.action === 'allow' && choice.verdict.endsWith('denied')) choice.verdict = $('verdict').value = '';
  draw();
}

function makeRow() {
  const tr = cells(COLUMNS);
  const what = tr.firstChild;
  const line = element('div', 'line');
  const button = element('button', 'name');
  button.type = 'button';
  line.append(element('span', 'badge'), button, element('span', 'muted'), element('span', 'tag'));
  what.append(line, element('div', 'text'));
  what.addEventListener('click', () => choose(tr.policy));
  return tr;
}

/** Who it was and what they wanted. */
const whoOf = (v) => [v.user, v.application].filter(Boolean).join(' · ') || v.client;
/** The summary; of commands, whose text says more and is as short, that. */
function whatOf({ summary, text, operation, target, digest }) {
  if (text !== '' && (summary === '' || text.startsWith(`${summary} `))) return text;
  return summary || [operation, target].filter(Boolean).join(' ') || digest;
}

function updateRow(tr, p) {
  tr.policy = p;
  const what = tr.firstChild;
  const [line, second] = what.children;
  const [badge, name, listener, mode] = line.children;
  setBadge(badge, p.protocol);
  say(name, p.policy);
  name.setAttribute('aria-pressed', String(isChosen(p)));
  // Of a policy that several listeners have, which one.
  const shared = rows.some((other) => other.policy === p.policy && other.listener !== p.listener);
  say(listener, shared ? p.listener : '');
  tr.classList.toggle('chosen', isChosen(p));
  const { last_denied: last } = p;
  say(second, last ? `${whoOf(last)}: ${whatOf(last)}` : (OWN[p.policy] ?? ''));
  second.hidden = second.textContent === '';
  hint(what, [last ? `Last denied\n${told(last)}` : '', OWN[p.policy] ?? ''].filter(Boolean).join('\n'));
  const shadow = p.mode === 'shadow';
  say(mode, [ACTIONS[p.action] ?? p.action, shadow ? 'in shadow' : 'enforced'].filter(Boolean).join(', '));
  mode.className = shadow ? 'tag shadow' : 'tag';
  write(tr, COLUMNS, p);
  const refused = tr.querySelector('.refused');
  refused.classList.toggle('bad', p.denied > 0 && !shadow);
  refused.classList.toggle('warn', p.denied > 0 && shadow);
  const limits = Object.entries(p.limits).map(([bound, n]) => `${bound} reached × ${number(n)}`);
  hint(refused, [shadow && p.denied > 0 ? 'would have been denied' : '', ...limits].filter(Boolean).join(', '));
}

/** All that is known of an exchange, a line each. */
function told(v) {
  const lines = [
    ['at', v.at],
    ['user', v.user],
    ['application', v.application],
    ['database', v.database],
    ['client', v.client],
    ['operation', v.operation],
    ['target', v.target],
    ['text', v.text],
    ['digest', v.digest],
    ['outcome', [v.outcome, v.code].filter(Boolean).join(' ')],
    ['verdict', [v.verdict, v.policy].filter(Boolean).join(' by ')],
    ['in shadow mode', [v.shadow_verdict, v.shadow_policy].filter(Boolean).join(' by ')],
    ['snapshot of the policies', v.policy_snapshot],
  ];
  return lines.flatMap(([name, value]) => (value ? [`${name}: ${value}`] : [])).join('\n');
}

function showRows() {
  const shown = choice.all ? rows : rows.slice(0, FEW);
  fill($('policies').tBodies[0], shown, keyOf, makeRow, updateRow);
  const more = $('allpolicies');
  more.hidden = rows.length <= FEW;
  say(more.firstChild, choice.all ? 'Show fewer' : `Show all ${number(rows.length)}`);
  const chip = $('anypolicy');
  chip.hidden = choice.policy === null;
  if (choice.policy) say(chip, `${choice.policy.policy} ✕`);
  hint(chip, 'Show all policies');
}

function makeVerdict() {
  const tr = cells(VERDICTS);
  const [, said, what] = tr.children;
  said.append(element('span', 'tag'));
  const line = element('div', 'line');
  line.append(element('span', 'badge'), element('div', 'name'));
  what.append(line, element('div', 'text'));
  return tr;
}

function updateVerdict(tr, v) {
  const [, said, what] = tr.children;
  const [kind, word, policy] = isDenied(v)
    ? ['denied', 'denied', v.policy]
    : wouldBe(v)
      ? ['shadow', 'would be denied', v.shadow_policy]
      : ['allowed', 'allowed', v.policy || v.shadow_policy];
  tr.className = kind;
  say(said.firstChild, word);
  said.firstChild.className = `tag ${kind}`;
  const [line, second] = what.children;
  setBadge(line.firstChild, v.protocol);
  say(line.lastChild, whatOf(v));
  const who = [whoOf(v), v.database].filter(Boolean).join(' · ');
  say(second, [who, policy].filter(Boolean).join(' — '));
  hint(tr, told(v));
  write(tr, VERDICTS, v);
}

/** `policies`: the answer of /api/policies, `verdicts`: of /api/verdicts for what verdictsWanted() says. */
export function showPolicies({ policies, more }, { verdicts }) {
  $('guard').hidden = policies.length === 0;
  document.body.classList.toggle('guarded', policies.length > 0);
  if (policies.length === 0) return;
  // What no policy had to decide is counted for both modes: once is enough.
  rows = policies.filter(({ policy, mode }) => policy !== 'sluice.default' || mode === 'enforce');
  count(policies);
  if (choice.policy && !policies.some(isChosen)) choice.policy = null; // it is in the file no more
  const own = policies.filter(({ action }) => !['built-in', 'removed'].includes(action));
  const shadow = own.filter(({ mode }) => mode === 'shadow').length;
  const parts = [`${number(own.length - shadow)} enforced`, `${number(shadow)} in shadow mode`];
  say($('enforced'), [...parts, ...(more > 0 ? [`${number(more)} more not shown`] : [])].join(', '));
  showRows();
  fill($('verdicts').tBodies[0], verdicts, (v) => `${v.connection} ${v.seq}`, makeVerdict, updateVerdict);
  $('verdicts').tHead.hidden = verdicts.length === 0;
  const nothing = $('noverdicts');
  nothing.hidden = verdicts.length > 0;
  const what =
    choice.verdict === '' ? 'Nothing judged' : choice.verdict === 'allowed' ? 'Nothing allowed' : 'Nothing denied';
  say(nothing, `${what}${choice.policy ? ' by this policy' : ''} since Sluice began.`);
}
