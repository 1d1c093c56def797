/** Paths as text: joined, shortened, seen from another folder. Nothing is looked up. */

/** A path without `.`, `x/..` and doubled slashes; an empty one is the folder itself. */
export const shortPath = (path: string): string => {
  const rooted = path.startsWith('/');
  const steps: string[] = [];
  for (const step of path.split('/')) {
    if (step === '' || step === '.') continue;
    if (step === '..' && steps.length > 0 && steps.at(-1) !== '..') steps.pop();
    else if (step !== '..' || !rooted) steps.push(step);
  }
  return (rooted ? '/' : '') + steps.join('/');
};

/** `path` seen from where `folder` is seen; an absolute path stays what it is. */
export const joinPath = (folder: string, path: string): string =>
  shortPath(path.startsWith('/') || folder === '' ? path : `${folder}/${path}`);

/** The folder of a file; empty for a bare name. */
export const folderOf = (path: string): string => {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, Math.max(1, slash));
};

/** The last part of a path. */
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
