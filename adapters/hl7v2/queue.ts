import type { Exchange } from './exchange.ts';

/** First in, first out, with a bound. Exchanges that were settled while they waited are passed over. */
export interface ExchangeQueue {
  /** Waiting exchanges. */
  readonly length: number;
  /** False when the queue is full. */
  push(exchange: Exchange): boolean;
  /** In front of all others, whatever the bound. */
  unshift(exchange: Exchange): void;
  shift(): Exchange | undefined;
  /** Takes note that a waiting exchange was settled. */
  forget(): void;
  /** The first deadline among those that wait, undefined when none does. */
  earliest(): number | undefined;
  /** Takes out those that `expired` names. */
  take(expired: (exchange: Exchange) => boolean): Exchange[];
}

/** @param limit how many may wait. */
export function createExchangeQueue(limit: number): ExchangeQueue {
  let list: Exchange[] = [];
  let head = 0;
  let length = 0;
  return {
    get length() {
      return length;
    },
    push: (exchange) => {
      if (length >= limit) return false;
      list.push(exchange);
      length++;
      return true;
    },
    unshift: (exchange) => {
      list = [exchange, ...list.slice(head)];
      head = 0;
      length++;
    },
    shift: () => {
      while (head < list.length) {
        const exchange = list[head++]!;
        if (head > 64 && head * 2 > list.length) {
          list = list.slice(head);
          head = 0;
        }
        if (exchange.done) continue;
        length--;
        return exchange;
      }
      return undefined;
    },
    forget: () => {
      length--;
    },
    earliest: () => {
      let first = Infinity;
      for (let at = head; at < list.length; at++) {
        const exchange = list[at]!;
        if (!exchange.done && exchange.deadline < first) first = exchange.deadline;
      }
      return first === Infinity ? undefined : first;
    },
    take: (expired) => {
      const waiting = list.slice(head).filter((exchange) => !exchange.done);
      const taken: Exchange[] = [];
      list = [];
      for (const exchange of waiting) (expired(exchange) ? taken : list).push(exchange);
      head = 0;
      length = list.length;
      return taken;
    },
  };
}
