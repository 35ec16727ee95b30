import type { Writable } from 'node:stream';
import type { Relinker } from './relink.ts';

/** What has come is written at the latest when it is this much. */
const GATHERED_BYTES = 256 * 1024;

/**
 * Carries a body to its sink. What comes within one turn of the event loop, which is all that the connection held, is
 * written in one go: a body of 200 kB in one or two calls of the system instead of four, and with the framing of one
 * chunk.
 */
export class Outflow {
  readonly #sink: Writable;
  readonly #relinker: Relinker | undefined;
  readonly #onFull: () => void;
  #gathered: Buffer[] = [];
  #bytes = 0;
  #planned: NodeJS.Immediate | undefined;

  /** @param onFull the sink has no room now: nothing more should come until it drains */
  constructor(sink: Writable, relinker: Relinker | undefined, onFull: () => void) {
    this.#sink = sink;
    this.#relinker = relinker;
    this.#onFull = onFull;
  }

  push(chunk: Buffer): void {
    if (this.#relinker) this.#gathered.push(...this.#relinker.push(chunk));
    else this.#gathered.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes >= GATHERED_BYTES) this.#flush();
    else this.#planned ??= setImmediate(() => this.#flush());
  }

  /** Writes what is left and ends the sink. */
  end(): void {
    const left = this.#relinker?.end() ?? [];
    this.#gathered.push(...left);
    this.#write();
    this.#sink.end();
  }

  /** Ends the sink with a whole body, of which nothing was pushed: one write, whose length is then known. */
  endWith(whole: Buffer): void {
    if (this.#relinker) {
      const pieces = [...this.#relinker.push(whole), ...this.#relinker.end()];
      this.#sink.end(pieces.length < 2 ? pieces[0] : Buffer.concat(pieces));
    } else this.#sink.end(whole);
  }

  /** The sink is gone: what waits for it is let go. */
  drop(): void {
    this.#taken();
  }

  #flush(): void {
    if (!this.#write()) this.#onFull();
  }

  /** The pieces that wait, which do so no longer. */
  #taken(): readonly Buffer[] {
    if (this.#planned) clearImmediate(this.#planned);
    this.#planned = undefined;
    const pieces = this.#gathered;
    this.#gathered = [];
    this.#bytes = 0;
    return pieces;
  }

  /** Gives whether there is room for more. */
  #write(): boolean {
    const [first, ...others] = this.#taken();
    if (!first) return true;
    let room = this.#sink.write(first);
    if (others.length === 0) return room;
    // The head of an HTTP answer goes with its first piece; the others make one chunk of it (RFC 9112 §7.1).
    this.#sink.cork();
    for (const piece of others) room = this.#sink.write(piece);
    this.#sink.uncork();
    return room;
  }
}
