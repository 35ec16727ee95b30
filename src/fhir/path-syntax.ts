/** A parsed expression of the FHIRPath subset that FHIR R4 search parameters are written in (FHIRPath N1). */
export type PathNode =
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  /** The focus (`$this`, or the implied start of a path). */
  | { readonly kind: 'this' }
  /** `%resource`. */
  | { readonly kind: 'resource' }
  /** A name: an element, or at the start of a path possibly a type. */
  | { readonly kind: 'member'; readonly of: PathNode; readonly name: string }
  | { readonly kind: 'index'; readonly of: PathNode; readonly index: number }
  | {
      readonly kind: 'call';
      readonly of: PathNode;
      readonly name: string;
      readonly args: readonly PathNode[];
    }
  | { readonly kind: 'type'; readonly operator: 'is' | 'as'; readonly of: PathNode; readonly type: string }
  | {
      readonly kind: 'binary';
      readonly operator: '|' | '=' | '!=' | 'and' | 'or';
      readonly left: PathNode;
      readonly right: PathNode;
    };

const TOKEN =
  /\s*(?:('(?:[^'\\]|\\.)*')|(\d+(?:\.\d+)?)|([A-Za-z_][A-Za-z0-9_]*)|(\$this|%resource|!=|[.()[\]|=,]))/y;

type Token = { readonly kind: 'string' | 'number' | 'name' | 'symbol'; readonly text: string };

/**
 * Parses an expression.
 * @throws Error naming what is outside of the subset, and where.
 */
export function parsePath(expression: string): PathNode {
  const tokens = tokenize(expression);
  let at = 0;

  const fail = (what: string): never => {
    throw new Error(`FHIRPath subset: ${what} at token ${at + 1} of: ${expression}`);
  };
  const peek = (text: string): boolean => tokens[at]?.text === text && tokens[at]?.kind !== 'string';
  const accept = (text: string): boolean => {
    if (!peek(text)) return false;
    at += 1;
    return true;
  };
  const expect = (text: string): void => {
    if (!accept(text)) fail(`expected ${text}`);
  };
  const name = (): string => {
    const token = tokens[at];
    if (token?.kind !== 'name') return fail('expected a name');
    at += 1;
    return token.text;
  };

  /** Left-associative operators of one precedence. */
  const binary = (
    next: () => PathNode,
    ...operators: ('|' | '=' | '!=' | 'and' | 'or')[]
  ): (() => PathNode) => {
    return () => {
      let left = next();
      for (;;) {
        const operator = operators.find(accept);
        if (!operator) return left;
        left = { kind: 'binary', operator, left, right: next() };
      }
    };
  };

  const typeName = (): string => {
    const first = name();
    return (first === 'FHIR' || first === 'System') && accept('.') ? name() : first;
  };

  const primary = (): PathNode => {
    const token = tokens[at];
    if (!token) return fail('unexpected end');
    if (token.kind === 'name' && token.text !== 'true' && token.text !== 'false') {
      return invocation({ kind: 'this' });
    }
    at += 1;
    if (token.kind === 'string') return { kind: 'literal', value: unquote(token.text) };
    if (token.kind === 'number') return { kind: 'literal', value: Number(token.text) };
    if (token.kind === 'name') return { kind: 'literal', value: token.text === 'true' };
    if (token.text === '$this') return { kind: 'this' };
    if (token.text === '%resource') return { kind: 'resource' };
    if (token.text !== '(') return fail(`unexpected ${token.text}`);
    const inner = expressionOf();
    expect(')');
    return inner;
  };

  const invocation = (of: PathNode): PathNode => {
    const member = name();
    if (!accept('(')) return { kind: 'member', of, name: member };
    const args: PathNode[] = [];
    while (!accept(')')) {
      if (args.length > 0) expect(',');
      args.push(expressionOf());
    }
    return { kind: 'call', of, name: member, args };
  };

  const postfix = (): PathNode => {
    let node = primary();
    for (;;) {
      if (accept('.')) node = invocation(node);
      else if (accept('[')) {
        const index = tokens[at];
        if (index?.kind !== 'number') return fail('expected an index');
        at += 1;
        expect(']');
        node = { kind: 'index', of: node, index: Number(index.text) };
      } else return node;
    }
  };

  const typed = (): PathNode => {
    let node = postfix();
    for (;;) {
      const operator = accept('is') ? 'is' : accept('as') ? 'as' : undefined;
      if (!operator) return node;
      node = { kind: 'type', operator, of: node, type: typeName() };
    }
  };

  const expressionOf = binary(binary(binary(binary(typed, '|'), '=', '!='), 'and'), 'or');
  const node = expressionOf();
  return at === tokens.length ? node : fail(`unexpected ${tokens[at]?.text ?? ''}`);
}

function tokenize(expression: string): Token[] {
  const tokens: Token[] = [];
  const text = expression.trimEnd();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new Error(`FHIRPath subset: unknown character at ${start + 1} of: ${expression}`);
    const [, string, number, name, symbol] = match;
    if (string !== undefined) tokens.push({ kind: 'string', text: string });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (name !== undefined) tokens.push({ kind: 'name', text: name });
    else tokens.push({ kind: 'symbol', text: symbol! });
  }
  return tokens;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f' };

function unquote(text: string): string {
  return text
    .slice(1, -1)
    .replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, hex: string | undefined, char: string) =>
      hex === undefined ? (ESCAPES[char] ?? char) : String.fromCharCode(Number.parseInt(hex, 16)),
    );
}
