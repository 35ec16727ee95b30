import { FicusError } from '../errors.ts';

/** What `Prefer` asks for (RFC 7240; FHIR R4 http.html#ops, search.html#errors). Values we do not know are left out. */
export interface Preferences {
  readonly handling: 'strict' | 'lenient';
  /** `handling=lenient` was said, not only assumed. */
  readonly lossy?: boolean;
  readonly returning?: 'minimal' | 'representation' | 'OperationOutcome';
}

const RETURNS = {
  minimal: 'minimal',
  representation: 'representation',
  operationoutcome: 'OperationOutcome',
} as const;
const LENIENT: Preferences = { handling: 'lenient' };

/** A header that may have come several times, as one list (RFC 9110 §5.3). */
export function headerText(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}

export function parsePrefer(header: string | undefined): Preferences {
  if (header === undefined) return LENIENT;
  const preferences = new Map<string, string>();
  for (const part of header.split(/[,;]/)) {
    const mark = part.indexOf('=');
    const name = (mark === -1 ? part : part.slice(0, mark)).trim().toLowerCase();
    const value =
      mark === -1
        ? ''
        : part
            .slice(mark + 1)
            .trim()
            .replace(/^"(.*)"$/, '$1');
    // RFC 7240 §2: the first one counts.
    if (!preferences.has(name)) preferences.set(name, value.toLowerCase());
  }
  const returning = preferences.get('return');
  const known =
    returning !== undefined && Object.hasOwn(RETURNS, returning)
      ? RETURNS[returning as keyof typeof RETURNS]
      : undefined;
  return {
    handling: preferences.get('handling') === 'strict' ? 'strict' : 'lenient',
    ...(preferences.get('handling') === 'lenient' ? { lossy: true } : {}),
    ...(known ? { returning: known } : {}),
  };
}

const ANY = '*';
const ONE_TAG = /^(?:W\/)?"([^"]*)"$/;

/** The one version of an `If-Match` (FHIR R4 http.html#concurrency). Throws `parameter-invalid`. */
export function parseIfMatch(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const version = ONE_TAG.exec(header.trim())?.[1];
  if (version !== undefined && version !== '' && version !== ANY) return version;
  throw new FicusError('parameter-invalid', 'If-Match takes one version: W/"…"', {
    expression: ['If-Match'],
  });
}

/** A member of a list of tags, which may be empty (RFC 9110 §5.6.1), and the comma behind it. */
const TAG_OF_LIST = /\s*(?:(?:W\/)?"([^"]*)"\s*)?(,|$)/y;

/** The versions of an `If-None-Match`; `*` stands for any. Throws `parameter-invalid`. */
export function parseIfNoneMatch(header: string | undefined): readonly string[] {
  if (header === undefined) return [];
  if (header.trim() === ANY) return [ANY];
  const tags: string[] = [];
  TAG_OF_LIST.lastIndex = 0;
  for (let comma: string | undefined = ','; comma === ',';) {
    const [, tag, behind] = TAG_OF_LIST.exec(header) ?? [];
    comma = behind;
    // In quotes it is a version that nothing has.
    if (comma === undefined || tag === ANY) throw noVersions();
    if (tag !== undefined) tags.push(tag);
  }
  if (tags.length === 0) throw noVersions();
  return tags;
}

function noVersions(): FicusError {
  return new FicusError('parameter-invalid', 'If-None-Match takes versions: W/"…"', {
    expression: ['If-None-Match'],
  });
}

/** What a read is conditional on. */
export interface ReadConditions {
  readonly ifNoneMatch: readonly string[];
  readonly ifModifiedSince: string | undefined;
}

export function isConditional({ ifNoneMatch, ifModifiedSince }: ReadConditions): boolean {
  return ifNoneMatch.length > 0 || ifModifiedSince !== undefined;
}

/**
 * Whether what the client holds is still current: 304 (RFC 9110 §13.2.2: If-None-Match wins over If-Modified-Since).
 *
 * @param etag and `lastModified`: headers of the answer
 */
export function isUnchanged(
  conditions: ReadConditions,
  etag: string | undefined,
  lastModified: string | undefined,
): boolean {
  if (conditions.ifNoneMatch.length > 0) {
    const version = etag === undefined ? undefined : ONE_TAG.exec(etag)?.[1];
    return conditions.ifNoneMatch.some((tag) => tag === ANY || tag === version);
  }
  if (conditions.ifModifiedSince === undefined || lastModified === undefined) return false;
  const since = Date.parse(conditions.ifModifiedSince);
  const modified = Date.parse(lastModified);
  return Number.isFinite(since) && Number.isFinite(modified) && modified <= since;
}

/** What stands before a `?` that is no part of a value. */
const BEFORE_QUERY = /^([^=&?]*)\?/;

/**
 * The criteria of an `If-None-Exist`: what would follow the `?` of a search (FHIR R4 http.html#ccreate), which may stand
 * before them. Throws `parameter-invalid` where a type or an address does.
 */
export function criteriaOf(header: string): string {
  const [mark, before] = BEFORE_QUERY.exec(header.trim()) ?? [''];
  if (!before) return header.trim().slice(mark.length);
  const words =
    'If-None-Exist takes search parameters alone, without a type or an address before them: identifier=system|value';
  throw new FicusError('parameter-invalid', words, { expression: ['If-None-Exist'] });
}

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** `Idempotency-Key` of a write: 1 to 255 visible ASCII characters. Throws `parameter-invalid`. */
export function parseIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === 'string' && IDEMPOTENCY_KEY.test(header)) return header;
  throw new FicusError('parameter-invalid', 'Idempotency-Key takes 1 to 255 visible ASCII characters', {
    expression: ['Idempotency-Key'],
  });
}
