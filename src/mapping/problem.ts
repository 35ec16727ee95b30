/** One thing that is wrong with a mapping file. */
export interface MappingProblem {
  readonly file: string;
  /** 1-based; 0 when the whole file is meant. */
  readonly line: number;
  /** Where in the file: `rows[3].fhir`. */
  readonly path: string;
  readonly message: string;
}

/** `mappings/x.yaml:12 rows[3].fhir: Patient has no element nmae`. */
export function describeProblem(problem: MappingProblem): string {
  const where = problem.path === '' ? '' : ` ${problem.path}`;
  return `${problem.file}:${problem.line}${where}: ${problem.message}`;
}

/** Every problem of a set of mapping files at once. */
export class MappingProblems extends Error {
  readonly problems: readonly MappingProblem[];

  constructor(problems: readonly MappingProblem[]) {
    super(problems.map(describeProblem).join('\n'));
    this.name = 'MappingProblems';
    this.problems = problems;
  }
}
