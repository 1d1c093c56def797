/** Sources: repositories and folders that can be read, patterns that can match, places that have something to say. */
import { classifyRepository } from '../../document/repository.ts';
import { at, entriesAt, itemsAt, type Path, type Tree, textAt, toJson } from '../tree.ts';
import { type Check, report } from './report.ts';

/** Checks each entry of `sources`. */
export const checkSources = (check: Check): void => {
  itemsAt(check.tree, 'sources').forEach((source, index) => {
    const path: Path = ['sources', index];
    if (at(source, 'files') !== undefined) checkFiles(check, source, path);
    else if (at(source, 'site') !== undefined || at(source, 'sitemap') !== undefined) checkWeb(check, source, path);
    else if (at(source, 'environment') !== undefined) checkPlace(check, source, path);
  });
};

/** Texts of a key that takes one or a list, each with its path. */
const texts = (source: Tree, path: Path, name: string): [string, Path][] => {
  const one = textAt(source, name);
  if (one !== undefined) return [[one, [...path, name]]];
  return itemsAt(source, name).flatMap((item, index): [string, Path][] =>
    item.kind === 'scalar' && typeof item.value === 'string' ? [[item.value, [...path, name, index]]] : [],
  );
};

const checkFiles = (check: Check, source: Tree, path: Path): void => {
  const carrier = ['package', 'git'].filter((name) => at(source, name) !== undefined);
  if (carrier.length > 1) {
    const fix = 'make two entries, one with package and one with git';
    report(
      check,
      [...path, 'git'],
      { code: 'source', message: 'files cannot lie in a package and in a repository', fix },
      'key',
    );
  }
  if (at(source, 'ref') !== undefined && at(source, 'git') === undefined) {
    const fix = 'add git: with the address of the repository, or remove ref';
    report(
      check,
      [...path, 'ref'],
      { code: 'source', message: 'ref names a commit of git, and there is no git', fix },
      'key',
    );
  }
  const repository = textAt(source, 'git');
  if (repository !== undefined) checkRepository(check, repository, [...path, 'git']);
  const ref = textAt(source, 'ref');
  if (ref !== undefined && !/^[\w][\w./+@#-]*$/.test(ref)) {
    report(check, [...path, 'ref'], {
      code: 'source',
      message: `"${ref}" cannot be the name of a branch, tag or commit`,
    });
  }
  for (const [glob, place] of texts(source, path, 'files')) checkGlob(check, glob, place, carrier[0]);
};

const checkRepository = (check: Check, repository: string, path: Path): void => {
  const { kind, problem } = classifyRepository(repository);
  if (problem !== undefined) {
    const expected = ['https://…', 'ssh://… or git@host:path', 'file://…', 'a folder'];
    report(check, path, { code: 'source', message: problem, expected });
  } else if (kind === 'folder' && check.knowing.fileExists?.(repository) === false) {
    const fix = 'paths are relative to the folder of the pipeline file; addresses begin with https://';
    report(check, path, { code: 'file', message: `the folder "${repository}" does not exist`, fix });
  }
};

const checkGlob = (check: Check, glob: string, path: Path, carrier: string | undefined): void => {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(glob)) {
    const fix = `for a page of the web and what it links to write site: ${glob}`;
    report(check, path, { code: 'source', message: `files takes paths, and "${glob}" is an address`, fix });
  } else if (carrier !== undefined && (/^(?:\/|[a-z]:)/i.test(glob) || glob.split(/[/\\]/).includes('..'))) {
    const message = `"${glob}" leaves the folder of the ${carrier === 'git' ? 'repository' : 'package'}`;
    report(check, path, { code: 'source', message, fix: 'write it relative to that folder, without ..' });
  }
};

const checkWeb = (check: Check, source: Tree, path: Path): void => {
  const name = at(source, 'site') === undefined ? 'sitemap' : 'site';
  const address = textAt(source, name);
  const url = address === undefined || !URL.canParse(address) ? undefined : new URL(address);
  if (url !== undefined && (url.username !== '' || url.password !== '')) {
    const fix = 'only pages that need no password can be read; download the others and use files:';
    report(check, [...path, name], {
      code: 'source',
      message: `the address of ${name} holds a name or password`,
      fix,
      hidden: true,
    });
  }
  for (const key of ['include', 'exclude']) {
    for (const [pattern, place] of texts(source, path, key)) checkPattern(check, pattern, place, url);
  }
  if (name === 'site' && url !== undefined && at(source, 'limit') === undefined) {
    report(
      check,
      [...path, name],
      {
        code: 'source',
        severity: 'warning',
        message: 'a site has more pages than one thinks; without limit 200 documents are taken',
        fix: 'add limit: 20 for a first look',
      },
      'key',
    );
  }
};

const checkPattern = (check: Check, pattern: string, path: Path, url: URL | undefined): void => {
  if (!/^(?:\/|\*|https?:\/\/)/.test(pattern)) {
    const expected = ['/docs/**', '**/guide/*', 'https://docs.example.com/guide/**'];
    report(check, path, { code: 'source', message: `"${pattern}" can match no address`, expected });
    return;
  }
  const origin = /^https?:\/\/[^/*]+/.exec(pattern)?.[0];
  if (url === undefined || origin === undefined || origin.toLowerCase() === url.origin) return;
  const message = `"${pattern}" matches nothing: only pages of ${url.origin} are read`;
  report(check, path, { code: 'source', severity: 'warning', message });
};

const checkPlace = (check: Check, source: Tree, path: Path): void => {
  const takes = textAt(source, 'take') ?? 'docs';
  const name = textAt(source, 'environment') ?? '';
  const counted = at(source, 'count') !== undefined;
  const begun = ['tasks', 'seeds'].filter((key) => at(source, key) !== undefined);
  if (takes === 'docs' && counted) {
    const fix = 'add take: observation, or remove count';
    report(check, [...path, 'count'], { code: 'source', message: 'count is of first observations', fix }, 'key');
  }
  if (counted && (takes === 'goals' || begun.length > 0)) {
    const fix = 'write seeds: { count: … } in its place';
    const message = 'count is of sessions as they come; states that a place names are counted by seeds';
    report(check, [...path, 'count'], { code: 'source', message, fix }, 'key');
  }
  for (const key of takes === 'docs' ? begun : []) {
    const fix = `add take: goals, or remove ${key}`;
    report(check, [...path, key], { code: 'source', message: `${key} choose states to begin from`, fix }, 'key');
  }
  const place = entriesAt(check.tree, 'environments').find(([known]) => known === name)?.[1].value;
  if (takes !== 'docs' || place === undefined) return;
  const missing = check.knowing.docsMissing?.(toJson(place));
  if (missing === undefined) return;
  report(check, [...path, 'environment'], {
    code: 'source',
    message: `${name} has no documentation to take: ${missing}`,
    fix: 'take: observation proposes tasks from what is seen there; documentation of the web is read with site: or sitemap:',
  });
};
