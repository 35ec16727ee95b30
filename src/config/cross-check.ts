import { z } from 'zod';
import { authorityProblems } from '../identity/authorities.ts';
import { copyConfig, subscriberConfig } from './feed-schema.ts';
import { authorityConfig, configSchema, keyConfig, passthroughConfig, routeConfig } from './schema.ts';
import { issuerConfig } from './security-schema.ts';

/** One thing wrong in a configuration file. */
export interface ConfigProblem {
  /** `backends.core.port`; empty for the file as a whole. */
  readonly path: string;
  readonly line?: number;
  readonly message: string;
}

type Say = (path: string, message: string) => void;

/**
 * What the schema cannot say: names that must exist, pairs that must agree. Whatever of the file fits its own part of
 * the schema is checked, so that a wrong port does not hide a route to nowhere.
 *
 * @param written the file as it stands
 */
export function crossCheck(written: unknown): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const say: Say = (path, message) => problems.push({ path, message });
  const identity = member(written, 'identity');
  checkRoutes(listOf(routeConfig, member(written, 'routes')), member(written, 'backends'), say);
  checkZones(written, say);
  checkProjections(member(written, 'backends'), say);
  checkFollowers(member(written, 'feed'), member(written, 'backends'), say);
  checkAdminAccess(member(member(written, 'admin'), 'access'), member(written, 'security'), say);
  checkIssuers(member(written, 'security'), say);
  const authorities = present(listOf(authorityConfig, member(identity, 'authorities')));
  const known = Array.isArray(member(identity, 'authorities')) && authorities.map((one) => one.name);
  if (known) checkDefaultAuthorities(member(member(written, 'feed'), 'interfaces'), known, say);
  for (const problem of authorityProblems(authorities)) say('identity.authorities', problem);
  for (const [path, keys] of [
    ['identity.keys', member(identity, 'keys')],
    ['pageKeys', member(written, 'pageKeys')],
  ] as const) {
    const ids = present(listOf(keyConfig, keys)).map((key) => key.id);
    for (const id of twice(ids)) say(path, `key "${id}" is there twice`);
  }
  for (const [index, one] of listOf(passthroughConfig, member(written, 'passthrough')).entries()) {
    if (one && (one.prefix === '/fhir' || one.prefix.startsWith('/fhir/')))
      say(`passthrough.${index}.prefix`, 'FHIR paths are routed, not passed through');
  }
  const search = configSchema.shape.search.safeParse(member(written, 'search')).data;
  if (search && search.defaultCount > search.maxCount) say('search.defaultCount', 'is more than maxCount');
  return problems;
}

function checkRoutes(
  routes: readonly (z.infer<typeof routeConfig> | undefined)[],
  backends: unknown,
  say: Say,
): void {
  const seen = new Set<string>();
  for (const [index, route] of routes.entries()) {
    if (!route) continue;
    const path = `routes.${index}`;
    if (seen.has(route.endpoint)) say(`${path}.endpoint`, `${route.endpoint} is routed twice`);
    seen.add(route.endpoint);
    for (const side of ['legacy', 'modern'] as const) {
      const name = route[side];
      if (name === undefined) {
        if (route.stage !== (side === 'legacy' ? 'modern' : 'legacy'))
          say(path, `stage ${route.stage} needs a ${side} backend`);
        continue;
      }
      const backend = member(backends, name);
      const kind = member(backend, 'kind');
      if (backend === undefined) say(`${path}.${side}`, `there is no backend "${name}"`);
      else if (typeof kind === 'string' && (kind === 'modern') !== (side === 'modern'))
        say(`${path}.${side}`, `backend "${name}" is of kind ${kind}`);
    }
  }
}

/** A projection falls back to a live core, not to another projection or a modern service. */
function checkProjections(backends: unknown, say: Say): void {
  for (const name of isObject(backends) ? Object.keys(backends) : []) {
    const live = member(member(member(backends, name), 'live'), 'backend');
    if (typeof live !== 'string') continue;
    const kind = member(member(backends, live), 'kind');
    if (kind !== undefined && typeof kind !== 'string') continue;
    const path = `backends.${name}.live.backend`;
    if (kind === undefined) say(path, `there is no backend "${live}"`);
    else if (kind !== 'hl7v2' && kind !== 'soap') say(path, `backend "${live}" is of kind ${kind}`);
  }
}

/** A copy goes to a modern service, and each follower is there once. */
function checkFollowers(feed: unknown, backends: unknown, say: Say): void {
  const copies = listOf(copyConfig, member(feed, 'copies'));
  for (const [index, copy] of copies.entries()) {
    if (!copy) continue;
    const kind = member(member(backends, copy.to), 'kind');
    const path = `feed.copies.${index}.to`;
    if (member(backends, copy.to) === undefined) say(path, `there is no backend "${copy.to}"`);
    else if (kind !== 'modern') say(path, `backend "${copy.to}" is of kind ${String(kind)}`);
  }
  for (const to of twice(present(copies).map((one) => one.to)))
    say('feed.copies', `"${to}" is filled twice: name all types in one place`);
  const subscribers = present(listOf(subscriberConfig, member(feed, 'subscribers')));
  for (const name of twice(subscribers.map((one) => one.name)))
    say('feed.subscribers', `"${name}" is named twice`);
}

/** A token that says nothing of its issuer would have to be shown to several. */
function checkIssuers(security: unknown, say: Say): void {
  const issuers = present(listOf(issuerConfig, member(security, 'issuers')));
  for (const issuer of twice(issuers.map((one) => one.issuer)))
    say('security.issuers', `"${issuer}" is named twice`);
  if (issuers.filter((one) => one.opaque).length > 1) say('security.issuers', 'more than one is opaque');
}

/** The admin API takes tokens of issuers that are configured. */
function checkAdminAccess(access: unknown, security: unknown, say: Say): void {
  if (!isObject(access)) return;
  const issuers = member(security, 'issuers');
  if (!Array.isArray(issuers)) {
    say('admin.access', 'takes tokens, and `security` names no issuer of any');
    return;
  }
  const known = new Set(issuers.map((one) => member(one, 'issuer')));
  const wanted = listOf(z.string(), member(access, 'issuers'));
  for (const [index, issuer] of wanted.entries())
    if (issuer !== undefined && !known.has(issuer))
      say(`admin.access.issuers.${index}`, `"${issuer}" is none of security.issuers`);
}

/** Numbers that name no authority are of one that is registered. */
function checkDefaultAuthorities(interfaces: unknown, known: readonly string[], say: Say): void {
  for (const name of isObject(interfaces) ? Object.keys(interfaces) : []) {
    const authority = member(member(interfaces, name), 'authority');
    if (typeof authority === 'string' && !known.includes(authority))
      say(
        `feed.interfaces.${name}.authority`,
        `"${authority}" is none of identity.authorities: ${known.join(', ')}`,
      );
  }
}

function checkZones(written: unknown, say: Say): void {
  const check = (path: string, zone: unknown): void => {
    if (typeof zone === 'string' && !isZone(zone)) say(path, `"${zone}" is not an IANA time zone`);
  };
  const backends = member(written, 'backends');
  for (const name of isObject(backends) ? Object.keys(backends) : [])
    check(`backends.${name}.timeZone`, member(member(backends, name), 'timeZone'));
  const interfaces = member(member(written, 'feed'), 'interfaces');
  for (const name of isObject(interfaces) ? Object.keys(interfaces) : [])
    check(`feed.interfaces.${name}.timeZone`, member(member(interfaces, name), 'timeZone'));
  check('timeZone', member(written, 'timeZone'));
}

/** The elements of a list in their places; undefined where one does not fit. */
function listOf<T>(schema: z.ZodType<T>, value: unknown): (T | undefined)[] {
  return Array.isArray(value) ? value.map((one: unknown) => schema.safeParse(one).data) : [];
}

function present<T>(list: readonly (T | undefined)[]): T[] {
  return list.filter((one) => one !== undefined);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function member(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function twice(values: readonly string[]): string[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }) instanceof Intl.DateTimeFormat;
  } catch {
    return false;
  }
}
