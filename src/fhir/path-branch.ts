import type { Json, JsonObject, Resource } from './types.ts';
import { isA, typeDef } from './elements.ts';

/** Visits one value; what is found goes to `out`. */
type Visit<T> = (focus: Json, root: Resource, out: T[]) => void;

/** One statically typed way through the tree: a path over choices has one for each type. */
export interface Branch {
  readonly type: string;
  readonly build: <T>(next: Visit<T>) => Visit<T>;
}

export interface Scope {
  /** The expression as written, for messages. */
  readonly source: string;
  /** Type of `%resource`. */
  readonly rootType: string;
}

/** All values the branches find. */
export function collector(branches: readonly Branch[]): (focus: Json, root: Resource) => Json[] {
  const visits = branches.map(({ build }) => build<Json>((value, _root, out) => out.push(value)));
  const [only] = visits;
  if (only && visits.length === 1) {
    return (focus, root) => {
      const out: Json[] = [];
      only(focus, root, out);
      return out;
    };
  }
  return (focus, root) => {
    const out: Json[] = [];
    for (const visit of visits) visit(focus, root, out);
    return out;
  };
}

/** The value at an index of what the branch finds. */
export function nth(branch: Branch, index: number): Branch {
  const values = collector([branch]);
  return {
    type: branch.type,
    build: (next) => (focus, root, out) => {
      const value = values(focus, root)[index];
      if (value !== undefined) next(value, root, out);
    },
  };
}

/** The only branch; an index over several has no defined order. */
export function single(branches: readonly Branch[], scope: Scope): Branch {
  const [only] = branches;
  if (!only || branches.length > 1) throw unsupported('an index over a choice or union', scope);
  return only;
}

/** Follows one element name on every branch. */
export function members(branches: readonly Branch[], name: string, scope: Scope): Branch[] {
  return branches.flatMap((branch) => {
    const def = typeDef(branch.type);
    const element = def?.elements.get(name);
    if (!def || def.kind === 'primitive' || !element) {
      throw unsupported(`${branch.type} has no element ${name}`, scope);
    }
    return [...def.properties.values()]
      .filter((property) => property.element === element)
      .map((property) => ({
        type: property.type,
        build: <T>(next: Visit<T>) => branch.build(follow(property.name, next)),
      }));
  });
}

function follow<T>(name: string, next: Visit<T>): Visit<T> {
  return (focus, root, out) => {
    const value = (focus as JsonObject)[name];
    if (value === undefined || value === null) return;
    if (Array.isArray(value)) {
      for (const item of value) if (item !== null) next(item, root, out);
    } else {
      next(value, root, out);
    }
  };
}

/** A type name at the start of a path: `Patient.name` on a Patient is `name`, on anything else nothing. */
export function narrow(branches: readonly Branch[], type: string, scope: Scope): Branch[] {
  if (!typeDef(type)) throw unsupported(`no type ${type}`, scope);
  return branches.flatMap((branch) => cast(branch, type));
}

/** `ofType(T)` and `as T`: only the branches that can be of the type. */
export function ofType(branches: readonly Branch[], type: string, scope: Scope): Branch[] {
  // HL7 writes `DateTime` in one composite (Observation code-value-date).
  const name = typeDef(type) ? type : type[0]!.toLowerCase() + type.slice(1);
  if (!typeDef(name)) throw unsupported(`no type ${type}`, scope);
  return branches.flatMap((branch) => cast(branch, name));
}

/** Nothing when the branch can never be of the type; a check at run time where it may be (resources). */
function cast(branch: Branch, type: string): Branch[] {
  if (isA(branch.type, type)) return [branch];
  if (!isA(type, branch.type) || typeDef(type)?.kind !== 'resource') return [];
  const matches = (focus: Json): boolean => {
    const actual = (focus as JsonObject)['resourceType'];
    return typeof actual === 'string' && isA(actual, type);
  };
  return [
    {
      type,
      build: (next) =>
        branch.build((focus, root, out) => {
          if (matches(focus)) next(focus, root, out);
        }),
    },
  ];
}

/** The error for an expression that cannot be compiled. */
export function unsupported(what: string, scope: Scope): Error {
  return new Error(`FHIRPath subset: ${what}, in: ${scope.source}`);
}
