/**
 * What a filter asks, in SQL. A condition is a tree; its leaves name rows of one table of the index, whose `rid` is a
 * resource that meets them. Every word of it is made here: what a client said is a parameter.
 */
export type Condition =
  | Rows
  | { readonly kind: 'or'; readonly any: readonly Condition[] }
  | { readonly kind: 'not'; readonly of: Condition }
  /** Resources that refer, by one of the rows, to a resource that meets the inner condition; or the other way round. */
  | { readonly kind: 'refers'; readonly param: number; readonly to: Condition }
  | { readonly kind: 'referred'; readonly param: number; readonly by: Condition; readonly type: number };

export interface Rows {
  readonly kind: 'rows';
  readonly table: string;
  /** Which rows, without the rid. */
  readonly where: string;
  readonly values: readonly Bound[];
  /** The rows of one resource are found at once, given its rid. */
  readonly direct: boolean;
  /** At most one row of a resource. */
  readonly unique: boolean;
  /** How many resources are to be expected, as a rank: 0 is one, 9 is all of a type. */
  readonly rank: number;
}

export type Bound = string | number;

/** SQL with its parameters in order. */
export interface Sql {
  readonly text: string;
  readonly values: readonly Bound[];
}

export const NOTHING: Rows = {
  kind: 'rows',
  table: 'resource',
  where: '0',
  values: [],
  direct: true,
  unique: true,
  rank: 0,
};

/** Every resource of a type that is known. */
export function allOf(type: number): Rows {
  return {
    kind: 'rows',
    table: 'resource',
    where: 'type = ? AND version > 0',
    values: [type],
    direct: true,
    unique: true,
    rank: 9,
  };
}

export function anyOf(conditions: readonly Condition[]): Condition {
  const [only] = conditions;
  if (only === undefined) return NOTHING;
  return conditions.length === 1 ? only : { kind: 'or', any: conditions };
}

/**
 * How many resources are to be expected of a condition; 10: it cannot be asked for its resources, only whether one
 * meets it.
 */
export function rankOf(condition: Condition): number {
  if (condition.kind === 'rows') return condition.rank;
  if (condition.kind === 'or') return Math.max(...condition.any.map(rankOf));
  if (condition.kind === 'refers') return Math.min(8, rankOf(condition.to) + 2);
  if (condition.kind === 'referred') return Math.min(8, rankOf(condition.by) + 1);
  return 10;
}

/** Whether `ridsOf` gives each resource once. */
export function isDistinct(condition: Condition): boolean {
  if (condition.kind === 'rows') return condition.unique;
  return condition.kind === 'or' ? condition.any.length > 1 : condition.kind === 'referred';
}

/** `SELECT rid …` of all resources that meet a condition; not for `not`. */
export function ridsOf(condition: Condition): Sql {
  if (condition.kind === 'rows') {
    const { table, where, values } = condition;
    return { text: `SELECT rid FROM ${table} WHERE ${where}`, values };
  }
  if (condition.kind === 'or') return joined(condition.any.map(ridsOf), ' UNION ');
  if (condition.kind === 'refers') {
    const to = ridsOf(condition.to);
    return {
      text: `SELECT rid FROM reference_value WHERE param = ? AND target IN (${to.text})`,
      values: [condition.param, ...to.values],
    };
  }
  if (condition.kind === 'referred') {
    const by = ridsOf(condition.by);
    const targets = `SELECT DISTINCT target FROM reference_value WHERE param = ? AND rid IN (${by.text})`;
    return {
      text: `SELECT r.rid FROM (${targets}) t CROSS JOIN resource r ON r.rid = t.target WHERE r.type = ? AND r.version > 0`,
      values: [condition.param, ...by.values, condition.type],
    };
  }
  throw new Error('The resources that do not meet a condition are not listed.');
}

/** Whether the resource whose rid is `rid` (SQL) meets a condition. */
export function testOf(condition: Condition, rid: string, depth = 0): Sql {
  if (condition.kind === 'rows') {
    const { table, where, values, direct } = condition;
    const text = direct
      ? `EXISTS (SELECT 1 FROM ${table} WHERE ${where} AND rid = ${rid})`
      : `${rid} IN (SELECT rid FROM ${table} WHERE ${where})`;
    return { text, values };
  }
  if (condition.kind === 'or') {
    const any = joined(
      condition.any.map((it) => testOf(it, rid, depth)),
      ' OR ',
    );
    return { text: `(${any.text})`, values: any.values };
  }
  if (condition.kind === 'not') {
    const of = testOf(condition.of, rid, depth);
    return { text: `NOT ${of.text}`, values: of.values };
  }
  if (condition.kind === 'refers') {
    const { text, values } = ridsOf(condition);
    return { text: `${rid} IN (${text})`, values };
  }
  const alias = `f${depth}`;
  const by = testOf(condition.by, `${alias}.rid`, depth + 1);
  const text = `EXISTS (SELECT 1 FROM reference_value ${alias} WHERE ${alias}.param = ? AND ${alias}.target = ${rid} AND ${by.text})`;
  return { text, values: [condition.param, ...by.values] };
}

export function joined(parts: readonly Sql[], separator: string): Sql {
  return {
    text: parts.map(({ text }) => text).join(separator),
    values: parts.flatMap(({ values }) => values),
  };
}
