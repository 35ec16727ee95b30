import { FicusError } from '../errors.ts';

/** An assigning authority (HL7 v2.5.1 §2.A.14.4): who numbers things. */
export interface Authority {
  /** Short name, part of every key (`HOSP|100234`) and of every sealed id: it never changes. */
  readonly name: string;
  /** HD-1 values that mean this authority; its name always does. */
  readonly namespaces: readonly string[];
  /** HD-2 when HD-3 is ISO. */
  readonly oid?: string;
  /** `Identifier.system` of its numbers. */
  readonly system: string;
}

/** What a message or a resource says about an authority; whatever is given must agree. */
interface AuthorityHint {
  readonly name?: string;
  /** HD-1. */
  readonly namespace?: string;
  /** HD-2, or the part of `urn:oid:` after the prefix. */
  readonly oid?: string;
  /** `Identifier.system`. */
  readonly system?: string;
}

export interface Authorities {
  readonly all: readonly Authority[];
  /** The one authority that everything in the hint names; undefined when a part of it is unknown or two disagree. */
  find(hint: AuthorityHint): Authority | undefined;
  /** As `find`. @throws FicusError `unmappable`: an authority is never guessed. */
  require(hint: AuthorityHint): Authority;
}

/** Legal in a key, and unmistakable in a sealed id. */
const NAME = /^[A-Za-z0-9]{1,12}$/;
const OID_URN = 'urn:oid:';

/** What names what. */
type Indexes = Readonly<Record<keyof AuthorityHint, ReadonlyMap<string, Authority>>>;

/** Indexes of authorities, and what is wrong with them: names that are malformed, anything that two of them claim. */
function indexed(entries: readonly Authority[]): { indexes: Indexes; problems: readonly string[] } {
  const indexes: Record<keyof AuthorityHint, Map<string, Authority>> = {
    name: new Map(),
    namespace: new Map(),
    oid: new Map(),
    system: new Map(),
  };
  const problems: string[] = [];
  const put = (index: keyof AuthorityHint, value: string, authority: Authority) => {
    const other = indexes[index].get(value);
    if (other && other !== authority)
      problems.push(`${index} "${value}" belongs to ${other.name} and ${authority.name}`);
    else indexes[index].set(value, authority);
  };
  for (const authority of entries) {
    if (!NAME.test(authority.name))
      problems.push(`name "${authority.name}" is not 1 to 12 letters and digits`);
    if (indexes.name.has(authority.name)) problems.push(`name "${authority.name}" is there twice`);
    put('name', authority.name, authority);
    for (const namespace of [authority.name, ...authority.namespaces]) put('namespace', namespace, authority);
    put('system', authority.system, authority);
    if (authority.oid !== undefined) {
      put('oid', authority.oid, authority);
      put('system', OID_URN + authority.oid, authority);
    }
    if (authority.system.startsWith(OID_URN)) put('oid', authority.system.slice(OID_URN.length), authority);
  }
  return { indexes, problems };
}

/** Everything that is wrong with a list of assigning authorities, in words. */
export function authorityProblems(entries: readonly Authority[]): readonly string[] {
  return indexed(entries).problems;
}

/**
 * The registry of assigning authorities.
 *
 * @throws FicusError `invalid` with every problem: names that are malformed, anything that two authorities claim.
 */
export function createAuthorities(entries: readonly Authority[]): Authorities {
  const { indexes, problems } = indexed(entries);
  if (problems.length > 0) {
    throw new FicusError('invalid', `Assigning authorities: ${problems.join('; ')}`, {
      issues: problems.map((diagnostics) => ({ severity: 'error', code: 'invalid', diagnostics })),
    });
  }

  function find(hint: AuthorityHint): Authority | undefined {
    let found: Authority | undefined;
    for (const index of ['name', 'namespace', 'oid', 'system'] as const) {
      const value = hint[index];
      if (value === undefined) continue;
      const authority = indexes[index].get(value);
      if (!authority || (found && found !== authority)) return undefined;
      found = authority;
    }
    return found;
  }

  return {
    all: entries,
    find,
    require(hint) {
      const authority = find(hint);
      if (authority) return authority;
      const said = Object.keys(hint).join(' and ');
      throw new FicusError(
        'unmappable',
        `The assigning authority is not registered (given by ${said || 'nothing'}).`,
      );
    },
  };
}
