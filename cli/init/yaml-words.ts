/** Small pieces of YAML text. */

/** A text as YAML writes it on one line; `$` is doubled, so that nothing in it is taken for a placeholder. */
export const quoted = (text: string): string => {
  const safe = text.replaceAll('$', '$$$$');
  return /^[A-Za-z0-9./][\w./@+-]*$/.test(safe) && !/^([\d.]+$|true$|false$|null$|yes$|no$|on$|off$)/i.test(safe)
    ? safe
    : JSON.stringify(safe);
};

/** The lines, moved to the right; empty ones stay empty. */
export const indent = (lines: string[], by: number): string[] =>
  lines.map((line) => (line === '' ? '' : `${' '.repeat(by)}${line}`));
