/** OpenTelemetry's bound on db.query.summary, in characters. */
const SUMMARY_CHARS = 255;

/**
 * db.query.summary: operations in upper case and targets as the server reads them, in textual order; cut between two
 * tokens. (OpenTelemetry keeps the case as written; a digest is shared by all spellings, so ours cannot.)
 */
export class Summary {
  #text = '';
  #full = false;

  add(token: string): void {
    if (this.#full || token === '') return;
    const text = this.#text === '' ? token : `${this.#text} ${token}`;
    if (text.length > SUMMARY_CHARS) this.#full = true;
    else this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}
