// The page at `/`: polls the admin API once a second. Everything it shows goes through textContent, for it shows what
// strangers wrote: names, query texts, error codes.

const POLL_MS = 1000;
const HISTORY = 60;
const MAX_CONNECTIONS = 100;
const $ = (id) => document.getElementById(id);

const choice = { by: 'digest', sort: 'time' };
const whole = new Set(); // rows whose text is shown in full
let before = null; // totals of the poll before, for rates

// -- words and numbers

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const plain = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const number = (n) => (n < 10_000 ? plain.format(n < 100 ? n : Math.round(n)) : compact.format(n));

function scaled(value, steps) {
  const [size, unit] = steps.find(([size]) => value >= size) ?? steps.at(-1);
  const n = value / size;
  return `${n >= 100 ? n.toFixed(0) : Number(n.toPrecision(3))} ${unit}`;
}
const TIMES = [
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
  [1e-3, 'ms'],
  [1e-6, 'µs'],
];
const SIZES = [
  [2 ** 40, 'TiB'],
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
  [1, 'B'],
];
const time = (seconds) => (seconds > 0 ? scaled(seconds, TIMES) : '0');
const size = (bytes) => (bytes > 0 ? scaled(bytes, SIZES) : '0');
function age(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}
const sum = (counts) => Object.values(counts ?? {}).reduce((a, b) => a + b, 0);

// -- small DOM

function element(tag, className = '', text = '') {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** Touches the page only where something changed, so that selections and scrolling stay. */
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Keeps one <tr> a key, in the given order. */
function fill(body, rows, keyOf, make, update) {
  const known = new Map([...body.children].map((tr) => [tr.dataset.key, tr]));
  rows.forEach((row, at) => {
    const key = keyOf(row);
    let tr = known.get(key);
    known.delete(key);
    if (!tr) {
      tr = make(row);
      tr.dataset.key = key;
    }
    if (body.children[at] !== tr) body.insertBefore(tr, body.children[at] ?? null);
    update(tr, row);
  });
  for (const tr of known.values()) tr.remove();
}

function cells(columns) {
  const tr = element('tr');
  for (const { label, className = '' } of columns) {
    const td = element('td', className);
    if (!className.includes('what')) td.dataset.label = label.toLowerCase();
    tr.append(td);
  }
  return tr;
}

function heads(table, columns) {
  const tr = element('tr');
  for (const { label, className = '', sort } of columns) {
    const th = element('th', className, sort ? '' : label);
    th.scope = 'col';
    if (sort) {
      const button = element('button', '', label);
      button.type = 'button';
      button.addEventListener('click', () => {
        choice.sort = sort;
        now();
      });
      th.append(button);
      th.dataset.sort = sort;
    }
    tr.append(th);
  }
  table.tHead.replaceChildren(tr);
}

// -- rates

const TILES = [
  { name: 'queries', label: 'queries / s', of: (t) => t.calls, show: number },
  { name: 'errors', label: 'errors / s', of: (t) => sum(t.errors), show: number },
  { name: 'mean', label: 'mean time', of: (t) => t.time?.total_s ?? 0, over: (t) => t.calls, show: time },
  { name: 'in', label: 'bytes in / s', of: (t) => t.request_bytes, show: size },
  { name: 'out', label: 'bytes out / s', of: (t) => t.reply_bytes, show: size },
];

function drawTiles() {
  for (const tile of TILES) {
    const box = element('div', `tile ${tile.name}`);
    tile.value = element('b', '', '–');
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', `0 0 ${HISTORY - 1} 30`);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    tile.lines = ['fill', ''].map((className) => {
      const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
      line.setAttribute('class', className);
      svg.append(line);
      return line;
    });
    tile.past = [];
    box.append(element('span', 'muted', tile.label), tile.value, svg);
    $('tiles').append(box);
  }
}

function rates(totals) {
  const at = performance.now();
  const last = before;
  if (last && at - last.at < POLL_MS / 2) return; // a choice was made between two polls
  before = { totals, at };
  if (!last) return;
  for (const tile of TILES) {
    const gone = tile.over ? tile.over(totals) - tile.over(last.totals) : (at - last.at) / 1000;
    const grown = tile.of(totals) - tile.of(last.totals);
    const rate = gone > 0 && grown > 0 ? grown / gone : 0; // a restart makes them fall: no rate then
    say(tile.value, tile.show(rate));
    tile.value.className = rate > 0 ? 'some' : '';
    tile.past.push(rate);
    if (tile.past.length > HISTORY) tile.past.shift();
    const top = Math.max(...tile.past) || 1;
    const from = HISTORY - tile.past.length;
    const line = tile.past.map((value, i) => `${from + i},${(28 - (value / top) * 24).toFixed(1)}`).join(' ');
    tile.lines[0].setAttribute('points', `${from},30 ${line} ${HISTORY - 1},30`);
    tile.lines[1].setAttribute('points', line);
  }
}

// -- top queries

const COLUMNS = [
  { label: 'Share of time', className: 'share left', sort: 'time' },
  { label: 'Query', className: 'what left' },
  { label: 'Calls', sort: 'calls', of: (q) => number(q.calls) },
  { label: 'Mean', sort: 'mean', of: (q) => time(q.time?.mean_s) },
  { label: 'p95', sort: 'p95', of: (q) => time(q.time?.p95_s) },
  { label: 'p99', sort: 'p99', of: (q) => time(q.time?.p99_s) },
  { label: 'Max', sort: 'max', of: (q) => time(q.time?.max_s) },
  { label: 'Rows', sort: 'rows', of: (q) => number((q.rows_returned ?? 0) + (q.rows_affected ?? 0)) },
  { label: 'Bytes', sort: 'bytes', of: (q) => size((q.request_bytes ?? 0) + (q.reply_bytes ?? 0)) },
  { label: 'Errors', sort: 'errors', of: (q) => number(sum(q.errors)) },
];
const KEY = ['digest', 'listener', 'database', 'user', 'application'];

/** What a row is called, and the smaller line under it. */
function named(q) {
  const { by } = choice;
  if (by === '' || by === 'digest') {
    const who = by === '' ? [q.user, q.database, q.application].filter(Boolean).join(' · ') : '';
    return [[q.summary || q.operation || q.digest, who].filter(Boolean).join('  —  '), q.text ?? ''];
  }
  if (by === 'target') return [q.targets.join(', ') || '(none)', ''];
  if (by === 'error') return [q.error || '(no error)', ''];
  return [q[by] || '(none)', ''];
}

const keyOf = (q) => JSON.stringify([choice.by, ...KEY.map((k) => q[k] ?? ''), named(q)[0]]);

function makeQuery(q) {
  const tr = cells(COLUMNS);
  const meter = element('div', 'meter');
  meter.append(element('i'), element('span'));
  tr.children[0].append(meter);
  tr.children[1].append(element('div', 'name'), element('div', 'sql'));
  const key = keyOf(q);
  tr.children[1].addEventListener('click', () => {
    if (getSelection()?.toString()) return;
    if (!whole.delete(key)) whole.add(key);
    tr.classList.toggle('whole', whole.has(key));
  });
  return tr;
}

function updateQuery(tr, q, totalSeconds) {
  const share = totalSeconds > 0 ? (q.time?.total_s ?? 0) / totalSeconds : 0;
  const [bar, percent] = tr.children[0].firstChild.children;
  bar.style.setProperty('--share', `${(share * 100).toFixed(1)}%`);
  say(percent, share >= 0.0995 ? `${Math.round(share * 100)}%` : `${(share * 100).toFixed(1)}%`);
  const [name, text] = named(q);
  const [first, second] = tr.children[1].children;
  say(first, name);
  say(second, text);
  second.hidden = text === '' || text === name;
  COLUMNS.forEach(({ of }, at) => {
    if (!of) return;
    const shown = of(q);
    say(tr.children[at], shown);
    tr.children[at].classList.toggle('zero', shown === '0');
  });
  const errors = tr.lastChild;
  errors.classList.toggle('bad', errors.textContent !== '0');
  const codes = Object.entries(q.errors ?? {})
    .map(([code, n]) => `${code} × ${n}`)
    .join(', ');
  if (errors.title !== codes) errors.title = codes;
}

function showQueries({ queries, other, totals }) {
  rates(totals);
  $('empty').hidden = totals.calls > 0;
  $('top').hidden = totals.calls === 0;
  const seconds = totals.time?.total_s ?? 0;
  fill($('queries').tBodies[0], queries, keyOf, makeQuery, (tr, q) => updateQuery(tr, q, seconds));
  const parts = [`${number(totals.calls)} calls, ${time(seconds)} of database time`];
  if (other.calls > 0) parts.push(`${number(other.calls)} of the calls in rows not shown`);
  say($('folded'), parts.join(' · '));
  for (const th of $('queries').tHead.rows[0].cells) {
    if (th.dataset.sort === choice.sort) th.setAttribute('aria-sort', 'descending');
    else th.removeAttribute('aria-sort');
  }
}

// -- connections

const LINKS = [
  { label: 'Client', className: 'left', of: (c) => c.client },
  { label: 'User', className: 'left', of: (c) => c.user },
  { label: 'Database', className: 'left', of: (c) => c.database },
  { label: 'Application', className: 'left', of: (c) => c.application },
  { label: 'State', className: 'left', of: (c) => c.state.replaceAll('_', ' ') },
  { label: 'Upstream', className: 'left', of: (c) => c.upstream },
  { label: 'Open for', of: (c) => age((Date.now() - Date.parse(c.started_at)) / 1000) },
  { label: 'Idle', of: (c) => (c.idle_ms >= 1000 ? age(c.idle_ms / 1000) : '') },
  { label: 'Exchanges', of: (c) => number(c.exchanges) },
  { label: 'In', of: (c) => size(c.bytes_received) },
  { label: 'Out', of: (c) => size(c.bytes_sent) },
];

function makeLink() {
  const tr = cells(LINKS);
  tr.children[LINKS.findIndex(({ label }) => label === 'State')].append(element('span', 'state'));
  return tr;
}

function showConnections({ connections }) {
  const shown = connections.slice(0, MAX_CONNECTIONS);
  say($('count'), number(connections.length));
  const update = (tr, c) => {
    LINKS.forEach(({ of }, at) => {
      say(tr.children[at].firstChild ?? tr.children[at], of(c));
    });
    tr.querySelector('.state').className = `state ${c.state}`;
  };
  fill($('connections').tBodies[0], shown, (c) => String(c.id), makeLink, update);
  $('connections').tHead.hidden = shown.length === 0;
  const more = connections.length - shown.length;
  say($('more'), shown.length === 0 ? 'Nobody is connected.' : more > 0 ? `and ${number(more)} more` : '');
}

// -- the server

async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

let looks = 0;
async function showServer() {
  if (looks++ % 5 !== 0) return;
  const [info, { listener_statuses: listeners }] = await Promise.all([
    ask('server_info'),
    ask('listeners?format=json'),
  ]);
  const live = info.state === 'LIVE';
  say($('state'), live ? 'live' : info.state.toLowerCase().replaceAll('_', ' '));
  $('state').className = live ? 'pill live' : 'pill';
  say($('about'), `${info.version} · up ${age(Number.parseInt(info.uptime_current_epoch, 10))}`);
  const addresses = listeners.map((listener) => listener.local_address);
  if ($('addresses').children.length !== addresses.length)
    $('addresses').replaceChildren(...addresses.map((address) => element('li', '', address)));
  const [, host = '127.0.0.1', port = '15432'] = /^\[?(.*?)\]?:(\d+)$/.exec(addresses[0] ?? '') ?? [];
  const reachable = host === '0.0.0.0' || host === '::' ? location.hostname : host;
  say($('example'), `psql -h ${reachable} -p ${port} -U USER DATABASE`);
}

let asked = 0;
async function look() {
  const mine = ++asked;
  const query = new URLSearchParams({ limit: '50', sort: choice.sort });
  if (choice.by) query.set('by', choice.by);
  try {
    const [queries, connections] = await Promise.all([
      ask(`api/queries?${query}`),
      ask('api/connections'),
      showServer(),
    ]);
    if (mine !== asked) return; // another choice was made meanwhile
    showQueries(queries);
    showConnections(connections);
  } catch {
    looks = 0;
    say($('state'), 'no answer, trying again');
    $('state').className = 'pill lost';
  }
}

let timer = 0;
const later = () => {
  clearTimeout(timer);
  timer = setTimeout(now, POLL_MS);
};
function now() {
  clearTimeout(timer);
  if (document.hidden) later();
  else look().then(later, later);
}

drawTiles();
heads($('queries'), COLUMNS);
heads($('connections'), LINKS);
$('by').addEventListener('change', (event) => {
  choice.by = event.target.value;
  now();
});
document.addEventListener('visibilitychange', now);
now();
