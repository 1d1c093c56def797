/** Asks the place whether a trajectory reached what it should: the environment's `verify`, once, at the end. */
import { LbiError } from '../core/errors.ts';
import type { SessionPlace, Verification } from '../schemas/flow.ts';
import type { Deps } from './deps.ts';
import { stillHeld } from './lease.ts';

const detailChars = 300;

/** Only a lost session is an error; a verifier that fails has verified nothing, which is not a score of 0. */
export const evaluate =
  (deps: Deps) =>
  async (input: SessionPlace): Promise<Verification> => {
    const session = deps.sessions.get(input.session);
    await stillHeld(deps, input);
    try {
      const { score, detail } = (await session.evaluate?.()) ?? none;
      if (Number.isFinite(score) && score >= 0 && score <= 1) return { score, detail: oneLine(detail) };
      return { score: null, detail: `the verifier gave ${score}, not a number from 0 to 1` };
    } catch (error) {
      if (error instanceof LbiError && error.kind === 'session-lost') {
        await deps.sessions.close(input.session).catch(() => undefined);
        throw error;
      }
      const message = error instanceof Error ? error.message : String(error);
      return { score: null, detail: oneLine(message) };
    }
  };

/** What a place says is data from outside: one short line of plain text. */
const oneLine = (text: string): string =>
  text
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .slice(0, detailChars)
    .toWellFormed();

const none = { score: Number.NaN, detail: '' };
