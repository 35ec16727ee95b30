/** One thing wrong in a contract file. */
export interface ContractProblem {
  /** `resources.Patient.search.famly`; empty for the file as a whole. */
  readonly path: string;
  /** 1-based, where it is known. */
  readonly line?: number;
  readonly message: string;
}

/** Thrown with every problem of a contract at once. */
export class ContractError extends Error {
  readonly problems: readonly ContractProblem[];

  constructor(file: string, problems: readonly ContractProblem[]) {
    const lines = problems.map(({ path, line, message }) => {
      const place = line === undefined ? file : `${file}:${line}`;
      return `  ${place}  ${path === '' ? '' : `${path}: `}${message}`;
    });
    const count = `${problems.length} problem${problems.length === 1 ? '' : 's'}`;
    super(`The contract has ${count}:\n${lines.join('\n')}`);
    this.name = 'ContractError';
    this.problems = problems;
  }
}
