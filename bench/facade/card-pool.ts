import { connect } from 'node:net';
import type { Socket } from 'node:net';

interface Waiting {
  readonly message: string;
  readonly resolve: (reply: string) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The pool that an application with the card's packages writes for itself: a few kept connections, one message in flight on
 * each, the others in a queue.
 */
export function createCardPool(port: number, size: number): (message: string) => Promise<string> {
  const queue: Waiting[] = [];
  const idle: Socket[] = [];
  const current = new Map<Socket, Waiting>();

  function next(): void {
    while (idle.length > 0 && queue.length > 0) {
      const socket = idle.pop()!;
      const waiting = queue.shift()!;
      current.set(socket, waiting);
      socket.write(`\v${waiting.message}\x1c\r`);
    }
  }

  function open(): void {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.setNoDelay(true);
    socket.setEncoding('utf8');
    socket.on('connect', () => {
      idle.push(socket);
      next();
    });
    socket.on('data', (chunk: string) => {
      received += chunk;
      const end = received.indexOf('\x1c\r');
      if (end === -1) return;
      const reply = received.slice(received.indexOf('\v') + 1, end);
      received = received.slice(end + 2);
      const waiting = current.get(socket);
      current.delete(socket);
      idle.push(socket);
      next();
      waiting?.resolve(reply);
    });
    socket.on('error', (error) => current.get(socket)?.reject(error));
  }

  for (let opened = 0; opened < size; opened += 1) open();
  return (message) =>
    new Promise((resolve, reject) => {
      queue.push({ message, resolve, reject });
      next();
    });
}
