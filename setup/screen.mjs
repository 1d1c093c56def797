// @ts-check
/** What setup shows: one line per step on stderr, with size, progress and time; and the error that names its own fix. */

/** Something a person has to do before setup can go on: `fix` is the command to type. */
export class SetupError extends Error {
  /**
   * @param {string} message what happened
   * @param {string} fix what to do about it
   */
  constructor(message, fix) {
    super(message);
    this.name = 'SetupError';
    this.fix = fix;
  }
}

/** @param {number} bytes */
export const megabytes = (bytes) =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.max(1, Math.round(bytes / 1e6))} MB`;

const live = Boolean(process.stderr.isTTY);

/**
 * Runs one step under a line that says what it does and how long it took.
 * @template T
 * @param {string} title e.g. `temporal 1.9.1 (45 MB)`
 * @param {(progress: (text: string) => void) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(title, work) {
  const started = Date.now();
  let shown = -Infinity;
  const pause = live ? 200 : 15_000;
  const show = (/** @type {string} */ text) => {
    if (Date.now() - shown < pause) return;
    shown = Date.now();
    process.stderr.write(live ? `\r\u001b[K  … ${title}  ${text}` : `  … ${title}  ${text}\n`);
  };
  const end = (/** @type {string} */ mark) => {
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    process.stderr.write(`${live ? '\r\u001b[K' : ''}  ${mark} ${title}  ${seconds} s\n`);
  };
  show('');
  try {
    const result = await work(show);
    end('✓');
    return result;
  } catch (error) {
    end('✗');
    throw error;
  }
}

/** A line without work, e.g. what is there already. @param {string} text */
export function note(text) {
  process.stderr.write(`  ${text}\n`);
}
