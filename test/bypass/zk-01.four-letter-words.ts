import { ask } from '../support/zookeeper-requests.ts';
import { closes, ok, raw, zooKeeperRow } from './support/zookeeper.ts';

const word = (text: string) => raw('allowed', text);
const DENIED = [
  'conf',
  'cons',
  'crst',
  'dirs',
  'dump',
  'envi',
  'gtmk',
  'hash',
  'mntr',
  'srst',
  'stat',
  'stmk',
  'wchc',
  'wchp',
  'wchs',
  'kill',
  'reqs',
];

/** Words come where a length should be, on a fresh connection, and only a few are let through. */
export const row = zooKeeperRow(
  'ZK-01',
  'four-letter words',
  ['R4'],
  [
    ...DENIED.map((text) => ({ name: text, bare: true, sends: [closes(text)] })),
    { name: 'ruok', bare: true, sends: [word('ruok')], answer: /^imok$/ },
    { name: 'srvr', bare: true, sends: [word('srvr')], answer: /^Zookeeper version/ },
    {
      name: 'a packet behind a word',
      bare: true,
      sends: [word('ruok'), raw('nothing', Buffer.from('0000001500000001000000020000000a2f666f7262696464656e', 'hex'))],
      answer: /^imok$/,
    },
    { name: 'a word behind a word', bare: true, sends: [word('ruok'), raw('nothing', 'mntr')], answer: /^imok$/ },
    { name: 'a word nobody knows', bare: true, sends: [closes('quit')] },
    { name: 'in upper case', bare: true, sends: [closes('MNTR')] },
    { name: 'within a session it is a length', sends: [ok(ask.getData('/app/a')), closes('mntr')] },
    { name: 'granted', bare: true, options: { words: ['mntr'] }, sends: [word('mntr')], answer: /^zk_version/ },
  ],
);
