// A vitest reporter that writes what happened to each test as JSON lines to the file that SLUICE_LEDGER names, as it
// happens: a run that is killed half-way still tells what it had done. scripts/test.mjs counts them.
import { appendFileSync } from 'node:fs';

export default class Ledger {
  #file = process.env.SLUICE_LEDGER;

  onTestModuleStart(module) {
    this.#write({ state: 'started', name: module.relativeModuleId, note: '' });
  }

  onTestModuleEnd(module) {
    this.#write({ state: 'ended', name: module.relativeModuleId, note: '' });
  }

  onTestCaseReady(test) {
    this.#write({ state: 'started', name: nameOf(test), note: '' });
  }

  onTestCaseResult(test) {
    const result = test.result();
    const state = result.state === 'pending' ? 'skipped' : result.state;
    this.#write({ state, name: nameOf(test), note: result.note ?? '' });
  }

  onTestRunEnd(modules, unhandledErrors) {
    for (const module of modules) {
      // A file that failed to load has errors and no tests.
      if (module.errors().length > 0) this.#write({ state: 'failed', name: module.relativeModuleId, note: '' });
    }
    for (const error of unhandledErrors)
      this.#write({ state: 'failed', name: `unhandled: ${error.message}`, note: '' });
  }

  #write(entry) {
    if (this.#file) appendFileSync(this.#file, `${JSON.stringify(entry)}\n`);
  }
}

const nameOf = (test) => `${test.module.relativeModuleId} > ${test.fullName}`;
