import { z } from 'zod';

const silence = z.int().min(100).max(3_600_000);
const count = z.int().min(1).max(10_000_000);

/** What one connection, and all of them, may take before anybody knows who is there: `http.connections`. */
export const connectionsConfig = z.strictObject({
  most: count.default(10_000).describe('Connections at once'),
  perAddress: count
    .default(1_000)
    .describe('Connections of one address at once; those of `http.trustForwarded` are not counted'),
  headersMs: silence
    .default(10_000)
    .describe('Longest time to say something on a new connection, and to send the headers of a request'),
  requestMs: silence.default(120_000).describe('Longest time to send a request whole'),
  idleMs: silence.default(65_000).describe('How long a connection is kept for the next request'),
  stalledMs: silence
    .default(60_000)
    .describe('A peer that takes nothing of its answer for so long is cut off'),
  headerBytes: z
    .int()
    .min(4_096)
    .max(1_048_576)
    .default(16_384)
    .describe('All headers of a request with its address; more is 431'),
  urlBytes: z.int().min(512).max(65_536).default(8_192).describe('Longest address; more is 414'),
  headers: z.int().min(10).max(2_000).default(100).describe('Headers of a request; more is 431'),
});

const rate = (requests: number, seconds: number, what: string) =>
  z
    .strictObject({
      requests: count.default(requests).describe(what),
      seconds: z.int().min(1).max(86_400).default(seconds).describe('Window, in seconds'),
    })
    .prefault({});

/** How much one caller may ask. */
export const limitsConfig = z.strictObject({
  client: rate(6_000, 60, 'Requests of one client in a window; an entry of a batch is one'),
  user: rate(
    1_200,
    60,
    'Requests of one user of a client in a window (the subject; for a program the patient that its token is about); those of a client count together, too',
  ),
  patient: rate(1_200, 60, 'Requests of one client about one patient in a window'),
  concurrency: z.int().min(1).max(10_000).default(64).describe('Requests of one client at once'),
  userConcurrency: z
    .int()
    .min(1)
    .max(10_000)
    .default(32)
    .describe('Requests of one user of a client at once'),
  refusals: rate(
    60,
    60,
    'Tokens of one address that may be refused in a window; then none of it is looked at',
  ),
  keys: z
    .int()
    .min(100)
    .max(10_000_000)
    .default(100_000)
    .describe(
      'Clients, users, patients and addresses that are counted at once, each; the least recent is forgotten',
    ),
});
