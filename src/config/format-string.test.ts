import { describe, expect, test } from 'vitest';
import { cpuMs } from '../../test/support/cpu-time.ts';
import { parseFormat } from './format-string.ts';

describe('format strings', () => {
  const faults: [format: string, fault: string][] = [
    ['%DURATION', 'no operator such as'],
    ['%duration%', 'no operator such as'],
    ['% DURATION%', 'no operator such as'],
    ['%()%', 'no operator such as'],
    ['%DURATION(x)%', 'takes neither an argument nor a length'],
    ['%DURATION:3%', 'takes neither an argument nor a length'],
    ['%START_TIME:3%', 'takes no length'],
    ['%START_TIME(%F%n)%', 'would break the line'],
    ['%START_TIME(a\nb)%', 'would break the line'],
    ['%ENVIRONMENT%', 'needs an argument'],
    ['%DYNAMIC_METADATA()%', 'needs an argument'],
    ['%METADATA(NOPE:x)%', 'is no argument of METADATA'],
    ['%FILTER_STATE(x:NOPE)%', 'is no argument of FILTER_STATE'],
    ['%GRPC_STATUS(x)%', 'is no argument of GRPC_STATUS'],
    ['%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(a)%', 'takes a number of network bits'],
    ['%SLUICE(nope)%', 'needs a field'],
    [`${'x'.repeat(65_537)}`, 'is longer than 65536 characters'],
  ];
  for (const [format, fault] of faults)
    test(format.slice(0, 40), () => expect(parseFormat(format)).toEqual({ fault: expect.stringContaining(fault) }));

  test('text between operators is kept as it is', () => {
    expect(parseFormat('a%%b %DURATION%%BYTES_SENT%%%\n%ENVIRONMENT(a(b)c):3%')).toEqual({
      parts: [
        'a%b ',
        { op: 'DURATION', argument: null, length: null },
        { op: 'BYTES_SENT', argument: null, length: null },
        '%\n',
        { op: 'ENVIRONMENT', argument: 'a(b)c', length: 3 },
      ],
    });
  });

  test('a hostile format takes no time', () => {
    const begun = cpuMs();
    parseFormat(`%REQ(${'('.repeat(30_000)}`);
    parseFormat('%REQ(%'.repeat(10_000));
    parseFormat(`%START_TIME(${'%'.repeat(30_000)})%`);
    expect(cpuMs() - begun).toBeLessThan(2000);
  });
});
