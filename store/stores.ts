/** From a store's address to the store. */
import { fileURLToPath } from 'node:url';
import { StoreError } from '../core/errors.ts';
import { type FolderStoreOptions, folderStore } from './folder.ts';
import type { Store } from './store.ts';

/** Opens the store at a folder's path or `file:` URL. Throws a `spec` StoreError for any other address. */
export async function openStore(address: string, options: Pick<FolderStoreOptions, 'readOnly'> = {}): Promise<Store> {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(address)?.[1]?.toLowerCase();
  if (address !== '' && scheme === undefined) return folderStore(address, options);
  if (scheme === 'file') return folderStore(pathOf(address), options);
  throw new StoreError('spec', `No store is known for ${JSON.stringify(address)}: ${EXPECTED}.`);
}

const EXPECTED = 'expected a folder (/data/lbi) or a file: URL (file:///data/lbi)';

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new StoreError('spec', `${JSON.stringify(url)} is not the address of a folder: ${EXPECTED}.`, { cause });
  }
}
