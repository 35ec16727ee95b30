import type { Backend, Layer } from '../ports.ts';
import { stillUnknown } from './outcome.ts';

/**
 * For a backend that cannot be asked whether a write took effect: one in doubt stays so and is not sent, unless it is a
 * create that says itself what to ask first (`If-None-Exist`), which the service then does.
 */
export function cannotBeAsked(): Layer {
  return (next: Backend): Backend => ({
    async handle(request, context) {
      const decides = request.interaction === 'create' && request.ifNoneExist !== undefined;
      if (request.attempt?.doubtful && !decides) throw stillUnknown();
      return next.handle(request, context);
    },
  });
}
