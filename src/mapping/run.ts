import type { Memo } from './memo.ts';

/**
 * An assigning authority as the configuration registers it: the legacy names of one numbering system, and its FHIR
 * name.
 */
export interface Authority {
  /** Short name, part of keys: `HOSP`. */
  readonly name: string;
  /** HD-1 values that mean it. The first is the one written. */
  readonly namespaces?: readonly string[];
  /** HD-2 when HD-3 is `ISO`. */
  readonly oid?: string | undefined;
  /** `Identifier.system` of its numbers. */
  readonly system: string;
}

/** Why something did not make it to the other side, or made it in another form. */
export type LossKind =
  /** No row speaks of it. */
  | 'unmapped'
  /** A row keeps it raw: not in the resource, untouched by an update. */
  | 'kept'
  /** A row drops it, with a reason and a name. */
  | 'dropped'
  /** A row reads it, but it is not what the standard says it must be. */
  | 'invalid'
  /** A code map does not know it. */
  | 'unknown-code'
  /** A code map does not know it, and wants somebody to look before anything of the message is used. */
  | 'mapping-needed'
  /** A coding system without a known URI. */
  | 'unknown-system'
  /** An assigning authority that is not registered. */
  | 'unknown-authority'
  /** A repetition or an alternative that has no room on the other side. */
  | 'no-room'
  /** Told to be deleted (`""`). */
  | 'deleted'
  /** Write: an element of the resource that does not come back when the tree is read again. */
  | 'not-carried'
  /** Write: an element that the resource did not have and the tree says. */
  | 'added'
  /** Write: text that follows from what was carried: the display of a reference or of a code. */
  | 'derived';

/** One line of a loss report. Never holds a value: it may be shown, logged and sent. */
export interface Loss {
  readonly kind: LossKind;
  /**
   * Place in the legacy tree (`PID-5[2].9`) on a read, FHIRPath of the element (`Patient.name[0].period`) on a write.
   */
  readonly path: string;
  readonly why?: string;
}

/** What one run of a map needs besides the tree: fixed for a backend, or made for each message. */
export interface RunContext {
  readonly authorities: readonly Authority[];
  /** IANA zone of timestamps without an offset: the sending facility's. */
  readonly timeZone: string;
  /**
   * Which authorities' numbers make resource keys, by preference, by resource type; without an entry every registered
   * one does, in the order of the registry.
   */
  readonly keyAuthorities?: Readonly<Record<string, readonly string[]>> | undefined;
  /**
   * Registered name of the authority of numbers that name none: the sending interface's. Default: such numbers make no
   * keys.
   */
  readonly defaultAuthority?: string | undefined;
  /**
   * Resource types that can be read here, so that a reference to them may name a key; others get a logical reference
   * (identifier and display). Default: all.
   */
  readonly readable?: ((type: string) => boolean) | undefined;
  /** Parameters of an interaction that conditions may ask for, e.g. `event`: `A28`. */
  readonly facts?: Readonly<Record<string, string>> | undefined;
  /**
   * What was read before in runs whose context was the same but for its facts, of messages with the same delimiters and
   * character set.
   */
  readonly memo?: Memo | undefined;
}

/** One run: the context, and what got lost so far. */
export interface Run extends RunContext {
  lose(kind: LossKind, path: string, why?: string): void;
  /** How often its facts were asked for. */
  readonly asked: { facts: number };
  /** What was lost so far; undefined in a run that does not report. */
  readonly losses?: readonly Loss[];
  /** The same run, not reporting: for reading what is there before it is written over. */
  readonly quiet: Run;
}

/** Starts a run; `losses` fills as it goes. */
export function startRun(context: RunContext): { readonly run: Run; readonly losses: Loss[] } {
  const losses: Loss[] = [];
  return { run: new StartedRun(context, { facts: 0 }, losses), losses };
}

/** One is made for each resource of a message: it says what its context says, and copies nothing. */
class StartedRun implements Run {
  readonly asked: { facts: number };
  readonly losses?: Loss[];
  private readonly context: RunContext;
  private silent: Run | undefined;

  /** @param losses absent: it does not report */
  constructor(context: RunContext, asked: { facts: number }, losses?: Loss[]) {
    this.context = context;
    this.asked = asked;
    if (losses) this.losses = losses;
    else this.silent = this;
  }

  lose(kind: LossKind, path: string, why?: string): void {
    this.losses?.push(why === undefined ? { kind, path } : { kind, path, why });
  }

  get quiet(): Run {
    return (this.silent ??= new StartedRun(this.context, this.asked));
  }

  get authorities(): RunContext['authorities'] {
    return this.context.authorities;
  }

  get timeZone(): string {
    return this.context.timeZone;
  }

  get keyAuthorities(): RunContext['keyAuthorities'] {
    return this.context.keyAuthorities;
  }

  get defaultAuthority(): RunContext['defaultAuthority'] {
    return this.context.defaultAuthority;
  }

  get readable(): RunContext['readable'] {
    return this.context.readable;
  }

  get facts(): RunContext['facts'] {
    return this.context.facts;
  }

  get memo(): RunContext['memo'] {
    return this.context.memo;
  }
}
