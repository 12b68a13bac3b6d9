// Rates over the last minute.

import { $, element, say } from './table.js';
import { number, size, sum, time } from './words.js';

const HISTORY = 60;
const TILES = [
  { name: 'queries', label: 'calls / s', of: (t) => t.calls, show: number },
  { name: 'errors', label: 'errors / s', of: (t) => sum(t.errors), show: number },
  { name: 'denied', label: 'denied / s', href: '#guard', of: (t) => t.denied ?? 0, show: number },
  { name: 'mean', label: 'mean time', of: (t) => t.time?.total_s ?? 0, over: (t) => t.calls, show: time },
  { name: 'in', label: 'bytes in / s', of: (t) => t.request_bytes, show: size },
  { name: 'out', label: 'bytes out / s', of: (t) => t.reply_bytes, show: size },
];
let before = null; // totals of the poll before

export function drawTiles() {
  for (const tile of TILES) {
    const box = element(tile.href ? 'a' : 'div', `tile ${tile.name}`);
    if (tile.href) box.href = tile.href;
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

/** What was counted before is of something else: rates begin anew. */
export function forgetRates() {
  before = null;
  for (const tile of TILES) {
    tile.past = [];
    say(tile.value, '–');
    for (const line of tile.lines) line.setAttribute('points', '');
  }
}

/** Takes totals; `leastMs`: nearer to the last ones they make no rate. */
export function rates(totals, leastMs) {
  const at = performance.now();
  const last = before;
  if (last && at - last.at < leastMs) return; // a choice was made between two polls
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
