/**
 * Performs a plan.
 *
 * Guarantees: steps run in their order, one at a time; when one fails, what was done is taken back, last first, and the
 * error that comes out is that of the step; what could not be taken back stands in it as well.
 */
import { messageOf, ZerothError } from '../errors.ts';
import type { Step } from './manager.ts';

/** `done` is told of each step after it was performed. */
export async function performSteps(
  steps: readonly Step[],
  done: (step: Step) => void = () => {},
): Promise<void> {
  const performed: Step[] = [];
  for (const step of steps) {
    try {
      await step.perform();
    } catch (error) {
      const left = await takeBack(performed);
      if (left.length === 0) throw error;
      const code = error instanceof ZerothError ? error.code : 'SERVICE_FAILED';
      throw new ZerothError(code, `${messageOf(error)}; not taken back: ${left.join('; ')}`, {
        cause: error,
      });
    }
    performed.push(step);
    done(step);
  }
}

async function takeBack(performed: readonly Step[]): Promise<string[]> {
  const left: string[] = [];
  for (const { what, undo } of performed.toReversed()) {
    try {
      await undo?.();
    } catch (error) {
      left.push(`${what} (${messageOf(error)})`);
    }
  }
  return left;
}
