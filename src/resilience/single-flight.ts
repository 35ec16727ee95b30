import { Cancellation } from '../cancellation.ts';
import { FicusError } from '../errors.ts';
import type { Backend, FhirRequest, FhirResponse, Layer, RequestContext } from '../ports.ts';
import type { Exchange } from '../security-ports.ts';
import { isWrite, noAnswer, orAborted } from './interaction.ts';

export interface SingleFlightOptions {
  /** Called for each request that is answered by the flight of another. */
  readonly onShared?: () => void;
}

/** What a flight answers. */
interface Destination {
  /** Of a plain read the id, else everything else that the answer depends on. */
  readonly name: string;
  readonly type: string;
  readonly handling: string;
  /** Key of the caller. */
  readonly caller: string;
}

interface Flight {
  readonly to: Destination;
  readonly answer: Promise<FhirResponse>;
  readonly signal: Cancellation;
  readonly deadline: number;
  /** With systems behind Ficus: they are those of everyone who is answered by it. */
  readonly exchanges: readonly Exchange[];
  /** Requests that still wait for it. */
  members: number;
  /** A streamed body has one reader. */
  taken: boolean;
}

/**
 * Identical reads, vreads and searches of one principal at the same time become one. Everybody keeps their own deadline
 * and may leave; the flight is given up when all have left. Writes are never shared, and a read that begins after a
 * write has ended never joins a flight from before it.
 */
export function singleFlight(options: SingleFlightOptions = {}): Layer {
  return (next: Backend): Backend => {
    /** Flights that can still be joined, by the name of where they go. */
    const flights = new Map<string, Flight[]>();

    function take(flight: Flight): void {
      const there = flights.get(flight.to.name);
      if (there) there.push(flight);
      else flights.set(flight.to.name, [flight]);
    }

    function drop(flight: Flight): void {
      const { name } = flight.to;
      const there = flights.get(name);
      const at = there?.indexOf(flight) ?? -1;
      if (!there || at === -1) return;
      if (there.length === 1) flights.delete(name);
      else there.splice(at, 1);
    }

    function start(to: Destination, request: FhirRequest, context: RequestContext): Flight {
      const signal = new Cancellation();
      const exchanges: Exchange[] = [];
      const exchanged = (exchange: Exchange) => void exchanges.push(exchange);
      const answer = next.handle(request, { ...context, signal, exchanged });
      const { deadline } = context;
      const flight: Flight = { to, answer, signal, deadline, exchanges, members: 0, taken: false };
      const land = () => drop(flight);
      const landWith = (response: FhirResponse) => {
        land();
        if (flight.members === 0 && response.body.kind === 'pipe') response.body.discard();
      };
      take(flight);
      answer.then(landWith, land);
      return flight;
    }

    async function join(
      flight: Flight,
      request: FhirRequest,
      context: RequestContext,
    ): Promise<FhirResponse> {
      flight.members += 1;
      try {
        return await orAborted(flight.answer, context.signal, () => noAnswer(request));
      } finally {
        for (const exchange of flight.exchanges) context.exchanged?.(exchange);
        flight.members -= 1;
        if (flight.members === 0 && context.signal.aborted) {
          drop(flight);
          flight.signal.abort();
        }
      }
    }

    async function share(request: FhirRequest, context: RequestContext): Promise<FhirResponse> {
      const to = destinationOf(request, context);
      for (;;) {
        if (context.signal.aborted) throw noAnswer(request);
        const joined = flights.get(to.name)?.find((flight) => isSame(flight.to, to));
        const flight = joined ?? start(to, request, context);
        let response: FhirResponse;
        try {
          response = await join(flight, request, context);
        } catch (error) {
          if (endedTooEarly(error, flight, context)) continue;
          throw error;
        }
        if (response.body.kind === 'pipe') {
          if (flight.taken) return next.handle(request, context);
          flight.taken = true;
          context.signal.addEventListener('abort', () => flight.signal.abort(), { once: true });
        } else if (joined) options.onShared?.();
        return response;
      }
    }

    async function write(request: FhirRequest, context: RequestContext): Promise<FhirResponse> {
      try {
        return await next.handle(request, context);
      } finally {
        flights.clear();
      }
    }

    return {
      handle(request, context) {
        return isWrite(request) ? write(request, context) : share(request, context);
      },
    };
  };
}

/** The time of whoever began the flight was up, ours is not. */
function endedTooEarly(error: unknown, flight: Flight, context: RequestContext): boolean {
  return (
    error instanceof FicusError &&
    error.code === 'timeout' &&
    context.deadline > flight.deadline &&
    !context.signal.aborted
  );
}

/** Everything that the answer depends on. Of a plain read that is its id, besides what a Destination tells apart. */
function destinationOf(request: FhirRequest, { principal }: RequestContext): Destination {
  const { interaction, type, id, versionId, query, ifNoneMatch, handling } = request;
  const isPlain = interaction === 'read' && id !== undefined && !query && ifNoneMatch === undefined;
  // No id begins like a list.
  const name = isPlain ? id : JSON.stringify([interaction, id, versionId, query, ifNoneMatch]);
  return { name, type, handling, caller: principal.key };
}

function isSame(one: Destination, other: Destination): boolean {
  return one.type === other.type && one.caller === other.caller && one.handling === other.handling;
}
