import { expect, test } from 'vitest';
import { COMMANDS, Reply } from './commands.ts';

test('every byte has an entry, and names are unique', () => {
  expect(COMMANDS).toHaveLength(256);
  const names = COMMANDS.filter(({ known }) => known).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z]+(?:_[a-z]+)*$/);
});

const cases: [byte: number, name: string, reply: Reply][] = [
  [0x01, 'quit', Reply.none],
  [0x03, 'query', Reply.resultSet],
  [0x09, 'statistics', Reply.string],
  [0x0e, 'ping', Reply.status],
  [0x11, 'change_user', Reply.auth],
  [0x12, 'binlog_dump', Reply.stream],
  [0x16, 'stmt_prepare', Reply.prepare],
  [0x17, 'stmt_execute', Reply.resultSet],
  [0x18, 'stmt_send_long_data', Reply.none],
  [0x19, 'stmt_close', Reply.none],
  [0x1c, 'stmt_fetch', Reply.rows],
  [0x1f, 'reset_connection', Reply.status],
  [0x20, 'clone', Reply.stream],
  [0x22, 'unknown', Reply.unknown],
  [0xf9, 'unknown', Reply.unknown],
  [0xfa, 'stmt_bulk_execute', Reply.resultSet],
  [0xfe, 'multi', Reply.unknown],
  [0xff, 'unknown', Reply.unknown],
];
for (const [byte, name, reply] of cases)
  test(`0x${byte.toString(16).padStart(2, '0')} ${name}`, () => expect(COMMANDS[byte]).toMatchObject({ name, reply }));

test('only three commands have no reply', () => {
  expect(COMMANDS.filter(({ reply }) => reply === Reply.none).map(({ name }) => name)).toEqual([
    'quit',
    'stmt_send_long_data',
    'stmt_close',
  ]);
});
