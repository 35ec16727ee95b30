import type { Adapter, AdapterPayload } from 'oidc-provider';

interface Kept {
  readonly payload: AdapterPayload;
  /** Epoch milliseconds; undefined: for good. */
  readonly until: number | undefined;
}

/**
 * What the authorization server remembers, by model and id: gone with the process. One for all models, so that a grant
 * finds its tokens.
 */
export class Memory {
  readonly #models = new Map<string, Map<string, Kept>>();

  #model(name: string): Map<string, Kept> {
    const found = this.#models.get(name) ?? new Map<string, Kept>();
    this.#models.set(name, found);
    return found;
  }

  find(model: string, id: string): AdapterPayload | undefined {
    const kept = this.#model(model).get(id);
    if (!kept || (kept.until !== undefined && kept.until <= Date.now())) return undefined;
    return kept.payload;
  }

  list(model: string): readonly AdapterPayload[] {
    const found = [...this.#model(model).keys()].map((id) => this.find(model, id));
    return found.filter((payload) => payload !== undefined);
  }

  keep(model: string, id: string, payload: AdapterPayload, seconds?: number): void {
    const kept = this.#model(model);
    const now = Date.now();
    for (const [old, { until }] of kept) if (until !== undefined && until <= now) kept.delete(old);
    kept.set(id, { payload, until: seconds ? now + seconds * 1_000 : undefined });
  }

  /** Forgets those that a test says yes to. */
  forget(model: string, which: (payload: AdapterPayload, id: string) => boolean): void {
    const kept = this.#model(model);
    for (const [id, { payload }] of kept) if (which(payload, id)) kept.delete(id);
  }

  /** The view that oidc-provider takes of one model. */
  adapter(model: string): Adapter {
    const first = (which: (payload: AdapterPayload) => boolean) =>
      Promise.resolve(this.list(model).find(which));
    return {
      find: (id) => Promise.resolve(this.find(model, id)),
      findByUid: (uid) => first((payload) => payload.uid === uid),
      findByUserCode: (code) => first((payload) => payload.userCode === code),
      upsert: (id, payload, seconds) => Promise.resolve(this.keep(model, id, payload, seconds)),
      consume: (id) => {
        const payload = this.find(model, id);
        if (payload) payload.consumed = Math.floor(Date.now() / 1_000);
        return Promise.resolve();
      },
      // An access token is kept by its hash, and named by its `jti` once it is found.
      destroy: (id) => Promise.resolve(this.forget(model, ({ jti }, key) => key === id || jti === id)),
      revokeByGrantId: (grantId) =>
        Promise.resolve(this.forget(model, (payload) => payload.grantId === grantId)),
    };
  }
}
