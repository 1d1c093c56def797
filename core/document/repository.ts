/** What a `git:` key names: which of the allowed ways leads there, or why none does. */

/** The ways that may be taken, as git names them; `folder` is a path of this machine. */
type Repository =
  | { kind: 'https' | 'ssh' | 'file' | 'folder'; problem?: undefined }
  | { kind?: undefined; problem: string };

/** Only https, ssh (where it is written), file addresses and folders: git knows others that run programs. */
export const classifyRepository = (repository: string): Repository => {
  if (repository.startsWith('-') || /[\0-\x20]/.test(repository))
    return { problem: `"${repository}" cannot be the address of a repository` };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(repository)?.[1]?.toLowerCase();
  if (scheme === 'https' || scheme === 'ssh' || scheme === 'file') {
    if (!URL.canParse(repository)) return { problem: `"${repository}" cannot be the address of a repository` };
    return scheme === 'https' && new URL(repository).password !== ''
      ? { problem: 'the address of the repository holds a password; let a credential helper of git give it' }
      : { kind: scheme };
  }
  if (scheme !== undefined || /^[a-z]+::/i.test(repository))
    return { problem: `repositories are not read over ${scheme ?? 'a remote helper'}` };
  return { kind: /^[\w.-]+@[\w.-]+:[^:]/.test(repository) ? 'ssh' : 'folder' };
};
