import type { Issue } from '../errors.ts';
import { isJsonObject } from '../fhir/json.ts';
import type { Resource } from '../fhir/types.ts';
import { textOf } from '../fhir/written.ts';
import type { Clock, FhirResponse } from '../ports.ts';
import type { Inclusion } from './include.ts';

export interface PageLimits {
  /** Matches. */
  readonly count: number;
  /** Epoch milliseconds after which no further search begins. */
  readonly until: number;
  readonly maxSearches: number;
  /** Characters of JSON. */
  readonly maxSize: number;
}

/** One page of a record while it is put together. */
export class RecordPage {
  readonly #limits: PageLimits;
  readonly #since: number | undefined;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #found = new Map<string, Resource>();
  readonly #issues = new Map<string, Issue>();
  readonly #servedBy = new Set<string>();
  #included: readonly Resource[] = [];
  #age: number | undefined;
  #size = 0;
  #searches = 0;

  /** @param since FHIR instant: what is known not to have changed since then is left out */
  constructor(limits: PageLimits, since: string | undefined, clock: Pick<Clock, 'now'>) {
    this.#limits = limits;
    this.#since = since === undefined ? undefined : Date.parse(since);
    this.#clock = clock;
  }

  get matches(): readonly Resource[] {
    return [...this.#found.values()];
  }

  /** How many matches still have room; one at least. */
  room(): number {
    return Math.max(1, this.#limits.count - this.#found.size);
  }

  /** Whether no further search is to be made for it. Each page makes one at least, unless it is full without. */
  isFull(): boolean {
    const { count, until, maxSearches, maxSize } = this.#limits;
    if (this.#found.size >= count) return true;
    const searches = this.#searches;
    return searches > 0 && (searches >= maxSearches || this.#size >= maxSize || this.#clock.now() >= until);
  }

  /** A search is made for it, however that ends. */
  searching(): void {
    this.#searches += 1;
  }

  /** Says something once. */
  say(issue: Issue): void {
    this.#issues.set(`${issue.code} ${issue.diagnostics}`, issue);
  }

  /** Who answered, and how old that is. */
  served({ servedBy, headers }: FhirResponse): void {
    this.#servedBy.add(servedBy);
    const age = Number(headers['age'] ?? Number.NaN);
    if (Number.isFinite(age)) this.#age = Math.max(age, this.#age ?? 0);
  }

  add(resources: readonly Resource[]): void {
    for (const resource of resources) {
      if (this.#since !== undefined && !this.#isSince(resource, this.#since)) continue;
      this.#size += textOf(resource).length;
      this.#found.set(`${resource.resourceType}/${resource.id}`, resource);
    }
  }

  include({ included, issues }: Inclusion): void {
    this.#included = included;
    for (const { expression: _parameter, ...issue } of issues) this.say(issue);
  }

  /** @param next token of the page after it */
  answer(next: string | undefined): FhirResponse {
    const set = {
      matches: this.matches,
      included: this.#included,
      issues: [...this.#issues.values()],
      ...(next === undefined ? {} : { next }),
    };
    return {
      status: 200,
      headers: this.#age === undefined ? {} : { age: String(this.#age) },
      body: { kind: 'searchset', set },
      servedBy: [...this.#servedBy].toSorted().join(', '),
    };
  }

  #isSince({ resourceType, meta }: Resource, since: number): boolean {
    const text = isJsonObject(meta) ? meta['lastUpdated'] : undefined;
    const at = typeof text === 'string' ? Date.parse(text) : Number.NaN;
    if (!Number.isNaN(at)) return at >= since;
    this.say({
      severity: 'information',
      code: 'informational',
      diagnostics: `When ${resourceType} resources were last changed is not always known: those of which it is not are in this answer.`,
      expression: ['_since'],
    });
    return true;
  }
}
