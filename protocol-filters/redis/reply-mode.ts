import type { Args } from './args.ts';
import type { Conversation } from './conversation.ts';
import { argumentIs } from './identity.ts';
import { Special } from './special.ts';

/** Whether replies come, as CLIENT REPLY says: to the next commands, but one. */
const Muted = { no: 0, next: 1, all: 2 } as const;

/** What CLIENT REPLY has asked for, as the server follows it. */
export class ReplyMode {
  /** Nobody can say which replies will come. */
  isDoubtful = false;
  readonly #talk: Conversation;
  #muted: number = Muted.no;

  constructor(talk: Conversation) {
    this.#talk = talk;
  }

  /** RESET was read by the server. */
  speak(): void {
    this.#set(Muted.no);
  }

  /** What stands for a denied command has no reply where that had none, and uses up a SKIP. */
  passDenied(): void {
    if (this.#muted === Muted.next) this.#set(Muted.no);
  }

  #set(muted: number): void {
    this.#muted = muted;
    this.#talk.isMuted = muted !== Muted.no;
  }

  /** Does this command have no reply? Follows what CLIENT REPLY says. */
  isSilent(special: number, args: Args): boolean {
    const muted = this.#muted;
    if (special === Special.replyMode && args.argc === 3) {
      const isOn = argumentIs(args, 2, 'on');
      const isOff = argumentIs(args, 2, 'off');
      if (isOn || isOff || argumentIs(args, 2, 'skip')) {
        // Within MULTI it runs at EXEC, whose reply then breaks off, or begins in its middle.
        if (this.#talk.transaction.asked && !(isOn && muted === Muted.no)) {
          this.isDoubtful = true;
          return false;
        }
        if (isOn) this.#set(Muted.no);
        else if (muted !== Muted.all) this.#set(isOff ? Muted.all : Muted.next);
        return !isOn;
      }
    }
    if (muted === Muted.next) {
      this.#set(Muted.no);
      // What comes next is answered in a state that no reply tells of.
      if ((special === Special.multi || special === Special.reset) && args.argc === 1) {
        this.isDoubtful = true;
        return false;
      }
    }
    if (special === Special.reset && muted === Muted.all) {
      this.#set(Muted.no);
      return false;
    }
    // Confirmations and what follows come all the same; of a replica's link nobody mutes anything.
    if (special === Special.subscribe || special === Special.sync) return false;
    return muted !== Muted.no;
  }
}
