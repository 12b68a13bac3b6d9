// The page at `/`: polls the admin API once a second.

import { drawHistory, showHistory } from './history.js';
import { drawKeys, showKeys } from './keys.js';
import { drawPolicies, showPolicies, verdictsWanted } from './policies.js';
import { drawQueries, showQueries } from './queries.js';
import { drawSinks, showSinks } from './sinks.js';
import { $, cells, element, fill, heads, say, setBadge } from './table.js';
import { drawTiles, forgetRates, rates } from './tiles.js';
import { age, number, size, titled } from './words.js';

const POLL_MS = 1000;
const MAX_CONNECTIONS = 100;
/** Enough that ten are left when one listener's are chosen. */
const MAX_KEYS = 100;
/** Listeners that are named above the tiles. */
const MAX_NAMED = 8;

const choice = { by: 'digest', sort: 'time', protocol: '', keys: 'calls' };
const protocolOf = new Map(); // by listener
let listening = [];

// -- protocols

const seen = new Set();

/** One button a protocol, once there are two: what is pressed filters the whole page. */
function showProtocols(protocols) {
  for (const protocol of protocols) if (protocol !== '' && protocol !== 'tcp') seen.add(protocol);
  const several = seen.size > 1;
  $('protocols').hidden = !several;
  document.body.classList.toggle('mixed', several && choice.protocol === '');
  if (!several) return;
  const make = (protocol) => {
    const button = element('button', `chip ${protocol}`, protocol === '' ? 'All' : titled(protocol));
    button.type = 'button';
    button.addEventListener('click', () => {
      choice.protocol = protocol;
      forgetRates();
      now();
    });
    return button;
  };
  fill(
    $('protocols'),
    ['', ...[...seen].sort()],
    (protocol) => `p-${protocol}`,
    make,
    (button, protocol) => button.setAttribute('aria-pressed', String(protocol === choice.protocol)),
  );
}

const chosen = (protocol) => choice.protocol === '' || choice.protocol === protocol;

/** What the listeners are called, and where they are; their doors with the host that each leads to. */
function showWhere() {
  const wanted = listening.filter(({ protocol, upstream }) => chosen(protocol) && upstream !== '');
  const named = wanted
    .slice(0, MAX_NAMED)
    .map(({ name, local_address: address, upstream }) => `${name} ${address}${upstream ? ` → ${upstream}` : ''}`);
  if (wanted.length > named.length) named.push(`and ${number(wanted.length - named.length)} more`);
  say($('where'), named.join('  ·  '));
  $('where').hidden = named.length === 0 || !$('empty').hidden;
}

// -- connections

const LINKS = [
  { label: 'Client', className: 'left', of: (c) => c.client },
  { label: 'Protocol', className: 'protocol left', of: (c) => titled(c.protocol) },
  { label: 'User', className: 'left', of: (c) => c.user },
  { label: 'Database', className: 'left', of: (c) => c.database },
  { label: 'Application', className: 'left', of: (c) => c.application },
  { label: 'State', className: 'left', of: (c) => c.state.replaceAll('_', ' ') },
  { label: 'Upstream', className: 'more left', of: (c) => c.upstream },
  { label: 'Open for', of: (c) => age((Date.now() - Date.parse(c.started_at)) / 1000) },
  { label: 'Idle', className: 'more', of: (c) => (c.idle_ms >= 1000 ? age(c.idle_ms / 1000) : '') },
  { label: 'Exchanges', className: 'more', of: (c) => number(c.exchanges) },
  { label: 'In', className: 'more', of: (c) => size(c.bytes_received) },
  { label: 'Out', className: 'more', of: (c) => size(c.bytes_sent) },
];

function makeLink() {
  const tr = cells(LINKS);
  tr.children[LINKS.findIndex(({ label }) => label === 'State')].append(element('span', 'state'));
  tr.querySelector('.protocol').append(element('span', 'badge'));
  return tr;
}

function showConnections({ connections }) {
  const wanted = connections.filter(({ protocol }) => chosen(protocol));
  const shown = wanted.slice(0, MAX_CONNECTIONS);
  say($('count'), number(wanted.length));
  const update = (tr, c) => {
    LINKS.forEach(({ of }, at) => {
      say(tr.children[at].firstChild ?? tr.children[at], of(c));
    });
    setBadge(tr.querySelector('.badge'), c.protocol);
    tr.querySelector('.state').className = `state ${c.state}`;
  };
  fill($('connections').tBodies[0], shown, (c) => String(c.id), makeLink, update);
  $('connections').tHead.hidden = shown.length === 0;
  const more = wanted.length - shown.length;
  say($('more'), shown.length === 0 ? 'Nobody is connected.' : more > 0 ? `and ${number(more)} more` : '');
}

// -- the server

async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

/** How a client of each protocol is pointed at an address. */
const CLIENTS = {
  postgres: (host, port) => `psql -h ${host} -p ${port} -U USER DATABASE`,
  mysql: (host, port) => `mysql -h ${host} -P ${port} -u USER -p DATABASE`,
  redis: (host, port) => `redis-cli -h ${host} -p ${port}`,
  mongodb: (host, port) => `mongosh "mongodb://${host}:${port}/DATABASE?directConnection=true"`,
  zookeeper: (host, port) => `zkCli.sh -server ${host}:${port}`,
  kafka: (host, port) => `kcat -b ${host}:${port} -L`,
};

function exampleOf({ protocol, local_address: address }) {
  const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  if (host === undefined) return [];
  const reachable = host === '0.0.0.0' || host === '::' ? location.hostname : host;
  const line = CLIENTS[protocol]?.(reachable, port);
  return line === undefined ? [] : [line];
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
  // A door is no place to begin: servers tell clients of it.
  const entries = listeners.filter(({ upstream }) => upstream === undefined);
  const addresses = entries.map((listener) => listener.local_address);
  fill(
    $('addresses'),
    addresses,
    (address) => address,
    (address) => element('li', '', address),
    () => {},
  );
  const examples = [...new Set(entries.flatMap(exampleOf))];
  say($('example'), examples.join('\n'));
  $('how').hidden = $('example').hidden = examples.length === 0;
  for (const { name, protocol } of listeners) protocolOf.set(name, protocol);
  listening = listeners;
  showProtocols(protocolOf.values());
}

let asked = 0;
async function look() {
  const mine = ++asked;
  const query = new URLSearchParams({ limit: '50', sort: choice.sort });
  if (choice.by) query.set('by', choice.by);
  if (choice.protocol) query.set('protocol', choice.protocol);
  const only = choice.protocol ? `?protocol=${choice.protocol}` : '';
  try {
    const [queries, keys, connections, { sinks }, policies, verdicts] = await Promise.all([
      ask(`api/queries?${query}`),
      ask(`api/queries?by=key&limit=${MAX_KEYS}&sort=${choice.keys}`),
      ask('api/connections'),
      ask('api/sinks'),
      ask(`api/policies${only}`),
      ask(`api/verdicts?${verdictsWanted(choice.protocol)}`),
      showServer(),
    ]);
    if (mine !== asked) return; // another choice was made meanwhile
    showProtocols([...queries.queries, ...connections.connections].map(({ protocol }) => protocol));
    rates(queries.totals, POLL_MS / 2);
    showPolicies(policies, verdicts);
    showQueries(queries, choice);
    const speaks = (listener) => protocolOf.get(listener);
    showKeys(keys, choice.keys, (listener) => chosen(speaks(listener)), speaks);
    showWhere();
    showConnections(connections);
    showSinks(sinks);
    // Not waited for: what is live goes on, however long the past takes.
    void showHistory(
      sinks.some(({ type }) => type === 'clickhouse'),
      choice.protocol,
    );
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
const choose = (what) => (value) => {
  choice[what] = value;
  now();
};

drawTiles();
drawQueries(choose('sort'));
drawKeys(choose('keys'));
drawHistory(now);
drawPolicies(now);
drawSinks();
heads($('connections'), LINKS);
$('by').addEventListener('change', (event) => choose('by')(event.target.value));
document.addEventListener('visibilitychange', now);
now();
