import { descend, parseTreePath, pathKey, type PathSyntax } from './tree-path.ts';
import { valued, type TreeReader } from './tree.ts';
import type { Run } from './run.ts';

/** A compiled `when` or `unless`: asks the legacy tree, so that it reads the same in both directions. */
export interface Condition {
  readonly holds: (root: TreeReader, run: Run) => boolean;
  /** Keys of the tree paths it asks for. */
  readonly needs: readonly string[];
}

type Test = Condition['holds'];

/** HL7 v2.5.1 §2.7.2. */
const DELETED = '""';

const TOKEN = /\s*(?:'((?:[^'\\]|\\.)*)'|(!=|[()=,[\]])|([^\s()=,'![\]]+))/y;

interface Token {
  readonly kind: 'text' | 'symbol' | 'word';
  readonly text: string;
}

/**
 * Compiles a condition on the legacy side:
 *
 *     PID-29                              says something
 *     OBX-5[2]                            a second repetition says something
 *     XTN.3 = 'Internet'                  equals
 *     PRB-9 = '""'                        is told to be deleted
 *     XTN.3 in ('Internet', 'X.400')      is one of
 *     PID-24 != N                         says something else, or nothing
 *     not (PID-29 or PID-30 = Y)          not, and, or, parentheses
 *     $event = A28                        a fact of the exchange
 *
 * @throws Error saying what is wrong.
 */
export function compileCondition(text: string, syntax: PathSyntax, root: string | undefined): Condition {
  const tokens = tokenize(text);
  const needs: string[] = [];
  let at = 0;
  const peek = (word: string): boolean => tokens[at]?.text === word && tokens[at]?.kind !== 'text';
  const accept = (word: string): boolean => {
    if (!peek(word)) return false;
    at += 1;
    return true;
  };
  const expect = (word: string): void => {
    if (!accept(word)) throw new Error(`expected ${word} in condition: ${text}`);
  };
  const literal = (): string => {
    const token = tokens[at++];
    if (!token || token.kind === 'symbol') throw new Error(`expected a value in condition: ${text}`);
    return token.text;
  };

  /** A value that a field can say: that it is deleted is asked by `=` alone. */
  const said = (): string => {
    const value = literal();
    if (value === DELETED) throw new Error(`${DELETED} is compared by = alone: ${text}`);
    return value;
  };

  const either = (): Test => {
    let left = both();
    while (accept('or')) {
      const [first, second] = [left, both()];
      left = (place, run) => first(place, run) || second(place, run);
    }
    return left;
  };
  const both = (): Test => {
    let left = single();
    while (accept('and')) {
      const [first, second] = [left, single()];
      left = (place, run) => first(place, run) && second(place, run);
    }
    return left;
  };
  const single = (): Test => {
    if (accept('not')) {
      const inner = single();
      return (place, run) => !inner(place, run);
    }
    if (accept('(')) {
      const inner = either();
      expect(')');
      return inner;
    }
    return comparison();
  };
  const comparison = (): Test => {
    const token = tokens[at++];
    if (token?.kind !== 'word') throw new Error(`expected a path in condition: ${text}`);
    const count = repetition();
    const says = operand(token.text, count);
    if (accept('=')) {
      const value = literal();
      if (value === DELETED) return deleted(token.text, count);
      return (place, run) => says(place, run) === value;
    }
    if (accept('!=')) {
      const value = said();
      return (place, run) => says(place, run) !== value;
    }
    if (accept('in')) {
      const values = list();
      return (place, run) => values.has(says(place, run) ?? '');
    }
    return (place, run) => says(place, run) !== undefined;
  };
  /** `[2]`: which repetition of the last step, from 1; the first when nothing is said. */
  const repetition = (): number => {
    if (!accept('[')) return 1;
    const count = Number(literal());
    expect(']');
    if (!Number.isInteger(count) || count < 1) throw new Error(`repetitions count from 1: ${text}`);
    return count;
  };
  const operand = (path: string, count: number): ((place: TreeReader, run: Run) => string | undefined) => {
    if (path.startsWith('$')) {
      const name = path.slice(1);
      return (_place, run) => {
        run.asked.facts += 1;
        return run.facts?.[name];
      };
    }
    const steps = parseTreePath(path, syntax, root);
    needs.push(pathKey(steps));
    const last = steps.at(-1);
    if (count === 1 || last === undefined) return (place) => firstText(descend(place, steps));
    const above = steps.slice(0, -1);
    return (place) => firstText(descend(place, above).child(last, count - 1));
  };
  const deleted = (path: string, count: number): Test => {
    if (path.startsWith('$') || count > 1) throw new Error(`only a whole field is deleted: ${text}`);
    const steps = parseTreePath(path, syntax, root);
    return (place) => descend(place, steps).text() === null;
  };
  const list = (): ReadonlySet<string> => {
    const close = accept('[') ? ']' : ')';
    if (close === ')') expect('(');
    const values = new Set<string>();
    do values.add(said());
    while (accept(','));
    expect(close);
    return values;
  };

  const holds = either();
  if (at < tokens.length) throw new Error(`unexpected ${tokens[at]!.text} in condition: ${text}`);
  return { holds, needs };
}

/** The text of a place; of a structure that has none of its own, whether it is filled at all. */
function firstText(place: TreeReader): string | undefined {
  const text = place.text();
  if (valued(text)) return text;
  return place.filled() && text !== null ? '' : undefined;
}

/** The opposite condition, for `unless`. */
export function negate(condition: Condition): Condition {
  return { needs: condition.needs, holds: (root, run) => !condition.holds(root, run) };
}

/** Both conditions, for a row that has `when` and `unless`. */
export function conjoin(first: Condition | undefined, second: Condition | undefined): Condition | undefined {
  if (!first || !second) return first ?? second;
  return {
    needs: [...first.needs, ...second.needs],
    holds: (root, run) => first.holds(root, run) && second.holds(root, run),
  };
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new Error(`cannot read condition from ${text.slice(from, from + 10)}: ${text}`);
    const [, quoted, symbol, word] = match;
    if (quoted !== undefined) tokens.push({ kind: 'text', text: quoted.replaceAll(/\\(.)/g, '$1') });
    else if (symbol !== undefined) tokens.push({ kind: 'symbol', text: symbol });
    else tokens.push({ kind: 'word', text: word! });
  }
  if (tokens.length === 0) throw new Error('an empty condition');
  return tokens;
}
