/**
 * How long what is safe waits for more to be filed together with it: until none has come for so many milliseconds, or
 * so many times that, or for so many messages or bytes. What comes alone is filed soon, and of a stream many at once.
 */
const FILE_AFTER = { quietMs: 10, looks: 5, messages: 1_000, bytes: 1 << 20 };

/** Says when what is safe in the journal is to be filed. */
export interface FilingTime {
  /** There is more to file. */
  more(): void;
  cancel(): void;
}

/** @param untold what is safe and was not told to be filed; @param file called when it is time, and there is any */
export function createFilingTime(
  untold: { readonly messages: number; readonly bytes: number },
  file: () => void,
): FilingTime {
  let waiting: NodeJS.Timeout | undefined;

  /** @param before messages at the last look @param looks so many, with this one */
  function look(before: number, looks: number): void {
    if (untold.messages === before || looks === FILE_AFTER.looks) now();
    else waiting = setTimeout(look, FILE_AFTER.quietMs, untold.messages, looks + 1);
  }

  function now(): void {
    cancel();
    if (untold.messages > 0) file();
  }

  function cancel(): void {
    clearTimeout(waiting);
    waiting = undefined;
  }

  return {
    more() {
      if (untold.messages >= FILE_AFTER.messages || untold.bytes >= FILE_AFTER.bytes) setImmediate(now);
      else waiting ??= setTimeout(look, FILE_AFTER.quietMs, untold.messages, 1);
    },
    cancel,
  };
}
