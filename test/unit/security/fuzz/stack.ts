import { Writable } from 'node:stream';
import { toFicusError } from '../../../../src/errors.ts';
import { parseJson } from '../../../../src/fhir/json.ts';
import type { Interaction, Json, JsonObject, Resource } from '../../../../src/fhir/types.ts';
import { answerOf, answerOfError } from '../../../../src/http/answer.ts';
import type { Answer } from '../../../../src/http/answer.ts';
import { runBatch } from '../../../../src/http/batch.ts';
import { parseIfMatch, parseIfNoneMatch, parsePrefer } from '../../../../src/http/conditions.ts';
import { askedOf, parseAddress } from '../../../../src/http/interaction.ts';
import { takePresentation } from '../../../../src/http/negotiate.ts';
import { perform } from '../../../../src/http/perform.ts';
import type { Call, ParseEverything, ParseHistory, ParseSearch } from '../../../../src/http/perform.ts';
import { RequestScope } from '../../../../src/http/scope.ts';
import { decodePairs, splitTarget } from '../../../../src/http/url.ts';
import type { Backend, Layer, Principal } from '../../../../src/ports.ts';
import { everything } from '../../../../src/search/everything.ts';
import { parseEverything } from '../../../../src/search/everything-parse.ts';
import { federate } from '../../../../src/search/federate.ts';
import { parseHistory } from '../../../../src/search/history-parse.ts';
import { parseSearch } from '../../../../src/search/parse.ts';
import { kindOf } from '../../../../src/security/compartment.ts';
import { enforcement } from '../../../../src/security/enforce.ts';
import { onlyPatient } from '../../../../src/security/narrow.ts';
import { allowancesFor, needsOf } from '../../../../src/security/permissions.ts';
import { parseScopes } from '../../../../src/security/scopes.ts';
import { callersSight, createSight } from '../../../../src/security/visible.ts';
import { createWithholding } from '../../../../src/security/withhold.ts';
import type { Access, Withholding } from '../../../../src/security-ports.ts';
import { context, everythingReversed, options, sealer, testClock, UTC } from '../../search/support.ts';
import type { Caller, Rules } from './model.ts';
import { BASE, TYPES } from './world.ts';

/** One request as a client sends it. */
export interface Asked {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Below the base, with its query. */
  readonly url: string;
  readonly body?: Resource;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Told {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** `X-Served-By`; of a batch nobody's. */
  readonly servedBy: string;
  /** Everything of the answer as text. */
  readonly text: string;
  readonly body: JsonObject | undefined;
}

export interface Stack {
  /** All of it, for a server of its own. */
  readonly backend: Backend;
  readonly parseSearch: ParseSearch;
  readonly promised: (type: string) => readonly Interaction[] | undefined;
  principalOf(caller: Caller): Principal;
  ask(caller: Caller, asked: Asked): Promise<Told>;
  batch(caller: Caller, asked: readonly Asked[]): Promise<Told>;
}

const CLIENT = 'app';
const INTERACTIONS: readonly Interaction[] = ['read', 'vread', 'history', 'search', 'create', 'update'];
const OF_PATIENT: readonly Interaction[] = [...INTERACTIONS, 'everything'];
const promised = (type: string): readonly Interaction[] | undefined =>
  type === 'Patient' ? OF_PATIENT : (TYPES as readonly string[]).includes(type) ? INTERACTIONS : undefined;

/** Labels R and V are for those who treat; some patients deny everybody but themselves. */
function withholdingOf({ labelled, denied }: Rules): Withholding {
  return createWithholding({
    labels: { purposes: { TREAT: 'V' }, clients: labelled ? {} : { [CLIENT]: 'V' }, codes: {} },
    consents: {
      decide: (patient, { fhirUser }) =>
        denied.includes(patient) && fhirUser !== `Patient/${patient}` ? 'deny' : 'permit',
      permitAll: () => denied.length === 0,
    },
  });
}

export interface StackOptions extends Pick<Rules, 'labelled'>, Partial<Pick<Rules, 'denied'>> {
  /** Whether the backend follows chains by itself. */
  readonly native: boolean;
  /** All callers have one key, as if nothing bound what belongs to one of them. */
  readonly shared: boolean;
}

/**
 * The way of a request as it is put together in src/compose/wiring.ts, and the http room's own reading and writing around it, without its sockets.
 */
export function stackOver(backend: Backend, { labelled, denied = [], native, shared }: StackOptions): Stack {
  const clock = testClock();
  const withholding = withholdingOf({ labelled, denied });
  const sight = createSight({ base: BASE, zone: UTC, clock, withholding });
  const layers: readonly Layer[] = [
    everything({
      rules: {
        types: TYPES,
        searches: () => true,
        parameter: (type, name) => everythingReversed.parameter(type, name),
      },
      pages: sealer(clock),
      clock,
      base: BASE,
      serves: (type) => promised(type) !== undefined,
      isShared: (type) => kindOf(type) === 'shared',
      patientOf: (access) => access && onlyPatient(allowancesFor(access, 'Patient', needsOf('everything'))),
      failClosed: new Set(),
    }),
    federate({
      pages: sealer(clock),
      base: BASE,
      serves: (type) => promised(type) !== undefined,
      failClosed: new Set(),
      followsChains: () => native,
      sight: callersSight(sight),
    }),
    enforcement({
      sight,
      base: BASE,
      pages: sealer(clock),
      defaultCount: 3,
      maxCounted: 200,
      knowsVersions: () => true,
    }),
  ];
  const whole = layers.reduceRight((next, layer) => layer(next), backend);
  const deps = {
    backend: whole,
    parseSearch: ((type, pairs, handling) =>
      parseSearch(type, pairs, options({ rules: everythingReversed, handling }))) satisfies ParseSearch,
    parseHistory: ((type, id, pairs) => parseHistory(type, id, pairs, 20)) satisfies ParseHistory,
    parseEverything: ((id, pairs, handling) =>
      parseEverything(id, pairs, { handling, maxCount: 20 })) satisfies ParseEverything,
  };
  const principals = new Map<Caller, Principal>();

  function principalOf(caller: Caller): Principal {
    const known = principals.get(caller);
    if (known) return known;
    const strict = (type: string, pairs: readonly (readonly [string, string])[]) =>
      parseSearch(type, pairs, options({ rules: everythingReversed }));
    const { grants, refused } = parseScopes(caller.scopes.join(' '), strict);
    if (refused.length > 0) throw new Error(`the fuzz asks for a scope that is none: ${refused[0]!.scope}`);
    const access: Access = {
      grants,
      ...(caller.patient === undefined ? {} : { patient: caller.patient }),
      ...(caller.fhirUser === undefined ? {} : { fhirUser: caller.fhirUser }),
      purposes: caller.purposes,
      mayBreakGlass: false,
      roles: caller.roles ?? [],
      client: CLIENT,
      issuer: 'https://issuer.example',
      subject: 'someone',
      tokenId: 't',
    };
    const made = { key: shared ? 'everyone' : JSON.stringify(caller), access };
    principals.set(caller, made);
    return made;
  }

  function scopeOf(caller: Caller): RequestScope {
    const { log } = context();
    const principal = principalOf(caller);
    const times = { clock, log, deadlineMs: 10_000 };
    return new RequestScope({ requestId: 'fuzz', traceparent: '', address: '', principal, ...times });
  }

  function callOf({ method, url, body, headers = {} }: Asked): Call {
    const { path, query } = splitTarget(`/${url}`);
    const address = parseAddress(path);
    if (!address) throw new Error(`the fuzz asks for no address: ${url}`);
    const asked = askedOf(method, address, promised);
    if (asked.kind !== 'interaction') throw new Error(`the fuzz asks for no interaction: ${url}`);
    const writes = asked.interaction === 'create' || asked.interaction === 'update';
    return {
      asked,
      parameters: takePresentation(decodePairs(query)).others,
      preferences: parsePrefer(headers['prefer']),
      conditions: { ifNoneMatch: parseIfNoneMatch(headers['if-none-match']), ifModifiedSince: undefined },
      ifMatch: writes ? parseIfMatch(headers['if-match']) : undefined,
      ifNoneExist: headers['if-none-exist'],
      ...(body ? { resource: body, body: Buffer.from(JSON.stringify(body)) } : {}),
    };
  }

  return {
    ...deps,
    promised,
    principalOf,
    async ask(caller, asked) {
      try {
        const call = callOf(asked);
        const performed = await perform(call, deps, scopeOf(caller));
        return await told(answerOf(performed, call, BASE, false));
      } catch (error) {
        return told(failed(error));
      }
    },
    async batch(caller, asked) {
      const entry = asked.map(({ method, url, body, headers = {} }): Json => {
        const condition = headers['if-none-exist'];
        return {
          ...(body ? { resource: body } : {}),
          request: { method, url, ...(condition === undefined ? {} : { ifNoneExist: condition }) },
        };
      });
      const scope = scopeOf(caller);
      const { status, resource } = await runBatch(
        { resourceType: 'Bundle', type: 'batch', entry },
        {
          promised,
          publicBase: BASE,
          preferences: parsePrefer(undefined),
          maxEntryBytes: 1 << 20,
          perform: (call) => perform(call, deps, scope),
        },
      );
      const text = JSON.stringify(resource);
      return { status, headers: {}, servedBy: '', text, body: resource };
    },
  };
}

function failed(error: unknown): Answer {
  const failure = toFicusError(error);
  if (failure.code === 'internal') throw failure.cause ?? failure;
  return answerOfError(failure, false);
}

async function told({ status, headers, body, servedBy }: Answer): Promise<Told> {
  const bytes =
    Buffer.isBuffer(body) || body === undefined ? (body ?? Buffer.alloc(0)) : await collected(body);
  const text = bytes.toString();
  const parsed = text === '' ? undefined : (parseJson(text) as JsonObject);
  return { status, headers, servedBy, text: `${JSON.stringify(headers)} ${servedBy}\n${text}`, body: parsed };
}

async function collected(body: Exclude<Answer['body'], Buffer | undefined>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await body.pipe(
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        chunks.push(chunk);
        done();
      },
    }),
  );
  return Buffer.concat(chunks);
}
