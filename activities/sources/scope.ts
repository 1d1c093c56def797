/** Which addresses belong to a source: one origin, a folder of it, and the patterns of `include` and `exclude`. */

/** Longest address that is followed. */
const longest = 2000;

/** An address as it is compared and asked for: no fragment, no tracking words; undefined for what is no page of the web. */
export const addressOf = (text: string, base: URL): URL | undefined => {
  if (text.length > longest || !URL.canParse(text, base.href)) return undefined;
  const url = new URL(text, base);
  if (!/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '' || url.href.length > longest)
    return undefined;
  url.hash = '';
  for (const name of [...url.searchParams.keys()])
    if (/^(?:utm_\w+|gclid|fbclid|mc_eid)$/.test(name)) url.searchParams.delete(name);
  if (url.search === '') url.search = '';
  return url;
};

export interface Scope {
  /** Of the same origin and below the folder. */
  holds(url: URL): boolean;
  /** Asked for: `include` and `exclude` say so. */
  wants(url: URL): boolean;
}

interface Patterns {
  include?: string[];
  exclude?: string[];
}

/** The scope of a crawl: the folder of its first page. `/docs` without a dot counts as a folder, as `/docs/` does. */
export const scopeOfSite = (start: URL, patterns: Patterns): Scope => {
  const cut = start.pathname.lastIndexOf('/') + 1;
  const isFile = start.pathname.slice(cut).includes('.');
  const folder = isFile || cut === start.pathname.length ? start.pathname.slice(0, cut) : `${start.pathname}/`;
  const below = ({ pathname }: URL): boolean => pathname.startsWith(folder) || pathname === start.pathname;
  return { holds: (url) => url.origin === start.origin && below(url), wants: wantedBy(patterns) };
};

/** The scope of a sitemap: its origin. */
export const scopeOfSitemap = (sitemap: URL, patterns: Patterns): Scope => ({
  holds: (url) => url.origin === sitemap.origin,
  wants: wantedBy(patterns),
});

const wantedBy = ({ include, exclude = [] }: Patterns): ((url: URL) => boolean) => {
  const wanted = include?.map(matcherOf);
  const unwanted = exclude.map(matcherOf);
  return (url) => (wanted?.some((matches) => matches(url)) ?? true) && !unwanted.some((matches) => matches(url));
};

/** `**` stands for anything, `*` for anything but `/`; from `/` on the path is compared, else the whole address. */
const matcherOf = (pattern: string): ((url: URL) => boolean) => {
  const source = pattern
    .split(/(\*+)/)
    .map((part) => {
      if (part === '*') return '[^/]*';
      return part.startsWith('**') ? '.*' : part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&');
    })
    .join('');
  const whole = new RegExp(`^${source}$`);
  const path = pattern.startsWith('/');
  return ({ href, pathname, search }) =>
    path ? whole.test(pathname) || whole.test(pathname + search) : whole.test(href);
};
