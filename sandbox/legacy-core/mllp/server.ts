import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { isOn, numberOf, textOf, type WireDial } from '../../faults/dial.ts';
import { openGate, type Gate } from '../../faults/gate.ts';
import { writeOversized } from '../../faults/oversized.ts';
import { downAfter, type Switchboard } from '../../faults/switchboard.ts';
import { value } from '../hl7/message.ts';
import { exchange, nack, receive, type Exchange, type ExchangeContext, type Incoming } from './exchange.ts';
import { createFrameReader, frame } from './frames.ts';

export interface MllpOptions extends ExchangeContext {
  readonly host: string;
  readonly port: number;
  readonly switchboard: Switchboard;
}

/** The HL7v2 side of the core: one message after another on each connection, answered in order. */
export function openMllp(options: MllpOptions): Promise<Gate> {
  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => serve(socket, options));
  return openGate(server, { ...options, protocol: 'mllp' });
}

function serve(socket: Socket, options: MllpOptions): void {
  const read = createFrameReader();
  const waiting: Buffer[] = [];
  let busy = false;
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    try {
      waiting.push(...read(chunk));
    } catch {
      socket.destroy();
      return;
    }
    if (!busy) void work();
  });
  const work = async (): Promise<void> => {
    busy = true;
    for (let bytes = waiting.shift(); bytes && !socket.destroyed; bytes = waiting.shift()) {
      await answerOne(bytes, socket, options);
    }
    busy = false;
  };
}

async function answerOne(bytes: Buffer, socket: Socket, options: MllpOptions): Promise<void> {
  const incoming = receive(bytes);
  const dial = await options.switchboard.take('mllp', incoming.operation);
  const done = dial ? underDial(dial, incoming, options) : exchange(incoming, options);
  const msh = incoming.message?.msh;
  options.journal.add({
    protocol: 'mllp',
    operation: incoming.operation,
    controlId: value(msh, 10),
    sender: value(msh, 3),
    outcome: done?.outcome ?? 'ignored',
    code: done?.code ?? '',
    bytes: bytes.length,
    ...(done?.error === undefined ? {} : { error: done.error }),
    ...(dial ? { fault: dial.fault } : {}),
  });
  const framed = Buffer.concat((done?.answers ?? []).map(frame));
  if (dial) await misbehave(dial, framed, incoming, socket, options);
  else socket.write(framed);
}

/** What the core does with the message while a dial is on; undefined: nothing. */
function underDial(dial: WireDial, incoming: Incoming, options: MllpOptions): Exchange | undefined {
  if (dial.fault === 'nack') return nack(incoming, dial, options.hospital());
  const idle = dial.fault === 'hang' || dial.fault === 'oversized' || dial.parameters['applied'] === false;
  return idle ? undefined : exchange(incoming, options);
}

async function misbehave(
  dial: WireDial,
  framed: Buffer,
  incoming: Incoming,
  socket: Socket,
  options: MllpOptions,
): Promise<void> {
  switch (dial.fault) {
    case 'lost':
      return;
    case 'hang':
      // Never goes on: later messages of this connection wait behind this one.
      await new Promise((resolve) => socket.once('close', resolve));
      return;
    case 'late':
      await sleep(numberOf(dial, 'delayMs'), undefined, { ref: false });
      break;
    case 'duplicate':
      socket.write(framed);
      break;
    case 'garbage': {
      const noise = Buffer.from('\u0001\u00ff%PDF-1.3 not HL7 at all\u0000', 'latin1');
      socket.write(isOn(dial, 'framed') ? frame(noise) : noise);
      return;
    }
    case 'wrong-control-id':
      socket.write(otherControlId(framed, incoming, textOf(dial, 'controlId')));
      return;
    case 'kill-mid-write': {
      const bytes = numberOf(dial, 'bytes') ?? Math.floor(framed.length / 2);
      downAfter(options.switchboard, dial);
      if (bytes === 0) socket.resetAndDestroy();
      else socket.end(framed.subarray(0, bytes));
      return;
    }
    case 'oversized':
      await writeOversized(
        socket,
        '\u000bMSH|^~\\&|HOSPIX|HOSP|||||ACK|1|P|2.5\rNTE|1||',
        numberOf(dial, 'bytes') ?? 0,
      );
      return;
    case 'nack':
    case 'slow':
    case 'down':
    case 'fault':
    case 'partial':
    case 'bomb':
    case 'status':
      break;
  }
  if (!socket.destroyed) socket.write(framed);
}

function otherControlId(framed: Buffer, incoming: Incoming, controlId: string): Buffer {
  const own = value(incoming.message?.msh, 10);
  const text = framed.toString('latin1');
  return Buffer.from(
    text.replace(new RegExp(`(\\rMSA\\|[^|]*\\|)${RegExp.escape(own)}`), `$1${controlId}`),
    'latin1',
  );
}
