// Top queries and commands.

import { meaning } from './codes.js';
import { $, cells, element, fill, heads, hint, markSorted, meter, say, setBadge, setMeter, write } from './table.js';
import { number, percent, size, sum, time } from './words.js';

/** Nothing where no call has a time of its own: calls that wait have a wait, and of single errors none is kept. */
const took = (q, which) => (q.time?.total_s > 0 ? time(q.time[which]) : '');

const COLUMNS = [
  { label: 'Share of time', className: 'share left', sort: 'time' },
  { label: 'Query or command', className: 'what left' },
  { label: 'Calls', sort: 'calls', of: (q) => number(q.calls) },
  { label: 'Mean', sort: 'mean', of: (q) => took(q, 'mean_s') },
  { label: 'p95', className: 'more', sort: 'p95', of: (q) => took(q, 'p95_s') },
  { label: 'p99', sort: 'p99', of: (q) => took(q, 'p99_s') },
  { label: 'Max', className: 'more', sort: 'max', of: (q) => took(q, 'max_s') },
  { label: 'Wait p95', className: 'waits more', sort: 'wait', of: (q) => (q.wait ? time(q.wait.p95_s) : '') },
  { label: 'Hits', className: 'hits', sort: 'hits', of: (q) => (q.hit_ratio == null ? '' : percent(q.hit_ratio)) },
  {
    label: 'Rows',
    className: 'documents',
    sort: 'rows',
    of: (q) => number((q.rows_returned ?? 0) + (q.rows_affected ?? 0)),
  },
  { label: 'Bytes', className: 'more', sort: 'bytes', of: (q) => size((q.request_bytes ?? 0) + (q.reply_bytes ?? 0)) },
  { label: 'Errors', className: 'errors', sort: 'errors', of: (q) => number(sum(q.errors)) },
];
const KEY = ['digest', 'protocol', 'listener', 'database', 'user', 'application'];
const whole = new Set(); // rows whose text is shown in full

export const drawQueries = (choose) => heads($('queries'), COLUMNS, choose);

/** What a row is called, and the smaller line under it. */
function named(q, by) {
  if (by === '' || by === 'digest') {
    const who = by === '' ? [q.user, q.database, q.application].filter(Boolean).join(' · ') : '';
    return [[q.summary || q.operation || q.digest, who].filter(Boolean).join('  —  '), q.text ?? ''];
  }
  if (by === 'target') return [q.targets.join(', ') || '(none)', ''];
  if (by === 'error') return [q.error || '(no error)', meaning(q.error)];
  return [q[by] || '(none)', ''];
}

/** What the one number is made of; `matched` only where a server tells it. */
function rowsOf({ rows_returned: returned = 0, rows_affected: affected = 0, rows_matched: matched = 0 }) {
  if (returned + affected + matched === 0) return '';
  const parts = [`${number(returned)} returned`, `${number(affected)} affected`];
  return [...parts, ...(matched > 0 ? [`${number(matched)} matched`] : [])].join(', ');
}

function makeQuery(key) {
  const tr = cells(COLUMNS);
  const [share, what] = tr.children;
  share.append(meter());
  const line = element('div', 'line');
  line.append(element('span', 'badge'), element('div', 'name'), element('span', 'tag denied'));
  what.append(line, element('div', 'text'));
  what.addEventListener('click', () => {
    if (getSelection()?.toString()) return;
    if (!whole.delete(key)) whole.add(key);
    tr.classList.toggle('whole', whole.has(key));
  });
  return tr;
}

function updateQuery(tr, q, by, totalSeconds) {
  const [share, what] = tr.children;
  setMeter(share.firstChild, totalSeconds > 0 ? (q.time?.total_s ?? 0) / totalSeconds : 0);
  const [name, text] = named(q, by);
  const [line, second] = what.children;
  const [badge, called, denied] = line.children;
  setBadge(badge, q.protocol);
  say(called, name);
  say(denied, q.denied > 0 ? `${number(q.denied)} denied` : '');
  denied.hidden = !(q.denied > 0);
  say(second, text);
  second.hidden = text === '' || text === name;
  write(tr, COLUMNS, q);
  tr.lastChild.classList.toggle('bad', tr.lastChild.textContent !== '0');
  const codes = Object.entries(q.errors ?? {}).map(
    ([code, n]) => `${[code, meaning(code)].filter(Boolean).join(' ')} × ${number(n)}`,
  );
  hint(tr.lastChild, codes.join(', '));
  hint(tr.querySelector('.hits'), q.hit_ratio == null ? '' : `${number(q.hits)} hits, ${number(q.misses)} misses`);
  hint(tr.querySelector('.documents'), rowsOf(q));
  hint(tr.querySelector('.waits'), q.waits > 0 ? `${number(q.waits)} calls asked the server to wait` : '');
}

/** `choice`: by, sort and protocol. */
export function showQueries({ queries, other, totals }, choice) {
  const nothing = totals.calls === 0 && choice.protocol === '';
  $('empty').hidden = !nothing;
  $('top').hidden = nothing;
  const table = $('queries');
  // Columns that only some protocols have.
  table.classList.toggle('with-hits', totals.hit_ratio != null);
  table.classList.toggle('with-waits', totals.waits > 0);
  const seconds = totals.time?.total_s ?? 0;
  const { by } = choice;
  const keyOf = (q) => JSON.stringify([by, ...KEY.map((k) => q[k] ?? ''), named(q, by)[0]]);
  fill(
    table.tBodies[0],
    // What only goes on, such as a hello that the server answers for ever, has no call yet.
    queries.filter(({ calls }) => calls > 0),
    keyOf,
    (q) => makeQuery(keyOf(q)),
    (tr, q) => updateQuery(tr, q, by, seconds),
  );
  const parts = [`${number(totals.calls)} calls, ${time(seconds)} of database time`];
  if (totals.redirected > 0) parts.push(`${number(totals.redirected)} sent elsewhere by the server`);
  if (other.calls > 0) parts.push(`${number(other.calls)} of the calls in rows not shown`);
  say($('folded'), parts.join(' · '));
  markSorted(table, choice.sort);
}
