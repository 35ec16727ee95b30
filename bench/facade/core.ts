import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { playRole } from './role.ts';

// The legacy core of the bench, a process of its own: node core.ts DELAY_MS. It answers every query by identifier with one
// patient of that number, after a fixed time (another from `delay MS` on), and spends as little as it can: no parsing, a prepared answer.

let delayMs = Number(process.argv[2] ?? 0);

const HEAD = 'MSH|^~\\&|HOSPIX|MAIN|FICUS|GATE|20260301083000||RSP^K22^RSP_K21|R';
const REST = '|P|2.5||||||UNICODE UTF-8\r';
const PATIENT =
  '^^^HOSP^MR~2229-555-8431^^^FICUS^PI||Brandt^Lena^Katrin^^Dr.^^L~Meyer^Lena^^^^^M||19820611|F|||Hauptstr. 5^2. OG^Nordstadt^NI^31134^DE^H~Am Markt 1^^Nordstadt^NI^31135^DE^B' +
  '||^PRN^PH^^49^5121^555123~^NET^Internet^lena.brandt@mail.example|^WPN^PH^^49^5121^555987|de^German^HL70296|M^Married^HL70002||A1000^^^HOSP^AN||||||||||||N\r' +
  'PD1||||1234^Primus^Carl^^^Dr.\r';

const EMPTY: Buffer = Buffer.alloc(0);
/** A timer is up to a millisecond late: the last stretch is waited out turn by turn. */
const COARSE_MS = 1.5;
let answered = 0;

/** The answer to a framed query. */
function answerTo(frame: string): Buffer {
  // MSH-10 is behind the ninth field separator of the header.
  let at = frame.indexOf('|') + 1;
  for (let field = 2; field < 10; field += 1) at = frame.indexOf('|', at) + 1;
  const controlId = frame.slice(at, frame.indexOf('|', at));
  const qpd = frame.indexOf('\rQPD|') + 1;
  const query = frame.slice(qpd, frame.indexOf('\r', qpd));
  const [, name = '', tag = ''] = query.split('|', 3);
  const number = /@PID\.3\.1\^([^~|]+)/.exec(query)?.[1] ?? '';
  answered += 1;
  return Buffer.from(
    `\v${HEAD}${answered}${REST}MSA|AA|${controlId}\rQAK|${tag}|OK|${name}|1|1|0\r${query}\rPID|1||${number}${PATIENT}\x1c\r`,
  );
}

/** Sends at a time of `performance.now()`. */
function sendAt(due: number, socket: Socket, bytes: Buffer): void {
  const left = due - performance.now();
  if (left <= 0) socket.write(bytes);
  else if (left > COARSE_MS) setTimeout(() => sendAt(due, socket, bytes), Math.floor(left - COARSE_MS));
  else setImmediate(() => sendAt(due, socket, bytes));
}

const server = createServer((socket) => {
  let kept = EMPTY;
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    const received = performance.now();
    const frame = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
    kept = EMPTY;
    // Whoever asks has one message in flight: a frame ends where the chunk does.
    if (frame[frame.length - 2] !== 0x1c) kept = frame;
    else if (delayMs === 0) socket.write(answerTo(frame.toString('latin1')));
    else sendAt(received + delayMs, socket, answerTo(frame.toString('latin1')));
  });
});
function follow(order: string): void {
  delayMs = Number(order.slice('delay '.length));
}

server.listen(0, '127.0.0.1', () => playRole((server.address() as AddressInfo).port, () => answered, follow));
