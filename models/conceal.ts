/** Keeps secrets out of what a provider says: a key that comes back, as it is or in one of the forms it travels in, is crossed out. */

/** The forms in which a value may come back: as it is, in an address, in JSON, in hex, in base64 at any offset within a longer text. */
export function formsOf(secret: string): string[] {
  if (secret.length < 6) return [secret];
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // Characters at both ends that also hold bits of what stands beside the secret are left out.
    const whole = text.slice(Math.ceil((before * 4) / 3), Math.floor(((before + bytes.length) * 4) / 3));
    return [whole, whole.replaceAll('+', '-').replaceAll('/', '_')];
  });
  const forms = [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('hex'),
    ...base64,
  ];
  return [...new Set(forms)].toSorted((a, b) => b.length - a.length);
}

/** The text without the secrets. */
export const conceal = (text: string, forms: string[]): string =>
  forms
    .reduce((safe, form) => (form === '' ? safe : safe.replaceAll(form, '[key]')), text)
    // The end of base64, which holds the last bits.
    .replaceAll(/\[key\][A-Za-z0-9+/_-]{0,3}={1,2}/g, '[key]');

/** A plain value with every text in it concealed; the same object where there is nothing to hide. */
export function concealIn<T>(value: T, forms: string[]): T {
  const text = JSON.stringify(value);
  const held = forms.flatMap((form) => [form, JSON.stringify(form).slice(1, -1)]);
  if (text === undefined || !held.some((form) => form !== '' && text.includes(form))) return value;
  return JSON.parse(conceal(text, held)) as T;
}
