import { Cancellation } from '../cancellation.ts';
import { FicusError } from '../errors.ts';
import type { Backend, FhirRequest, FhirResponse, Layer, RequestContext } from '../ports.ts';
import type { Exchange } from '../security-ports.ts';
import { isWrite, noAnswer, orAborted } from './interaction.ts';

export interface SingleFlightOptions {
  /** Called for each request that is answered by the flight of another. */
  readonly onShared?: () => void;
}

interface Flight {
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
    /** Flights that can still be joined. */
    const flights = new Map<string, Flight>();

    function start(key: string, request: FhirRequest, context: RequestContext): Flight {
      const signal = new Cancellation();
      const exchanges: Exchange[] = [];
      const exchanged = (exchange: Exchange) => void exchanges.push(exchange);
      const answer = next.handle(request, { ...context, signal, exchanged });
      const { deadline } = context;
      const flight: Flight = { answer, signal, deadline, exchanges, members: 0, taken: false };
      const land = () => {
        if (flights.get(key) === flight) flights.delete(key);
      };
      const landWith = (response: FhirResponse) => {
        land();
        if (flight.members === 0 && response.body.kind === 'pipe') response.body.discard();
      };
      flights.set(key, flight);
      answer.then(landWith, land);
      return flight;
    }

    async function join(
      key: string,
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
          if (flights.get(key) === flight) flights.delete(key);
          flight.signal.abort();
        }
      }
    }

    async function share(key: string, request: FhirRequest, context: RequestContext): Promise<FhirResponse> {
      for (;;) {
        if (context.signal.aborted) throw noAnswer(request);
        const joined = flights.get(key);
        const flight = joined ?? start(key, request, context);
        let response: FhirResponse;
        try {
          response = await join(key, flight, request, context);
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
        return isWrite(request) ? write(request, context) : share(keyOf(request, context), request, context);
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

/**
 * Everything that the answer depends on. Of a plain read it is put together by hand: only the key of the caller, which
 * comes last, may have a blank.
 */
function keyOf(request: FhirRequest, { principal: { key } }: RequestContext): string {
  const { interaction, type, id, versionId, query, ifNoneMatch, handling } = request;
  if (interaction === 'read' && id !== undefined && !query && ifNoneMatch === undefined && !id.includes(' '))
    return `${type} ${id} ${handling} ${key}`;
  return JSON.stringify([key, interaction, type, id, versionId, query, ifNoneMatch, handling]);
}
