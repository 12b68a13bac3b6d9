import { BrokenBuilds } from './bypass/support/broken-build.ts';
const G = 'protocol-filters/kafka/gate/';
const all = (tests: string) => ({ files: ['kafka.test.ts'], tests });
const builds = [
  { name: 'leaves before it is judged', file: G + 'held-requests.ts', find: 'const whole = Math.min(this.#held.frameFrom, readTo);', replace: 'const whole = readTo;', caughtBy: all('X-05') },
  { name: 'only the first topic', file: G + 'asked.ts', find: "if (isTopicName(buf, start, end)) this.#put(Tag.topic", replace: "if (this.#length > HEAD_BYTES) return; if (isTopicName(buf, start, end)) this.#put(Tag.topic", caughtBy: all('KF-08|KF-17') },
  { name: 'sessions are not judged', file: G + 'judge.ts', find: 'for (const topic of fetched.each()) asked.topic(topic.bytes);', replace: '', caughtBy: all('KF-06') },
  { name: 'a denied forget counts', file: G + 'judge.ts', find: 'if (r.isFetch && r.sessionEpoch > 0) this.#talk.fetchSessions.delete(r.sessionId);', replace: '', caughtBy: all('KF-06') },
  { name: 'fetches do not wait', file: G + 'judge.ts', find: "if (isSession && this.#fetches > 0) return 'waits';", replace: '', caughtBy: all('KF-06') },
  { name: 'trailing bytes pass', file: G + 'judge.ts', find: 'if (r.status !== Status.whole) return', replace: 'if (r.status !== Status.whole && r.status !== Status.trailing) return', caughtBy: all('X-04') },
  { name: 'does not wait for logins', file: G + 'judge.ts', find: 'this.waitsForReplies = true;', replace: '', caughtBy: all('X-06|KF-12|KF-13') },
  { name: 'unknown versions pass', file: G + 'judge.ts', find: "    this.#why = denialOf(UNREADABLE, words);\n    this.#deny(parsed, true);\n    return 'over';", replace: '    void words; return this.#go(parsed);', caughtBy: all('KF-01') },
  { name: 'the stand-in\'s own reply leaves', file: 'protocol-filters/kafka/rewrite/reply-rewriter.ts', find: 'if (this.#way === Way.instead) this.#leaveInstead();', replace: '', caughtBy: all('KF-17|X-05') },
  { name: 'null is nothing', file: G + 'asked.ts', find: 'if (isNull || namesAll(this.#apiKey, this.#version, count))', replace: 'if (false as boolean)', caughtBy: all('KF-04') },
  { name: 'unknown ids pass', file: G + 'asked.ts', find: 'if (topic === null) this.#doubts(Doubt.topicId);', replace: 'if (topic === null) return;', caughtBy: all('KF-05') },
  { name: 'names are folded', file: G + 'asked.ts', find: "toString('latin1');\n      describe", replace: "toString('latin1').toLowerCase();\n      describe", caughtBy: all('KF-|X-') },
];
const broken = new BrokenBuilds();
for (const b of builds) {
  try { const { failed, passed } = await broken.run({ rule: 'R1', ...b } as never); console.log(b.name, '->', failed.length, 'failed', passed, 'passed'); }
  catch (e) { console.log(b.name, String(e).slice(0, 200)); }
}
broken.stop();
