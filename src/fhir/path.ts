import type { Json, JsonObject, Resource } from './types.ts';
import { isA, typeDef } from './elements.ts';
import { parsePath, type PathNode } from './path-syntax.ts';
import { referenceTargetType } from './reference.ts';

/** A value that an expression found, with its FHIR type (`Quantity`, `dateTime`, `Observation.component`). */
export interface TypedValue {
  readonly type: string;
  readonly value: Json;
}

/**
 * An expression turned into a function. Calling it gives the values found, each choice type's in turn, in document
 * order within one; values of a union are not made distinct.
 */
export interface CompiledExpression {
  (resource: Resource): Json[];
  /** The same with each value's FHIR type. */
  readonly typed: (resource: Resource) => TypedValue[];
  /** For a relative expression (a composite's component): evaluated on `focus`, an element inside `resource`. */
  readonly at: (focus: Json, resource: Resource) => Json[];
  /** Every type a value can have. */
  readonly types: readonly string[];
}

/** Visits one value; what is found goes to `out`. */
type Visit<T> = (focus: Json, root: Resource, out: T[]) => void;

/** One statically typed way through the tree: a path over choices has one for each type. */
interface Branch {
  readonly type: string;
  readonly build: <T>(next: Visit<T>) => Visit<T>;
}

interface Scope {
  /** The expression as written, for messages. */
  readonly source: string;
  /** Type of `%resource`. */
  readonly rootType: string;
}

type Truth = boolean | undefined;
type Test = (focus: Json, root: Resource) => Truth;

const ANY_RESOURCE = 'Resource';

/**
 * Compiles an expression of the FHIRPath subset of R4's search parameters to closures: paths, choices, `ofType`, `as`,
 * `where`, `exists`, `empty`, `not`, `first`, `extension`, `resolve() is`, indexes, `=`, `!=`, `and`, `or`, `|`.
 *
 * @param context type of the value it is applied to, for a relative expression; default: any resource, named by the path.
 * @throws Error at compile time for what is outside of the subset and for elements the standard does not have.
 */
export function compileExpression(expression: string, context: string = ANY_RESOURCE): CompiledExpression {
  const start: Branch = { type: context, build: (next) => next };
  const scope: Scope = { source: expression, rootType: context.split('.')[0]! };
  const branches = compile(parsePath(expression), [start], scope);
  const types = [...new Set(branches.map((branch) => branch.type))];
  const at = collector(branches);
  const typedVisits = branches.map(({ type, build }) =>
    build<TypedValue>((value, _root, out) => out.push({ type, value })),
  );
  const typed = (resource: Resource): TypedValue[] => {
    const out: TypedValue[] = [];
    for (const visit of typedVisits) visit(resource, resource, out);
    return out;
  };
  const plain = (resource: Resource): Json[] => at(resource, resource);
  return Object.assign(plain, { typed, at, types });
}

function collector(branches: readonly Branch[]): (focus: Json, root: Resource) => Json[] {
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

/** The branches of a node; `focus` is what `$this` stands for. */
function compile(node: PathNode, focus: readonly Branch[], scope: Scope): readonly Branch[] {
  switch (node.kind) {
    case 'this':
      return focus;
    case 'resource':
      return [{ type: scope.rootType, build: (next) => (_focus, root, out) => next(root, root, out) }];
    case 'literal': {
      const { value } = node;
      return [{ type: typeof value, build: (next) => (_focus, root, out) => next(value, root, out) }];
    }
    case 'member':
      return node.of.kind === 'this' && /^[A-Z]/.test(node.name)
        ? narrow(focus, node.name, scope)
        : members(compile(node.of, focus, scope), node.name, scope);
    case 'index':
      return [nth(single(compile(node.of, focus, scope), scope), node.index)];
    case 'type':
      return node.operator === 'as'
        ? ofType(compile(node.of, focus, scope), node.type, scope)
        : [truth(test(node, focus, scope))];
    case 'call':
      return call(node, focus, scope);
    case 'binary':
      return node.operator === '|'
        ? [...compile(node.left, focus, scope), ...compile(node.right, focus, scope)]
        : [truth(test(node, focus, scope))];
  }
}

function call(node: PathNode & { kind: 'call' }, focus: readonly Branch[], scope: Scope): readonly Branch[] {
  const [argument] = node.args;
  switch (node.name) {
    case 'ofType':
    case 'as':
      return ofType(compile(node.of, focus, scope), typeArgument(node, scope), scope);
    case 'where': {
      if (!argument) throw unsupported('where() without criteria', scope);
      return compile(node.of, focus, scope).map((branch) => filtered(branch, argument, scope));
    }
    case 'first':
      return [nth(single(compile(node.of, focus, scope), scope), 0)];
    case 'extension': {
      if (argument?.kind !== 'literal') throw unsupported('extension() of no literal', scope);
      const url: PathNode = { kind: 'member', of: { kind: 'this' }, name: 'url' };
      const criteria: PathNode = { kind: 'binary', operator: '=', left: url, right: argument };
      const extensions = members(compile(node.of, focus, scope), 'extension', scope);
      return extensions.map((branch) => filtered(branch, criteria, scope));
    }
    case 'exists':
    case 'empty':
    case 'not':
      return [truth(test(node, focus, scope))];
    default:
      throw unsupported(`${node.name}()`, scope);
  }
}

/** A node as a condition with FHIRPath's three values: undefined is the empty collection. */
function test(node: PathNode, focus: readonly Branch[], scope: Scope): Test {
  if (node.kind === 'call' && (node.name === 'exists' || node.name === 'empty')) {
    if (node.args.length > 0) throw unsupported(`${node.name}() with criteria`, scope);
    const values = collector(compile(node.of, focus, scope));
    const whenAny = node.name === 'exists';
    return (it, root) => (values(it, root).length > 0 ? whenAny : !whenAny);
  }
  if (node.kind === 'call' && node.name === 'not') {
    const inner = test(node.of, focus, scope);
    return (it, root) => {
      const value = inner(it, root);
      return value === undefined ? undefined : !value;
    };
  }
  if (node.kind === 'type' && node.operator === 'is') return isTest(node, focus, scope);
  if (node.kind === 'binary' && (node.operator === 'and' || node.operator === 'or')) {
    const left = test(node.left, focus, scope);
    const right = test(node.right, focus, scope);
    const decisive = node.operator === 'or';
    return (it, root) => {
      const first = left(it, root);
      if (first === decisive) return decisive;
      const second = right(it, root);
      if (second === decisive) return decisive;
      return first === undefined || second === undefined ? undefined : !decisive;
    };
  }
  if (node.kind === 'binary' && (node.operator === '=' || node.operator === '!=')) {
    const left = collector(compile(node.left, focus, scope));
    const right = collector(compile(node.right, focus, scope));
    const whenEqual = node.operator === '=';
    return (it, root) => {
      const a = left(it, root);
      const b = right(it, root);
      if (a.length === 0 || b.length === 0) return undefined;
      return sameValues(a, b) ? whenEqual : !whenEqual;
    };
  }
  const values = collector(compile(node, focus, scope));
  return (it, root) => {
    const found = values(it, root);
    return found.length === 0 ? undefined : found[0] !== false;
  };
}

/** `x is T`; `resolve() is T` looks at the reference only, nothing is fetched. */
function isTest(node: PathNode & { kind: 'type' }, focus: readonly Branch[], scope: Scope): Test {
  const { of, type } = node;
  if (of.kind === 'call' && of.name === 'resolve') {
    const references = collector(compile(of.of, focus, scope));
    return (it, root) => {
      const [reference] = references(it, root);
      if (reference === undefined) return undefined;
      const target = referenceTargetType(reference, root);
      return target !== undefined && isA(target, type);
    };
  }
  const all = collector(compile(of, focus, scope));
  const matching = collector(ofType(compile(of, focus, scope), type, scope));
  return (it, root) => (all(it, root).length === 0 ? undefined : matching(it, root).length > 0);
}

function truth(condition: Test): Branch {
  return {
    type: 'boolean',
    build: (next) => (focus, root, out) => {
      const value = condition(focus, root);
      if (value !== undefined) next(value, root, out);
    },
  };
}

function filtered(branch: Branch, criteria: PathNode, scope: Scope): Branch {
  const keep = test(criteria, [{ type: branch.type, build: (next) => next }], scope);
  return {
    type: branch.type,
    build: (next) =>
      branch.build((focus, root, out) => {
        if (keep(focus, root) === true) next(focus, root, out);
      }),
  };
}

function nth(branch: Branch, index: number): Branch {
  const values = collector([branch]);
  return {
    type: branch.type,
    build: (next) => (focus, root, out) => {
      const value = values(focus, root)[index];
      if (value !== undefined) next(value, root, out);
    },
  };
}

function single(branches: readonly Branch[], scope: Scope): Branch {
  const [only] = branches;
  if (!only || branches.length > 1) throw unsupported('an index over a choice or union', scope);
  return only;
}

/** Follows one element name on every branch. */
function members(branches: readonly Branch[], name: string, scope: Scope): Branch[] {
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
function narrow(branches: readonly Branch[], type: string, scope: Scope): Branch[] {
  if (!typeDef(type)) throw unsupported(`no type ${type}`, scope);
  return branches.flatMap((branch) => cast(branch, type));
}

function ofType(branches: readonly Branch[], type: string, scope: Scope): Branch[] {
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

function typeArgument(node: PathNode & { kind: 'call' }, scope: Scope): string {
  const [argument] = node.args;
  if (argument?.kind !== 'member') throw unsupported(`${node.name}() without a type`, scope);
  return argument.name;
}

function sameValues(a: readonly Json[], b: readonly Json[]): boolean {
  return a.length === b.length && a.every((value, index) => sameValue(value, b[index]!));
}

function sameValue(a: Json, b: Json): boolean {
  return (
    a === b ||
    (typeof a === 'object' && typeof b === 'object' && a !== null && JSON.stringify(a) === JSON.stringify(b))
  );
}

function unsupported(what: string, scope: Scope): Error {
  return new Error(`FHIRPath subset: ${what}, in: ${scope.source}`);
}
