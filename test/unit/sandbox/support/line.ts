import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A bare MLLP line for tests, written without the sandbox's and Ficus's own code. */
export interface Line {
  /** Frames and sends a message; lines may end with LF. */
  send(message: string | Buffer): void;
  raw(bytes: Buffer): void;
  /** The next framed answer, its segments split. Rejects when the line closes first. */
  answer(): Promise<string[]>;
  /** The next framed answer's bytes. */
  bytes(): Promise<Buffer>;
  /** Everything received that was not handed out yet. */
  rest(): Buffer;
  readonly closed: Promise<void>;
  readonly socket: Socket;
}

/** Opens a line that is closed when the test ends. */
export async function openLine(port: number): Promise<Line> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let received = Buffer.alloc(0);
  let wake = (): void => undefined;
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    wake();
  });
  socket.on('error', () => socket.destroy());
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve();
      wake();
    });
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  onTestFinished(() => {
    socket.destroy();
  });
  const bytes = async (): Promise<Buffer> => {
    for (;;) {
      const end = received.indexOf('\u001c\r');
      if (end >= 0) {
        const payload = received.subarray(1, end);
        if (received[0] !== 0x0b) throw new Error('The answer does not begin with 0x0B');
        received = received.subarray(end + 2);
        return payload;
      }
      if (socket.destroyed) throw new Error('The line closed');
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const raw = (payload: Buffer): void => {
    socket.write(payload);
  };
  return {
    raw,
    send: (message) => raw(frameOf(message)),
    bytes,
    answer: async () =>
      (await bytes())
        .toString('utf8')
        .split('\r')
        .filter((line) => line !== ''),
    rest: () => received,
    closed,
    socket,
  };
}

export function frameOf(message: string | Buffer): Buffer {
  const payload = typeof message === 'string' ? Buffer.from(message.replaceAll('\n', '\r'), 'utf8') : message;
  return Buffer.concat([Buffer.from([0x0b]), payload, Buffer.from([0x1c, 0x0d])]);
}

let issued = 0;

/** An MSH of the test's own. Fields from MSH-13 on may be given. */
export function msh(
  type: string,
  options: { id?: string; rest?: string; version?: string; sender?: string } = {},
): string {
  issued += 1;
  const { id = `T${issued}`, rest = '', version = '2.5', sender = 'TESTER' } = options;
  return `MSH|^~\\&|${sender}|LAB|HOSPIX|HOSP|20261122101500||${type}|${id}|P|${version}${rest}`;
}

/** A query for patients, e.g. `pdq('@PID.5.1^HALLER')`. */
export function pdq(
  criteria: string,
  options: { tag?: string; rcp?: string; dsc?: string; id?: string; domains?: string } = {},
): string {
  const { tag = 'TAG1', rcp = 'I', dsc, domains = '', ...header } = options;
  const qpd = `QPD|IHE PDQ Query|${tag}|${criteria}${domains === '' ? '' : `|||||${domains}`}`;
  return [
    msh('QBP^Q22^QBP_Q21', header),
    qpd,
    `RCP|${rcp}`,
    ...(dsc === undefined ? [] : [`DSC|${dsc}|I`]),
  ].join('\n');
}

/** The fields of the first segment of that name; index 0 is the name, and MSH is off by one as always. */
export function segment(answer: readonly string[], name: string): string[] {
  return answer.find((line) => line.startsWith(`${name}|`))?.split('|') ?? [];
}

export function segments(answer: readonly string[], name: string): string[][] {
  return answer.filter((line) => line.startsWith(`${name}|`)).map((line) => line.split('|'));
}

/** First components of PID-3 of every PID: who was found, by first number. */
export function found(answer: readonly string[]): string[] {
  return segments(answer, 'PID').map((pid) => (pid[3] ?? '').split('^')[0] ?? '');
}
