import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { createLoad } from './facade/load.ts';
import type { NextRequest, Prepared } from './facade/load.ts';
import { pinSelf, startRole } from './facade/role.ts';
import type { Role } from './facade/role.ts';
import { costRow, median } from './harness.ts';
import type { Row } from './harness.ts';
import { ALGORITHMS, REMEMBERED, requestWith, startIssuer } from './security/tokens.ts';

// What a token costs at the door: the FHIR API (log, metrics, deadline, headers) before a backend that has its answer ready, without security, with a token
// that was seen before, and with one that was not ('jose' verifies it). Each is a process of its own on one core, the load on the other; rounds alternate,
// and what is compared is the difference within a round.

const ROUNDS = 7;
const ROUND_MS = 800;
const CLIENTS = 32;
/** CPU microseconds that a token may cost that was seen before. */
const SEEN_US = 15;
/** What the signature of a fresh token takes by itself, with RS256. */
const FRESH_US = 90;
const SEEN_TOKENS = REMEMBERED / 5;
const FRESH_TOKENS = REMEMBERED * 20;
const WARM = 10_000;

interface Candidate {
  readonly role: Role;
  readonly next: NextRequest;
  readonly cpuUs: number[];
}

function inTurn(prepared: readonly Prepared[]): NextRequest {
  let turn = 0;
  return () => prepared[(turn += 1) % prepared.length]!;
}

/** Its connections are its own: while the others have their turn, a server closes what is idle. */
async function round({ role, next, cpuUs }: Candidate): Promise<void> {
  const load = createLoad(role.port, CLIENTS);
  await load.run(next, ROUND_MS / 5);
  const before = await role.usage();
  const { reads } = await load.run(next, ROUND_MS);
  const after = await role.usage();
  load.close();
  cpuUs.push((after.cpuUs - before.cpuUs) / reads);
}

async function warmUp({ role, next }: Candidate): Promise<void> {
  const load = createLoad(role.port, CLIENTS);
  for (let done = 0; done < WARM;) done += (await load.run(next, ROUND_MS)).reads;
  load.close();
}

/** Median of the differences of each round. */
function above(candidate: Candidate, base: Candidate): number {
  return median(candidate.cpuUs.map((cost, at) => cost - base.cpuUs[at]!));
}

export default async function securityBench(): Promise<Row[]> {
  const log = openSync(devNull, 'a');
  const issuer = await startIssuer();
  const roles: Role[] = [];
  const door = async (...args: string[]): Promise<Role> => {
    const role = await startRole('../security/door.ts', args, 1, log);
    roles.push(role);
    return role;
  };
  try {
    pinSelf(0);
    const guarded = await door(issuer.url);
    const open: Candidate = { role: await door(), next: inTurn([requestWith('')]), cpuUs: [] };
    const pairs = [];
    for (const alg of ALGORITHMS) {
      const next = { seen: await issuer.requests(alg, SEEN_TOKENS), fresh: await issuer.requests(alg, FRESH_TOKENS) }; // prettier-ignore
      const seen: Candidate = { role: guarded, next: inTurn(next.seen), cpuUs: [] };
      const fresh: Candidate = { role: guarded, next: inTurn(next.fresh), cpuUs: [] };
      pairs.push({ alg, seen, fresh });
    }
    const all = [open, ...pairs.flatMap(({ seen, fresh }) => [seen, fresh])];
    for (const one of all) await warmUp(one);
    for (let done = 0; done < ROUNDS; done += 1) for (const one of all) await round(one);
    return [
      ...pairs.flatMap(({ alg, seen, fresh }) => [
        costRow(`a token seen before (${alg}): CPU above a request without security (what it may be)`, above(seen, open), SEEN_US, 'us CPU a request', 1),
        costRow(`a fresh token (${alg}): CPU above a request without security (verifying RS256 alone)`, above(fresh, open), FRESH_US, 'us CPU a request'),
      ]),
      costRow('a request with a seen token (RS256), against one without security', median(pairs[0]!.seen.cpuUs), median(open.cpuUs), 'us CPU a request'),
    ]; // prettier-ignore
  } finally {
    for (const role of roles) role.stop();
    issuer.close();
    closeSync(log);
  }
}
