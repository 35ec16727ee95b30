import { receiveMessageOnPort } from 'node:worker_threads';
import type { MessageReader } from '../../events/feed/message-reader.ts';
import type { ProcessorPorts } from '../../events/feed/processor.ts';
import type { MappingRelease } from '../../mapping/release.ts';
import { contentOf } from './reading.ts';
import type { FromReading, ReadingThread, Said, ToReading } from './reading.ts';

/** Fewer messages than this are read at once where they are wanted. */
const LEAST = 32;
/** Longest that a message is waited for, in milliseconds; then the thread is given up. */
const PATIENCE = 10_000;

/**
 * Lets a second thread read the messages that are due soon, while this one applies those before. It is a memory of what
 * a message says, no more: what is not in it (few wait, the thread has not begun or is gone, other mappings are used
 * meanwhile, reading threw) is read here, by the same function.
 *
 * @param releases those that `own` begins with
 * @param start starts the thread, when for the first time enough waits to be worth it; undefined: there shall be none
 */
export function createReadAhead(
  own: MessageReader,
  releases: readonly MappingRelease[],
  start: (releases: readonly MappingRelease[]) => ReadingThread | undefined,
): { readonly reader: MessageReader; readonly ahead: NonNullable<ProcessorPorts['ahead']> } {
  let used = releases;
  let thread: ReadingThread | undefined;
  let state: 'idle' | 'starting' | 'ready' | 'gone' = 'idle';
  let order = 0;
  /** `replays` of the messages that were given to the thread and not asked for yet, by `seq`. */
  const given = new Map<number, number>();
  const read = new Map<number, Said>();

  /** Takes what has come. Gives whether anything has. */
  function take({ port }: ReadingThread): boolean {
    let any = false;
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
      any = true;
      const message = next.message as FromReading;
      if (message === 'ready') state = 'ready';
      else if (message.order === order) for (const said of message.said) read.set(said.seq, said);
    }
    return any;
  }

  function giveUp(): void {
    state = 'gone';
    given.clear();
    read.clear();
    thread?.port.close();
    thread = undefined;
  }

  function waitFor(seq: number): Said | undefined {
    while (thread && !read.has(seq)) {
      const turn = Atomics.load(thread.turns, 0);
      if (!take(thread) && Atomics.wait(thread.turns, 0, turn, PATIENCE) === 'timed-out') giveUp();
    }
    const said = read.get(seq);
    read.delete(seq);
    return said;
  }

  function tell({ port }: ReadingThread, message: ToReading): void {
    port.postMessage(message);
  }

  return {
    reader: {
      ...own,
      now: {
        ...own.now,
        read(bytes, record) {
          if (given.get(record.seq) !== record.replays) return own.now.read(bytes, record);
          given.delete(record.seq);
          const said = waitFor(record.seq);
          return (said && contentOf(said)) ?? own.now.read(bytes, record);
        },
      },
      use(others) {
        own.use(others);
        used = others;
        order += 1;
        given.clear();
        read.clear();
        if (thread) tell(thread, { kind: 'use', releases: others });
      },
    },
    ahead(messages) {
      if (messages.length < LEAST || state === 'gone') return;
      if (state === 'idle') {
        thread = start(used);
        state = thread ? 'starting' : 'gone';
      }
      if (!thread) return;
      take(thread);
      if (state !== 'ready') return;
      const fresh = messages.filter(({ record }) => !given.has(record.seq));
      for (const { record } of fresh) given.set(record.seq, record.replays);
      tell(thread, { kind: 'read', order, messages: fresh });
    },
  };
}
