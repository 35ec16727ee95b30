import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import type { Principal } from '../../../src/ports.ts';
import { createLimiter } from '../../../src/security/limits.ts';
import type { LimitsOptions } from '../../../src/security/limits.ts';
import type { Access } from '../../../src/security-ports.ts';

const LIMITS: LimitsOptions = {
  client: { requests: 5, seconds: 60 },
  user: { requests: 5, seconds: 60 },
  patient: { requests: 3, seconds: 60 },
  concurrency: 2,
  userConcurrency: 2,
  refusals: { requests: 2, seconds: 60 },
  keys: 100,
};

const access: Access = {
  grants: [],
  purposes: [],
  mayBreakGlass: false,
  roles: [],
  issuer: 'https://issuer.example',
  subject: 'someone',
  tokenId: 't',
};

const app = (client: string, patient?: string): Principal => ({
  key: client,
  client,
  access: patient === undefined ? access : { ...access, patient },
});
const STRANGER: Principal = { key: 'anonymous', client: 'whatever a header says' };

async function refusal(work: () => unknown): Promise<FicusError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof FicusError) return error;
    throw error;
  }
  throw new Error('It was let in');
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('requests of a client', () => {
  const enter = async (limiter: ReturnType<typeof createLimiter>, who: Principal, address = '10.0.0.1') => {
    const admission = await limiter.enter(who, address);
    admission.leave();
    return admission;
  };

  it('are counted, and told', async () => {
    const limiter = createLimiter(LIMITS);
    await enter(limiter, app('a'));
    vi.advanceTimersByTime(20_000);
    const admission = await enter(limiter, app('a'));
    expect(admission.headers()).toEqual({
      'ratelimit-limit': '5',
      'ratelimit-remaining': '3',
      'ratelimit-reset': '40',
      'ratelimit-policy': '5;w=60, 5;w=60, 3;w=60',
    });
  });

  it('are refused when there are too many, until the window is over', async () => {
    const limiter = createLimiter(LIMITS);
    for (let count = 0; count < 5; count++) await enter(limiter, app('a'));
    const error = await refusal(() => enter(limiter, app('a')));
    expect(error).toMatchObject({ code: 'throttled', status: 429, retryAfter: 60 });
    expect(error.headers).toMatchObject({ 'ratelimit-remaining': '0', 'ratelimit-reset': '60' });
    await enter(limiter, app('b'));
    vi.advanceTimersByTime(60_001);
    await enter(limiter, app('a'));
  });

  it('of a client that nobody vouches for are those of its address, whatever it calls itself', async () => {
    const limiter = createLimiter(LIMITS);
    for (let count = 0; count < 5; count++) await enter(limiter, { ...STRANGER, client: `x${count}` });
    expect((await refusal(() => enter(limiter, { ...STRANGER, client: 'y' }))).status).toBe(429);
    await enter(limiter, STRANGER, '10.0.0.2');
  });

  it('of one IPv6 network are those of one address', async () => {
    const limiter = createLimiter(LIMITS);
    for (let count = 0; count < 5; count++) await enter(limiter, STRANGER, `2001:db8:0:1::${count}`);
    expect((await refusal(() => enter(limiter, STRANGER, '2001:db8::1:ffff:0:0:1'))).status).toBe(429);
    await enter(limiter, STRANGER, '2001:db8:0:2::1');
  });

  it('under way at once are bounded', async () => {
    const limiter = createLimiter(LIMITS);
    const first = await limiter.enter(app('a'), '');
    await limiter.enter(app('a'), '');
    expect(await refusal(() => limiter.enter(app('a'), ''))).toMatchObject({ status: 429, retryAfter: 1 });
    first.leave();
    await limiter.enter(app('a'), '');
  });

  it('of a batch are as many as it has entries', async () => {
    const limiter = createLimiter(LIMITS);
    const admission = await limiter.enter(app('a'), '');
    await admission.further(3);
    expect(admission.headers()['ratelimit-remaining']).toBe('1');
    expect((await refusal(() => admission.further(2))).status).toBe(429);
  });

  it('about one patient are counted, for each client by itself', async () => {
    const limiter = createLimiter(LIMITS);
    const a = await limiter.enter(app('a'), '');
    for (let count = 0; count < 3; count++) await a.about('p1');
    const error = await refusal(() => a.about('p1'));
    expect(error.headers).toMatchObject({ 'ratelimit-limit': '3' });
    await a.about('p2');
    await (await limiter.enter(app('b'), '')).about('p1');
  });

  it('with the patient of a token are counted once', async () => {
    const limiter = createLimiter(LIMITS);
    for (let count = 0; count < 3; count++) {
      const admission = await enter(limiter, app('a', 'p1'));
      await admission.about('p1');
    }
    expect((await refusal(() => enter(limiter, app('a', 'p1')))).message).toMatch(/patient/);
  });
});

describe('requests of a user', () => {
  const NARROW: LimitsOptions = {
    ...LIMITS,
    user: { requests: 2, seconds: 30 },
    concurrency: 3,
    userConcurrency: 2,
  };
  const person = (subject: string, client = 'a', more: Partial<Access> = {}): Principal => ({
    key: `${client} ${subject}`,
    client,
    access: { ...access, subject, ...more },
  });
  const enter = async (limiter: ReturnType<typeof createLimiter>, who: Principal) => {
    const admission = await limiter.enter(who, '10.0.0.1');
    admission.leave();
    return admission;
  };

  it('are refused when there are too many, and take nothing from the others', async () => {
    const limiter = createLimiter(NARROW);
    for (let count = 0; count < 2; count++) await enter(limiter, person('ada'));
    for (let count = 0; count < 20; count++) {
      const error = await refusal(() => enter(limiter, person('ada')));
      expect(error).toMatchObject({ status: 429, retryAfter: 30 });
      expect(error.message).toMatch(/user/);
      expect(error.headers).toMatchObject({ 'ratelimit-limit': '2', 'ratelimit-remaining': '0' });
    }
    for (const other of ['bob', 'eve', 'kim']) await enter(limiter, person(other));
    const whole = await refusal(() => enter(limiter, person('lea')));
    expect(whole.message).not.toMatch(/user/);
    expect(whole.headers).toMatchObject({ 'ratelimit-limit': '5', 'ratelimit-remaining': '0' });
  });

  it('are told by the tighter of the two', async () => {
    const limiter = createLimiter(NARROW);
    const headersFor = async (subject: string) => (await enter(limiter, person(subject))).headers();
    const policy = { 'ratelimit-policy': '2;w=30, 5;w=60, 3;w=60' };
    expect(await headersFor('ada')).toMatchObject({
      'ratelimit-limit': '2',
      'ratelimit-remaining': '1',
      ...policy,
    });
    for (const other of ['bob', 'eve', 'kim']) await enter(limiter, person(other));
    expect(await headersFor('lea')).toMatchObject({
      'ratelimit-limit': '5',
      'ratelimit-remaining': '0',
      ...policy,
    });
  });

  it('are each client’s own', async () => {
    const limiter = createLimiter(NARROW);
    for (let count = 0; count < 2; count++) await enter(limiter, person('ada'));
    await enter(limiter, person('ada', 'b'));
  });

  it('of a program are those of the patient that its token is about, or of nobody', async () => {
    const limiter = createLimiter(NARROW);
    for (let count = 0; count < 2; count++) await enter(limiter, person('a', 'a', { patient: 'p1' }));
    expect((await refusal(() => enter(limiter, person('a', 'a', { patient: 'p1' })))).message).toMatch(
      /user/,
    );
    for (let count = 0; count < 3; count++) await enter(limiter, person('a'));
    expect((await refusal(() => enter(limiter, person('a')))).message).not.toMatch(/user/);
  });

  it('of a batch count for both', async () => {
    const limiter = createLimiter(NARROW);
    const admission = await limiter.enter(person('ada'), '');
    expect((await refusal(() => admission.further(2))).message).toMatch(/user/);
    await enter(limiter, person('bob'));
  });

  it('under way at once are bounded', async () => {
    const limiter = createLimiter({
      ...NARROW,
      user: { requests: 9, seconds: 30 },
      client: { requests: 9, seconds: 30 },
    });
    const first = await limiter.enter(person('ada'), '');
    await limiter.enter(person('ada'), '');
    expect((await refusal(() => limiter.enter(person('ada'), ''))).message).toMatch(/user/);
    await limiter.enter(person('bob'), '');
    expect((await refusal(() => limiter.enter(person('eve'), ''))).message).not.toMatch(/user/);
    first.leave();
    await limiter.enter(person('ada'), '');
  });
});

describe('tries to break the glass by one who may not', () => {
  it('are refused outright when there are too many, to that person alone', async () => {
    const limiter = createLimiter(LIMITS);
    await limiter.triedGlass(access);
    await limiter.triedGlass(access);
    const error = await refusal(() => limiter.triedGlass(access));
    expect(error).toMatchObject({ code: 'throttled', status: 429, retryAfter: 60 });
    await limiter.triedGlass({ ...access, subject: 'another' });
    limiter.hear('10.0.0.1');
  });
});

describe('tokens that are refused', () => {
  it('close the door to their address, to those that are new', async () => {
    const limiter = createLimiter(LIMITS);
    limiter.hear('10.0.0.1');
    await limiter.refused('10.0.0.1');
    limiter.hear('10.0.0.1');
    await limiter.refused('10.0.0.1');
    expect(await refusal(() => limiter.hear('10.0.0.1'))).toMatchObject({ status: 429, retryAfter: 60 });
    limiter.hear('10.0.0.2');
    vi.advanceTimersByTime(60_001);
    limiter.hear('10.0.0.1');
  });
});

it('keeps as many counts as it may, and forgets the least recent', async () => {
  const limiter = createLimiter({ ...LIMITS, client: { requests: 1, seconds: 60 } });
  await limiter.enter(STRANGER, 'first');
  for (let count = 0; count < 99; count++) await limiter.enter(STRANGER, `other-${count}`);
  expect((await refusal(() => limiter.enter(STRANGER, 'first'))).status).toBe(429);
  for (let count = 0; count < 200; count++) await limiter.enter(STRANGER, `more-${count}`);
  expect(vi.getTimerCount()).toBeLessThanOrEqual(100);
  await limiter.enter(STRANGER, 'first');
});
