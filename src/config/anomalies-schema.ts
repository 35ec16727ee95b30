import { z } from 'zod';

const count = z.int().min(1).max(1_000_000);

/** When the use of a token is out of its usual: `security.anomalies`. */
export const anomaliesConfig = z
  .union(
    [
      z.literal('off'),
      z.strictObject({
        ipv4Bits: z.int().min(8).max(32).default(24).describe('Leading bits that make a network of IPv4'),
        ipv6Bits: z.int().min(16).max(128).default(48).describe('Leading bits that make a network of IPv6'),
        windowSeconds: z
          .int()
          .min(10)
          .max(86_400)
          .default(600)
          .describe('How long requests are counted together'),
        inUseSeconds: z
          .int()
          .min(10)
          .max(604_800)
          .default(3_600)
          .describe('A token that was used from its known networks within this time is in use there'),
        refused: count
          .default(3)
          .describe(
            'Tries from new networks in a window that are too many: at what its scopes do not open, or at patients that are not its own',
          ),
        patients: count
          .default(20)
          .describe('Patients beside its own, asked for from new networks in a window, that are too many'),
        requests: count.default(600).describe('Requests from new networks in a window that are too many'),
        times: z
          .number()
          .min(1)
          .max(1_000)
          .default(5)
          .describe(
            '… as long as that is more than so many times the most in one window from known networks',
          ),
        tokens: z
          .int()
          .min(100)
          .max(1_000_000)
          .default(10_000)
          .describe('Tokens that are watched at once, in memory; the least recent is forgotten'),
      }),
    ],
    { error: 'is `off`, or says when the use of a token is out of its usual' },
  )
  .prefault({})
  .describe('When somebody is told that a token is used from a new network as it never was (`off`: never)');
