import type { Arrival, Receipt } from '../feed-ports.ts';
import type { Region } from './inbox-journal.ts';
import type { Beginning } from './inbox-journaling.ts';

/**
 * What the intake and its committer say to each other: columns instead of objects, and one buffer for the bytes of all,
 * which is transferred. Cloning an object an arrival costs more than writing it to the database.
 */
export interface PackedArrivals {
  /** source, sender, control id and type of each. */
  readonly words: readonly string[];
  /** Receipt time, length in bytes and MSH-13 (NaN: none) of each. */
  readonly numbers: Float64Array;
  readonly bytes: Uint8Array;
  readonly verdicts: readonly { readonly nth: number; readonly verdict: NonNullable<Arrival['verdict']> }[];
}

/** What the committer is told. Each holds what of the journal is to be filed first. */
export type ToCommitter =
  /** `synced`: the part of the journal is to be written again. */
  | { readonly kind: 'file'; readonly region: Region; readonly synced: boolean }
  /** To be made safe by filing them. */
  | { readonly kind: 'commit'; readonly region: Region; readonly arrivals: PackedArrivals }
  /** Nothing comes: what is filed may go from the journal. */
  | { readonly kind: 'rest'; readonly region: Region; readonly used: readonly Region[] }
  | { readonly kind: 'close' };

/** What the committer says: once when it is open, and then once for each thing it was told. */
export type FromCommitter =
  | {
      readonly kind: 'open';
      readonly beginning: Beginning;
      readonly sequences: readonly {
        readonly source: string;
        readonly sender: string;
        readonly sequence: number;
      }[];
    }
  /** A region is filed. `stored`, here and below: there are more messages to process. */
  | { readonly kind: 'filed'; readonly stored: boolean }
  /** Arrivals are filed, all that was in the journal is too, and it is begun anew. */
  | {
      readonly kind: 'safe';
      readonly receipts: Float64Array;
      readonly beginning: Beginning;
      readonly stored: boolean;
    }
  /** The journal is begun anew, and as empty as it says. */
  | {
      readonly kind: 'rested';
      readonly beginning: Beginning;
      readonly erased: boolean;
      readonly stored: boolean;
    }
  /** A commit or a rest could not be. The region is filed later. */
  | { readonly kind: 'failed'; readonly code: string };

/** @param size bytes of all arrivals */
export function packArrivals(arrivals: readonly Arrival[], size: number): PackedArrivals {
  const words: string[] = [];
  const numbers = new Float64Array(arrivals.length * 3);
  const bytes = new Uint8Array(size);
  const verdicts: { nth: number; verdict: NonNullable<Arrival['verdict']> }[] = [];
  let offset = 0;
  for (const [nth, arrival] of arrivals.entries()) {
    words.push(arrival.source, arrival.sender, arrival.controlId, arrival.type);
    numbers[nth * 3] = arrival.at;
    numbers[nth * 3 + 1] = arrival.bytes.byteLength;
    numbers[nth * 3 + 2] = arrival.sequence ?? Number.NaN;
    bytes.set(arrival.bytes, offset);
    offset += arrival.bytes.byteLength;
    if (arrival.verdict) verdicts.push({ nth, verdict: arrival.verdict });
  }
  return { words, numbers, bytes, verdicts };
}

/** The arrivals again; their bytes are parts of the one buffer. */
export function unpackArrivals({ words, numbers, bytes, verdicts }: PackedArrivals): Arrival[] {
  const ruled = new Map(verdicts.map(({ nth, verdict }) => [nth, verdict]));
  const arrivals: Arrival[] = [];
  let offset = 0;
  for (let nth = 0; nth * 3 < numbers.length; nth++) {
    const [source, sender, controlId, type] = words.slice(nth * 4, nth * 4 + 4) as [
      string,
      string,
      string,
      string,
    ];
    const [at, size, sequence] = numbers.subarray(nth * 3, nth * 3 + 3) as unknown as [
      number,
      number,
      number,
    ];
    const verdict = ruled.get(nth);
    arrivals.push({
      source,
      sender,
      controlId,
      type,
      at,
      bytes: bytes.subarray(offset, (offset += size)),
      ...(Number.isNaN(sequence) ? {} : { sequence }),
      ...(verdict ? { verdict } : {}),
    });
  }
  return arrivals;
}

const KINDS = ['stored', 'duplicate', 'conflict'] as const satisfies readonly Receipt['kind'][];

/** Kind, `seq` and `of` of each. */
export function packReceipts(receipts: readonly Receipt[]): Float64Array {
  const packed = new Float64Array(receipts.length * 3);
  for (const [nth, receipt] of receipts.entries()) {
    packed[nth * 3] = KINDS.indexOf(receipt.kind);
    packed[nth * 3 + 1] = receipt.kind === 'duplicate' ? 0 : receipt.seq;
    packed[nth * 3 + 2] = receipt.kind === 'stored' ? 0 : receipt.of;
  }
  return packed;
}

/** The receipt at a place. */
export function receiptAt(packed: Float64Array, nth: number): Receipt {
  const [kind, seq, of] = packed.subarray(nth * 3, nth * 3 + 3) as unknown as [number, number, number];
  const name = KINDS[kind];
  if (name === 'stored') return { kind: name, seq };
  if (name === 'duplicate') return { kind: name, of };
  if (name === 'conflict') return { kind: name, seq, of };
  throw new Error(`no receipt is of kind ${kind}`);
}
