import { workerData } from 'node:worker_threads';
import { systemClock } from '../../clock.ts';
import { assemble } from '../assembly.ts';
import { messageReaderOf } from './message-reader.ts';
import { saidBy, yieldToOthers } from './reading.ts';
import type { FromReading, ReadingData, ToReading } from './reading.ts';

/** Messages whose content is sent together. */
const TOGETHER = 10;

/** The thread that reads messages of the feed before they are due. */
function start({ loaded, env, releases, port, turns }: ReadingData): void {
  const reader = messageReaderOf(assemble(loaded, env, systemClock), releases, systemClock);
  const say = (message: FromReading): void => {
    port.postMessage(message);
    Atomics.add(turns, 0, 1);
    Atomics.notify(turns, 0);
  };
  port.on('message', (message: ToReading) => {
    if (message.kind === 'use') return reader.use(message.releases);
    const { order, messages } = message;
    for (let at = 0; at < messages.length; at += TOGETHER)
      say({ order, said: messages.slice(at, at + TOGETHER).map((it) => saidBy(reader.now.read, it)) });
  });
  say('ready');
}

yieldToOthers();
start(workerData as ReadingData);
