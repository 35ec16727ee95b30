import { isNode, LineCounter, parseDocument, type Document } from 'yaml';
import { checkContract } from './check.ts';
import { createContract, type Contract } from './contract.ts';
import { ContractError, type ContractProblem } from './problem.ts';
import { contractSchema } from './schema.ts';

/**
 * Reads a contract: the YAML, its schema, and what it promises against FHIR R4's definitions.
 *
 * @param file its name, for messages.
 * @throws ContractError with every problem, each with its path and line.
 */
export function loadContract(text: string, file = 'contract'): Contract {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      path: '',
      line: lines.linePos(error.pos[0]).line,
      message: error.message.split('\n')[0] ?? 'is not YAML',
    }));
    throw new ContractError(file, problems);
  }
  const parsed = contractSchema.safeParse(document.toJS({ maxAliasCount: 100 }));
  const problems: ContractProblem[] = parsed.success
    ? checkContract(parsed.data)
    : parsed.error.issues.flatMap((issue) => {
        if (issue.code === 'unrecognized_keys') {
          return issue.keys.map((key) => ({ path: [...issue.path, key].join('.'), message: 'is not known' }));
        }
        return [{ path: issue.path.join('.'), message: issue.message }];
      });
  if (parsed.success && problems.length === 0) return createContract(parsed.data);
  throw new ContractError(
    file,
    problems.map((problem) => ({ ...problem, ...lineOf(document, lines, problem.path) })),
  );
}

/** The line of the deepest part of the path that is in the file. */
function lineOf(document: Document, lines: LineCounter, path: string): { readonly line?: number } {
  for (let keys = path.split('.'); keys.length > 0; keys = keys.slice(0, -1)) {
    const node = document.getIn(keys, true);
    if (isNode(node) && node.range) return { line: lines.linePos(node.range[0]).line };
  }
  return {};
}
