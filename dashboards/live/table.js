// Small DOM. Everything goes through textContent, for the page shows what strangers wrote: names, texts, keys, error codes.

import { percent, titled } from './words.js';

export const $ = (id) => document.getElementById(id);

export function element(tag, className = '', text = '') {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** Touches the page only where something changed, so that selections and scrolling stay. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
export function hint(node, title) {
  if (node.title !== title) node.title = title;
}

/** Keeps one child a key, in the given order. */
export function fill(body, rows, keyOf, make, update) {
  const known = new Map([...body.children].map((child) => [child.dataset.key, child]));
  rows.forEach((row, at) => {
    const key = keyOf(row);
    let child = known.get(key);
    known.delete(key);
    if (!child) {
      child = make(row);
      child.dataset.key = key;
    }
    if (body.children[at] !== child) body.insertBefore(child, body.children[at] ?? null);
    update(child, row);
  });
  for (const child of known.values()) child.remove();
}

export function cells(columns) {
  const tr = element('tr');
  for (const { label, className = '' } of columns) {
    const td = element('td', className);
    if (!className.includes('what')) td.dataset.label = label.toLowerCase();
    tr.append(td);
  }
  return tr;
}

/** What `of` of each column says of a row; zeros are dimmed. */
export function write(tr, columns, row) {
  columns.forEach(({ of }, at) => {
    if (!of) return;
    const shown = of(row);
    say(tr.children[at], shown);
    tr.children[at].classList.toggle('zero', shown === '0');
  });
}

/** Column heads; those with `sort` are buttons that call `choose` with it. */
export function heads(table, columns, choose) {
  const tr = element('tr');
  for (const { label, className = '', sort } of columns) {
    const th = element('th', className, sort ? '' : label);
    th.scope = 'col';
    if (sort) {
      const button = element('button', '', label);
      button.type = 'button';
      button.addEventListener('click', () => choose(sort));
      th.append(button);
      th.dataset.sort = sort;
    }
    tr.append(th);
  }
  table.tHead.replaceChildren(tr);
}

export function markSorted(table, sort) {
  for (const th of table.tHead.rows[0].cells) {
    if (th.dataset.sort === sort) th.setAttribute('aria-sort', 'descending');
    else th.removeAttribute('aria-sort');
  }
}

export function meter() {
  const made = element('div', 'meter');
  made.append(element('i'), element('span'));
  return made;
}
/** `share`: 0 … 1. */
export function setMeter({ children: [bar, text] }, share) {
  bar.style.setProperty('--share', `${(share * 100).toFixed(1)}%`);
  say(text, percent(share));
}

/** Sets a badge to a protocol; '' leaves it empty, and so unseen. */
export function setBadge(badge, protocol) {
  say(badge, titled(protocol));
  badge.className = 'badge';
  if (/^\w+$/.test(protocol)) badge.classList.add(protocol);
}
