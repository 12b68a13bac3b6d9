import { expect, test } from 'vitest';
import { createLogger, type LogOutput } from './log.ts';

class Output implements LogOutput {
  readonly lines: string[] = [];
  writableLength = 0;
  write(line: string, done?: () => void): boolean {
    if (line !== '') this.lines.push(line);
    done?.();
    return true;
  }
}

const wall = () => Date.UTC(2026, 0, 2, 3, 4, 5, 6);

test('a text line says when, how bad, who, what, and with which values', () => {
  const output = new Output();
  createLogger({ role: 'worker 2', output, wall }).warn('listener gone', { name: 'pg', port: 5432, why: 'no reason' });
  expect(output.lines).toEqual([
    '2026-01-02T03:04:05.006Z warning [worker 2] listener gone name=pg port=5432 why="no reason"\n',
  ]);
});

test('a JSON line is one object', () => {
  const output = new Output();
  createLogger({ role: 'facts', format: 'json', output, wall }).info('ready', { n: 1 });
  expect(JSON.parse(output.lines[0]!)).toEqual({
    time: '2026-01-02T03:04:05.006Z',
    level: 'info',
    role: 'facts',
    message: 'ready',
    n: 1,
  });
});

test('lines below the level are not written, and the level can change', () => {
  const output = new Output();
  const log = createLogger({ role: 'x', level: 'warning', output, wall });
  log.info('no');
  log.level = 'debug';
  log.debug('yes');
  expect(output.lines.length).toBe(1);
});

for (const format of ['text', 'json'] as const) {
  test(`what a peer sent cannot break the ${format} line, nor drive a terminal`, () => {
    const output = new Output();
    const log = createLogger({ role: 'x', format, output, wall });
    log.info('user \u001b[31m\nfake line', { user: 'a\nb\u2028\u202e\u0085' });
    expect(output.lines.length).toBe(1);
    expect(output.lines[0]!.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\u2028]/u);
  });
}

test('an error is told with its causes', () => {
  const output = new Output();
  createLogger({ role: 'x', format: 'json', output, wall }).error('failed', {
    error: new Error('outer', { cause: new Error('inner') }),
  });
  expect(JSON.parse(output.lines[0]!).error).toMatch(/outer.*caused by: Error: inner/s);
});

test('when nobody reads, lines are dropped and counted, and the next one that goes through says so', () => {
  const output = new Output();
  const log = createLogger({ role: 'x', output, wall });
  output.writableLength = 1e9;
  log.info('lost');
  log.info('lost too');
  output.writableLength = 0;
  log.info('back');
  expect(output.lines.map((line) => line.slice(25))).toEqual([
    'warning [x] log lines dropped: nobody read them dropped=2\n',
    'info [x] back\n',
  ]);
});

test('an output that throws stops nobody', () => {
  const output = {
    writableLength: 0,
    write: () => {
      throw new Error('EPIPE');
    },
  };
  expect(() => createLogger({ role: 'x', output }).info('lost')).not.toThrow();
});
