import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const MAX_MESSAGE = 1024 * 1024;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** Echoes text and binary messages at /portal/live (RFC 6455, no extensions). */
export function acceptWebSocket(request: IncomingMessage, socket: Duplex): void {
  const key = request.headers['sec-websocket-key'];
  if (request.url !== '/portal/live' || key === undefined) {
    socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
    return;
  }
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  const head = ['HTTP/1.1 101 Switching Protocols', 'upgrade: websocket', 'connection: Upgrade'];
  socket.write([...head, `sec-websocket-accept: ${accept}`, '', ''].join('\r\n'));
  socket.on('error', () => socket.destroy());
  let pending = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    for (let frame = readFrame(pending); frame; frame = readFrame(pending)) {
      pending = pending.subarray(frame.length);
      if (!echo(socket, frame)) return;
    }
    if (pending.length > MAX_MESSAGE) socket.destroy();
  });
}

interface Frame {
  /** FIN and opcode. */
  readonly first: number;
  readonly payload: Buffer;
  /** Bytes of the whole frame. */
  readonly length: number;
}

/** A fragment is echoed as a fragment, so messages come back in the pieces they came in. */
function echo(socket: Duplex, frame: Frame): boolean {
  const opcode = frame.first & 0x0f;
  if (opcode === CLOSE) {
    socket.end(writeFrame(0x80 | CLOSE, frame.payload));
    return false;
  }
  if (opcode === PING) socket.write(writeFrame(0x80 | PONG, frame.payload));
  else if (opcode !== PONG) socket.write(writeFrame(frame.first, frame.payload));
  return true;
}

/** The first frame of `bytes`, unmasked (RFC 6455 §5.2); undefined while it is not there in full. */
function readFrame(bytes: Buffer): Frame | undefined {
  const [first = 0, second = 0] = bytes;
  if (bytes.length < 2) return undefined;
  const short = second & 0x7f;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = 2 + extended + 4;
  if (bytes.length < start) return undefined;
  const size =
    short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (bytes.length < start + size) return undefined;
  const mask = bytes.subarray(start - 4, start);
  const payload = Buffer.from(
    bytes.subarray(start, start + size).map((byte, i) => byte ^ (mask[i % 4] ?? 0)),
  );
  return { first, payload, length: start + size };
}

function writeFrame(first: number, payload: Buffer): Buffer {
  const size = payload.length;
  if (size < 126) return Buffer.concat([Buffer.from([first, size]), payload]);
  const head = Buffer.alloc(size < 65_536 ? 4 : 10);
  head[0] = first;
  head[1] = size < 65_536 ? 126 : 127;
  if (size < 65_536) head.writeUInt16BE(size, 2);
  else head.writeBigUInt64BE(BigInt(size), 2);
  return Buffer.concat([head, payload]);
}
