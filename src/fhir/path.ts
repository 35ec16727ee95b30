import type { Json, Resource } from './types.ts';
import { isA } from './elements.ts';
import { collector, members, narrow, nth, ofType, single, unsupported } from './path-branch.ts';
import type { Branch, Scope } from './path-branch.ts';
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

type Truth = boolean | undefined;
type Test = (focus: Json, root: Resource) => Truth;

const ANY_RESOURCE = 'Resource';

/**
 * Compiles an expression of the FHIRPath subset of R4's search parameters to closures: paths, choices, `ofType`, `as`,
 * `where`, `exists`, `empty`, `not`, `first`, `extension`, `resolve() is`, indexes, `=`, `!=`, `and`, `or`, `|`.
 *
 * @param context type of the value it is applied to, for a relative expression; default: any resource, named by the
 *   path.
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

/** The branches of a node; `focus` is what `$this` stands for. */
function compile(node: PathNode, focus: readonly Branch[], scope: Scope): readonly Branch[] {
  if (node.kind === 'binary') {
    return node.operator === '|'
      ? [...compile(node.left, focus, scope), ...compile(node.right, focus, scope)]
      : [truth(test(node, focus, scope))];
  }
  if (node.kind === 'call') return call(node, focus, scope);
  if (node.kind === 'this') return focus;
  if (node.kind === 'resource') {
    return [{ type: scope.rootType, build: (next) => (_focus, root, out) => next(root, root, out) }];
  }
  if (node.kind === 'literal') {
    const { value } = node;
    return [{ type: typeof value, build: (next) => (_focus, root, out) => next(value, root, out) }];
  }
  if (node.kind === 'type') {
    return node.operator === 'as'
      ? ofType(compile(node.of, focus, scope), node.type, scope)
      : [truth(test(node, focus, scope))];
  }
  if (node.kind === 'index') return [nth(single(compile(node.of, focus, scope), scope), node.index)];
  return node.of.kind === 'this' && /^[A-Z]/.test(node.name)
    ? narrow(focus, node.name, scope)
    : members(compile(node.of, focus, scope), node.name, scope);
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
