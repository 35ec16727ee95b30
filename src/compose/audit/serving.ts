import { FicusError } from '../../errors.ts';
import type { Backend, Layer } from '../../ports.ts';

/** Answers a type itself, in place of the systems behind Ficus; without a backend it is no part of the API here. */
export function serving(type: string, backend: Backend | undefined): Layer {
  return (next) => ({
    async handle(request, context) {
      if (request.type !== type) return next.handle(request, context);
      if (backend) return backend.handle(request, context);
      throw new FicusError(
        'not-promised',
        'This resource type is not part of the API; /metadata lists what is.',
      );
    },
  });
}
