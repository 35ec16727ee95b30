/** Values by type and id. Of one text of both, a look would have to put it together, and to hash all of it. */
export class ByName<T> {
  private readonly byType = new Map<string, Map<string, T>>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(type: string, id: string): T | undefined {
    return this.byType.get(type)?.get(id);
  }

  set(type: string, id: string, value: T): void {
    let byId = this.byType.get(type);
    if (!byId) this.byType.set(type, (byId = new Map()));
    const before = byId.size;
    byId.set(id, value);
    this.count += byId.size - before;
  }

  delete(type: string, id: string): void {
    if (this.byType.get(type)?.delete(id)) this.count -= 1;
  }

  clear(): void {
    this.byType.clear();
    this.count = 0;
  }

  *[Symbol.iterator](): Generator<readonly [type: string, id: string, value: T]> {
    for (const [type, byId] of this.byType) for (const [id, value] of byId) yield [type, id, value];
  }
}

/** Values by type and id; of those that were asked for or set last, at least half of `most` and at most `most`. */
export class Recent<T extends object | number> {
  private readonly half: number;
  private young = new ByName<T>();
  private old = new ByName<T>();

  constructor(most: number) {
    this.half = most >> 1;
  }

  get(type: string, id: string): T | undefined {
    const known = this.young.get(type, id);
    if (known !== undefined) return known;
    const before = this.old.get(type, id);
    if (before !== undefined) this.set(type, id, before);
    return before;
  }

  set(type: string, id: string, value: T): void {
    if (this.young.size >= this.half) {
      this.old = this.young;
      this.young = new ByName();
    }
    this.young.set(type, id, value);
  }

  clear(): void {
    this.young = new ByName();
    this.old = new ByName();
  }
}
