import { describe, expect, it } from 'vitest';
import type { Anomaly } from '../../../src/privacy-ports.ts';
import { networkOf } from '../../../src/security/network.ts';
import { createTokenWatch } from '../../../src/security/token-watch.ts';
import type { Suspicion, TokenUse } from '../../../src/security/token-watch.ts';

const OPTIONS = {
  windowMs: 600_000,
  inUseMs: 3_600_000,
  refused: 3,
  patients: 5,
  requests: 20,
  times: 5,
  tokens: 100,
};
const MINUTE = 60_000;

/** So many requests of one kind, one a second. */
interface Burst {
  readonly minute: number;
  readonly from: string;
  readonly requests: number;
  readonly refused?: boolean;
  /** The first of so many patients; each request is about another. */
  readonly patients?: number;
  readonly key?: string;
  readonly program?: boolean;
}

function usesOf({
  minute,
  from,
  requests,
  refused = false,
  patients = 0,
  key = 't',
  program = false,
}: Burst): TokenUse[] {
  return Array.from({ length: requests }, (_, nth) => ({
    key,
    at: minute * MINUTE + nth * 1_000,
    network: from,
    refused,
    patients: patients === 0 ? [] : [`p${nth % patients}`],
    program,
  }));
}

function suspicionsOf(bursts: readonly Burst[], options: Partial<typeof OPTIONS> = {}): Suspicion[] {
  const watch = createTokenWatch({ ...OPTIONS, ...options });
  return bursts.flatMap(usesOf).flatMap((use) => watch.saw(use) ?? []);
}

const HOME = 'home';
const AWAY = 'away';
const quietUse: Burst = { minute: 0, from: HOME, requests: 3 };

describe('a use of a token', () => {
  it.each<[what: string, bursts: readonly Burst[], raised: readonly Anomaly[]]>([
    ['from one network, whatever it does', [{ ...quietUse, requests: 500, refused: true, patients: 90 }], []],
    ['from a new network', [quietUse, { minute: 1, from: AWAY, requests: 19, patients: 4 }], []],
    [
      'from two networks in turns, as a telephone has it',
      [0, 1, 2, 3].flatMap((at) => [
        { minute: at * 4, from: HOME, requests: 8 },
        { minute: at * 4 + 2, from: AWAY, requests: 8 },
      ]),
      [],
    ],
    [
      'from a new network, refused twice',
      [quietUse, { minute: 1, from: AWAY, requests: 2, refused: true }],
      [],
    ],
    [
      'from a new network, refused often',
      [quietUse, { minute: 1, from: AWAY, requests: 3, refused: true }],
      ['refused'],
    ],
    [
      'from a new network, refused as often as ever',
      [
        { minute: 0, from: HOME, requests: 3, refused: true },
        { minute: 2, from: AWAY, requests: 15, refused: true },
      ],
      [],
    ],
    [
      'from several new networks, refused once from each',
      ['a', 'b', 'c'].map((from, minute) => ({ minute: minute + 1, from, requests: 1, refused: true })),
      // The first of them is the one that is known.
      [],
    ],
    [
      'from several networks beside the known one, refused once from each',
      [quietUse, ...['a', 'b', 'c'].map((from) => ({ minute: 1, from, requests: 1, refused: true }))],
      ['refused'],
    ],
    [
      'from a new network, refused now and then',
      [quietUse, ...[5, 16, 27].map((minute) => ({ minute, from: AWAY, requests: 1, refused: true }))],
      [],
    ],
    [
      'from a new network, about many patients',
      [quietUse, { minute: 1, from: AWAY, requests: 5, patients: 5 }],
      ['patients'],
    ],
    [
      'from a new network, about as many patients as ever',
      [
        { minute: 0, from: HOME, requests: 4, patients: 4 },
        { minute: 2, from: AWAY, requests: 19, patients: 19 },
      ],
      [],
    ],
    ['from a new network, often', [quietUse, { minute: 1, from: AWAY, requests: 20 }], ['requests']],
    [
      'from a new network, as often as ever',
      [
        { minute: 0, from: HOME, requests: 20 },
        { minute: 2, from: AWAY, requests: 90 },
      ],
      [],
    ],
    [
      'from a network that it moved to',
      [quietUse, { minute: 62, from: AWAY, requests: 100, refused: true, patients: 50 }],
      [],
    ],
    [
      'from another network after it has moved',
      [
        quietUse,
        { minute: 62, from: AWAY, requests: 1 },
        { minute: 63, from: 'third', requests: 3, refused: true },
      ],
      ['refused'],
    ],
    [
      'of a program, from all its machines at first',
      [
        { minute: 0, from: HOME, requests: 5, refused: true, program: true },
        { minute: 9, from: AWAY, requests: 30, refused: true, program: true },
        { minute: 11, from: AWAY, requests: 100, refused: true, program: true },
      ],
      [],
    ],
    [
      'of a program, from another one later',
      [
        { minute: 0, from: HOME, requests: 5, program: true },
        { minute: 11, from: AWAY, requests: 3, refused: true, program: true },
      ],
      ['refused'],
    ],
    [
      'of others is no matter',
      [quietUse, { minute: 1, from: AWAY, requests: 50, refused: true, patients: 50, key: 'other' }],
      [],
    ],
  ])('%s', (_what, bursts, raised) => {
    expect([...new Set(suspicionsOf(bursts).flatMap(({ anomalies }) => anomalies))]).toEqual(raised);
  });

  it('is told with its networks, and what was counted', () => {
    const [first] = suspicionsOf([quietUse, { minute: 1, from: AWAY, requests: 3, refused: true }]);
    expect(first).toEqual({
      anomalies: ['refused'],
      networks: {
        known: [{ network: HOME, first: '1970-01-01T00:00:00.000Z', last: '1970-01-01T00:00:02.000Z' }],
        strange: [{ network: AWAY, first: '1970-01-01T00:01:00.000Z', last: '1970-01-01T00:01:02.000Z' }],
      },
      counts: {
        known: { requests: 3, refused: 0, patients: 0 },
        strange: { requests: 3, refused: 3, patients: 0 },
      },
    });
  });

  it('does not become usual by going on for long', () => {
    const attack = { from: AWAY, requests: 3, refused: true };
    const told = suspicionsOf([quietUse, ...[1, 30, 90, 200].map((minute) => ({ ...attack, minute }))]);
    expect(told.at(-1)?.networks.strange[0]?.last).toBe(new Date(200 * MINUTE + 2_000).toISOString());
  });

  it('is as usual from where it was used when somebody had looked at it, and from nowhere else', () => {
    const watch = createTokenWatch(OPTIONS);
    const attack = { minute: 1, from: AWAY, requests: 3, refused: true };
    const sawOf = (burst: Burst) => usesOf(burst).flatMap((use) => watch.saw(use) ?? []).length;
    sawOf(quietUse);
    expect(sawOf(attack)).toBe(1);
    watch.settle('t');
    expect(sawOf({ ...attack, minute: 2, requests: 30 })).toBe(0);
    expect(sawOf({ ...attack, minute: 3, from: 'third', requests: 400 })).toBeGreaterThan(0);
    watch.settle('nobody');
  });

  it('is forgotten when others are more recent, and begins anew', () => {
    const others = Array.from({ length: 3 }, (_, nth) => ({ ...quietUse, key: `o${nth}` }));
    const attack = { minute: 1, from: AWAY, requests: 3, refused: true };
    expect(suspicionsOf([quietUse, ...others, attack], { tokens: 3 })).toEqual([]);
    expect(suspicionsOf([quietUse, ...others, attack], { tokens: 4 })).toHaveLength(1);
  });

  it('names no more networks than it can keep', () => {
    const many = Array.from({ length: 100 }, (_, nth) => ({
      minute: 1,
      from: `n${nth}`,
      requests: 1,
      refused: true,
    }));
    expect(suspicionsOf([quietUse, ...many]).at(-1)?.networks.strange).toHaveLength(16);
  });
});

describe('the network of an address', () => {
  it.each([
    ['198.51.100.77', { ipv4: 24, ipv6: 48 }, '198.51.100.0/24'],
    ['198.51.100.77', { ipv4: 22, ipv6: 48 }, '198.51.100.0/22'],
    ['198.51.103.77', { ipv4: 22, ipv6: 48 }, '198.51.100.0/22'],
    ['198.51.100.77', { ipv4: 32, ipv6: 48 }, '198.51.100.77/32'],
    ['2001:db8:1:2:3:4:5:6', { ipv4: 24, ipv6: 48 }, '2001:db8:1:0:0:0:0:0/48'],
    ['2001:db8:1::6', { ipv4: 24, ipv6: 48 }, '2001:db8:1:0:0:0:0:0/48'],
    ['2001:0DB8:0001::', { ipv4: 24, ipv6: 48 }, '2001:db8:1:0:0:0:0:0/48'],
    ['2001:db8:ffff::1', { ipv4: 24, ipv6: 36 }, '2001:db8:f000:0:0:0:0:0/36'],
    ['::1', { ipv4: 24, ipv6: 128 }, '0:0:0:0:0:0:0:1/128'],
    ['fe80::1%eth0', { ipv4: 24, ipv6: 64 }, 'fe80:0:0:0:0:0:0:0/64'],
    ['64:ff9b::192.0.2.1', { ipv4: 24, ipv6: 128 }, '64:ff9b:0:0:0:0:c000:201/128'],
    ['', { ipv4: 24, ipv6: 48 }, ''],
  ])('%s with %j is %s', (address, bits, network) => {
    expect(networkOf(address, bits)).toBe(network);
  });
});
