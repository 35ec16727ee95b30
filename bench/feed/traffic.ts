import { createDay } from '../../sandbox/feed/day.ts';
import { feedOf } from '../../sandbox/feed/disturb.ts';
import { sendFeed } from '../../sandbox/feed/send.ts';
import type { Outgoing } from '../../sandbox/feed/send.ts';
import { setTimeout as sleep } from 'node:timers/promises';

// What one process sends and reads beside it: the same of Ficus and of what is the least.

/** Patients of a day of messages: some 2,000 of them are ADT and ORU. */
const PATIENTS = 400;
/** Most reads of one measurement. */
const READS = 2_000;
/** Connections of the feed, and between reads a pause, in milliseconds: a client that is not waiting for its turn. */
const CONNECTIONS = 8;
const PAUSE_MS = 2;

/** The ADT and ORU messages of a day in the sandbox's hospital. */
export function dayOf(seed: number): Outgoing[] {
  return feedOf(createDay({ patients: PATIENTS, seed, start: Date.UTC(2026, 10, 1 + seed) }), {}, seed)
    .filter(({ event }) => /^(ADT|ORU)\^/.test(event.type))
    .map(({ event, bytes }) => ({ bytes, lane: event.lane }));
}

/** Sends them as fast as they are acknowledged. @returns how many @throws Error when one was not */
export async function sendTo(port: number, messages: readonly Outgoing[]): Promise<number> {
  const { answers, sent } = await sendFeed(messages, { host: '127.0.0.1', port, connections: CONNECTIONS });
  if (answers['AA'] !== sent)
    throw new Error(`not every message was acknowledged: ${JSON.stringify(answers)}`);
  return sent;
}

/** p99 of reads one after another, in milliseconds; until `enough`. */
export async function p99OfReads(addresses: readonly string[], enough: () => boolean): Promise<number> {
  const times: number[] = [];
  for (let nth = 0; nth < READS && !enough(); nth++) {
    const from = performance.now();
    const answer = await fetch(addresses[nth % addresses.length]!);
    await answer.arrayBuffer();
    if (answer.status !== 200) throw new Error(`a read was answered with ${answer.status}`);
    times.push(performance.now() - from);
    await sleep(PAUSE_MS);
  }
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length * 0.99)]!;
}
