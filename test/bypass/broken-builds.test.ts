import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BrokenBuilds } from './support/broken-build.ts';
import { brokenBuilds } from './support/broken-builds.ts';

/** A suite that cannot fail proves nothing: each of these builds breaks one rule, and the corpus must notice. */
describe('broken builds', () => {
  let builds: BrokenBuilds;
  beforeAll(() => {
    builds = new BrokenBuilds();
  });
  afterAll(() => builds?.stop());

  test('there are twelve or more, and no rule is broken in one way only by chance', () => {
    expect(brokenBuilds.length).toBeGreaterThanOrEqual(12);
    expect(new Set(brokenBuilds.map(({ rule }) => rule)).size).toBeGreaterThanOrEqual(12);
  });

  test('with nothing broken, what must notice them is silent', async () => {
    const files = [...new Set(brokenBuilds.flatMap(({ caughtBy }) => caughtBy.files))];
    for (const file of files) {
      const { failed, passed, said } = await builds.control(
        brokenBuilds.filter(({ caughtBy }) => caughtBy.files.includes(file)),
      );
      expect(failed, said.slice(-2000)).toEqual([]);
      expect(passed, file).toBeGreaterThan(0);
    }
  });

  for (const build of brokenBuilds)
    test(`${build.rule} ${build.name}`, async () => {
      const { failed, said } = await builds.run(build);
      expect(failed, said.slice(-2000)).not.toEqual([]);
    });
});
